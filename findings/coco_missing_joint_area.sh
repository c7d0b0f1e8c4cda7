#!/usr/bin/env bash
# pycocotools 2.0.11: one joint of a result that was not found, written as 0, 0, 0, changes AP(medium).
#
# loadRes gives a list of keypoint results no area but that of the box around all of their points, those at 0, 0
# too. So the box of a person at (100, 450) with one such joint reaches to the photo's corner, and counts as
# large. A false positive then leaves AP(medium): seen here .5 with the joint and 1.0 without it, while AP over all
# sizes stays .5.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pycocotools==2.0.11
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib
import io

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def person(x, y):
    return [(x + 10 * (i % 4), y + 5 * i) for i in range(17)]


def flat(points, third, missing=None):
    return [v for i, p in enumerate(points) for v in ((0, 0, 0) if i == missing else (*p, third))]


labelled = flat(person(400, 400), 2, missing=9)
truth = COCO()
truth.dataset = {
    "info": {},
    "images": [{"id": 1, "width": 640, "height": 640}],
    "categories": [{"id": 1, "name": "person", "keypoints": list("abcdefghijklmnopq")}],
    "annotations": [
        {
            **{"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 2500.0},
            **{"bbox": [400, 400, 30, 80], "num_keypoints": 16, "keypoints": labelled},
        }
    ],
}


def scores(missing):
    found = {"image_id": 1, "category_id": 1, "score": 0.5, "keypoints": flat(person(400, 400), 1)}
    false = found | {"score": 0.9, "keypoints": flat(person(100, 450), 1, missing)}
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([found, false]), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(evaluation.stats[0], 3), round(evaluation.stats[3], 3)


whole, lacking = scores(None), scores(9)
print(f"AP, AP(medium): {whole} with all joints, {lacking} with one at 0, 0")
assert whole == (0.5, 0.5) and lacking == (0.5, 1.0)
PYTHON
