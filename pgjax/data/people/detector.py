"""Which joints a pose detector would have found: hidden, cut off and overlooked ones are missing.

Rates follow the published Market-1501 training annotation (12,936 images): nothing found 3 %, shoulders
1 %, hips 2 %, knees 8 %, ankles 21 %, elbows 22 %, wrists 41 %, nose 39 %, eyes 50 %, ears 45 % of the rest.
"""

import numpy as np

from pgjax.skeleton import INDEX, JOINTS

FAILED = 0.032
BEHIND = 0.05  # body heights that something must lie in front of a joint to hide it
# kind of joint: (overlooked when in sight, overlooked when hidden by the body itself)
OVERLOOKED = {
    "nose": (0.05, 0.97), "neck": (0.0, 0.0), "shoulder": (0.005, 0.01), "elbow": (0.07, 0.6),
    "wrist": (0.16, 0.85), "hip": (0.01, 0.015), "knee": (0.02, 0.12), "ankle": (0.06, 0.3),
    "eye": (0.12, 0.97), "ear": (0.1, 0.9),
}  # fmt: skip
LOST = {"face": 0.08, "right_arm": 0.07, "left_arm": 0.07, "feet": 0.08}
GROUPS = {
    "face": ("nose", "right_eye", "left_eye"),
    "right_arm": ("right_elbow", "right_wrist"),
    "left_arm": ("left_elbow", "left_wrist"),
    "feet": ("right_ankle", "left_ankle"),
}
FACIAL = ("nose", "eye", "ear")


def detect(chance, canvas, joints, scale, occluder):
    """visible (18,) bool for scene joints (18, 3); `occluder`: part number of foreign things in front."""
    depth, part = canvas.at(joints)
    height, width = canvas.size
    edge = width / height / 2
    inside = (abs(joints[:, 0]) < edge) & (joints[:, 1] > 0) & (joints[:, 1] < 1)
    visible = inside.copy()
    failed = chance.happens(FAILED)
    lost = {joint for name, rate in LOST.items() if chance.happens(rate) for joint in GROUPS[name]}
    for name, index in INDEX.items():
        kind = name.split("_")[-1]
        room = 0.012 if kind in FACIAL else BEHIND
        hidden = depth[index] > joints[index, 2] + room * scale
        in_sight, behind = OVERLOOKED[kind]
        rate = behind if hidden else in_sight
        if part[index] == occluder:
            rate = 0.9
        if chance.happens(rate) or name in lost:
            visible[index] = False
    return np.zeros(len(JOINTS), bool) if failed else visible
