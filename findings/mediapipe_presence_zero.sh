#!/usr/bin/env bash
# mediapipe 0.10.21: a landmark of the older solutions (mp.solutions.pose) has a `presence` that is 0.0 and was never set.
#
# The message has the field, so its attribute gives the default, which reads like "certainly not there".
# MessageToDict leaves it out. Files written from the attributes x, y, z, visibility and presence so hold presence 0.0
# for all 33 landmarks; files of the tasks API hold a true value under the same name. Seen on scikit-image's photo of
# an astronaut, whose hip below the photo's edge (y 1.04) still has a visibility of .26.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mediapipe==0.10.21 scikit-image==0.24.0
"$folder/venv/bin/python" - <<'PYTHON'
import mediapipe
from google.protobuf.json_format import MessageToDict
from skimage import data

pose = mediapipe.solutions.pose.Pose(static_image_mode=True)
found = pose.process(data.astronaut()).pose_landmarks
landmarks = found.landmark
print("presence:", {landmark.presence for landmark in landmarks})
print("keys:", sorted(MessageToDict(found)["landmark"][0]))
hip = landmarks[mediapipe.solutions.pose.PoseLandmark.RIGHT_HIP]
print(f"right hip: y {hip.y:.2f}, visibility {hip.visibility:.2f}")
assert len(landmarks) == 33
assert {landmark.presence for landmark in landmarks} == {0.0}
assert not any(landmark.HasField("presence") for landmark in landmarks)
assert all(landmark.HasField("visibility") for landmark in landmarks)
assert sorted(MessageToDict(found)["landmark"][0]) == ["visibility", "x", "y", "z"]
assert hip.y > 1 and hip.visibility > 0.2
PYTHON
