"""How far BlazePose's landmarks here lie from those of mediapipe 0.10.21 itself, in pixels.

    python3.11 -m venv /tmp/mediapipe && /tmp/mediapipe/bin/pip install mediapipe==0.10.21
    python -m benchmarks.against_mediapipe PHOTOS --peer=/tmp/mediapipe/bin/python --weights=data/weights

PHOTOS is a folder of photos of 200 pixels and more; --every takes each n-th of them. The peer runs in its own
Python, since it needs a NumPy before version 2.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import measure
from pgjax.frozen import estimators
from pgjax.frozen.estimators import blazepose_outputs as outputs
from pgjax.frozen.estimators.regions import around
from pgjax.images import photo
from pgjax.runtime import cpu_process
from pgjax.tools import cli

PEER = """
import sys
import mediapipe, numpy as np
found = {}
with np.load(sys.argv[1]) as photos:
    for name in photos:
        options = dict(static_image_mode=True, model_complexity=1, min_detection_confidence=0.5)
        with mediapipe.solutions.pose.Pose(**options) as pose:
            people = pose.process(photos[name]).pose_landmarks
        height, width = photos[name].shape[:2]
        people = people.landmark if people else ()
        found[name] = np.array([[x.y * height, x.x * width] for x in people]).reshape(-1, 2)
np.savez(sys.argv[2], **found)
"""


def peers(photos: dict[str, np.ndarray], python: str) -> dict[str, np.ndarray]:
    """(33, 2) by name, or (0, 2) of nobody."""
    with tempfile.TemporaryDirectory() as folder:
        given, answers = Path(folder, "photos.npz"), Path(folder, "landmarks.npz")
        np.savez(given, **photos)
        subprocess.run([python, "-c", PEER, given, answers], check=True, capture_output=True)
        with np.load(answers) as found:
            return dict(found)


def ours(estimator, picture: np.ndarray) -> np.ndarray:
    """As `peers`, from the photo's corner."""
    square = around(picture.shape[:2])
    seen = square.picture(picture, outputs.DETECTOR_PIXELS, black=True)
    for region in outputs.people(estimator._detect(seen / 127.5 - 1), square)[:1]:
        seen = region.picture(picture, outputs.LANDMARK_PIXELS)
        shares, _, presence = outputs.landmarks(estimator._find(seen / 255))
        if presence > 0.5:
            return region.points(shares)
    return np.zeros((0, 2))


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.against_mediapipe",
        description="Compare BlazePose's landmarks with those of mediapipe 0.10.21.",
    )
    parser.add_argument("photos", metavar="PHOTOS", help="folder of photos")
    parser.add_argument("--peer", metavar="PYTHON", required=True, help="has mediapipe 0.10.21")
    parser.add_argument("--weights", metavar="DIR", default=estimators.WEIGHTS)
    parser.add_argument("--every", type=int, default=1, help="each n-th photo (default: all)")
    parser.add_argument("--out", metavar="FILE", help="gets the figures as JSON")
    args = parser.parse_args(argv)
    estimator = estimators.load("blazepose", args.weights)
    paths = sorted(Path(args.photos).iterdir())[args.every - 1 :: args.every]
    photos = {str(i): photo.read_photo(path) for i, path in enumerate(paths)}
    theirs, mine = peers(photos, args.peer), {n: ours(estimator, x) for n, x in photos.items()}
    both = [name for name in photos if len(theirs[name]) and len(mine[name])]
    gaps = np.concatenate([np.linalg.norm(mine[n] - theirs[n], axis=1) for n in both])
    found = {
        "photos": len(photos),
        "both_find_a_person": len(both),
        "one_alone_does": sum(bool(len(theirs[n])) != bool(len(mine[n])) for n in photos),
        "median_px": round(float(np.median(gaps)), 3),
        "within_1_px": round(float((gaps < 1).mean()), 3),
        "largest_px": round(float(gaps.max()), 2),
    }
    print(json.dumps(found))
    measure.write(args.out, measure.machine() | found)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
