"""The orders in which tools list the joints of a person: the table LAYOUTS.

A new layout is a record here. If a file does not name its joints, their number shows the layout. If
several layouts have this number, the most plausible person decides (`choose`). Joints that
pgjax.pose.skeleton lacks are ignored.
"""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints.pose import marked
from pgjax.pose import skeleton

SIDES = ("left", "right")
PARTS = "(shoulder|elbow|wrist|hip|knee|ankle|eye|ear)"


def _both(*parts: str) -> tuple[str, ...]:
    """Left and right of each part in turn, as COCO lists them."""
    return tuple(f"{side}_{part}" for part in parts for side in SIDES)


def _each(*parts: str) -> tuple[str, ...]:
    """All parts of the left side, then of the right."""
    return tuple(f"{side}_{part}" for side in SIDES for part in parts)


def _right_first(*parts: str) -> tuple[str, ...]:
    """All parts of the right side, then of the left."""
    return tuple(f"{side}_{part}" for side in reversed(SIDES) for part in parts)


@dataclasses.dataclass(frozen=True)
class Layout:
    """An order of joints.

    joints: their names; more: how many points of face and hands follow, which are not read. missing: how
    files write a joint that was not found, beside a confidence of 0. source: where the order is from.
    """

    joints: tuple[str, ...]
    more: int
    missing: str
    source: str

    @property
    def count(self) -> int:
        return len(self.joints) + self.more

    @property
    def neck(self) -> str:
        return "its own" if "neck" in self.joints else "middle of the shoulders"


COCO_18 = skeleton.JOINTS
COCO_17 = ("nose", *_both("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))
FEET = _each("big_toe", "small_toe", "heel")
LIMBS = _both("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
HALPE_26 = (*COCO_17, "head", "neck", "hip", *_both("big_toe", "small_toe", "heel"))
MEDIAPIPE = (
    *("nose", *_each("eye_inner", "eye", "eye_outer"), *_both("ear"), "mouth_left", "mouth_right"),
    *_both("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
    *_both("hip", "knee", "ankle", "heel", "foot_index"),
)
MPII = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("pelvis", "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow"),
    *("right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
)
ARMS = _right_first("shoulder", "elbow", "wrist")
AIC = (*ARMS, *_right_first("hip", "knee", "ankle"), "head_top", "neck")
BODY_25B = (*COCO_17, "upper_neck", "head_top", *FEET)
ZEROS, MARK = "0, 0", "0, 0 and v 0"

LAYOUTS = {
    "coco18": Layout(COCO_18, 0, ZEROS, "OpenPose 1.7, POSE_COCO_BODY_PARTS"),
    "coco17": Layout(COCO_17, 0, MARK, "COCO 2017, person_keypoints_val2017.json"),
    "body25": Layout(
        (*COCO_18[:8], "middle_hip", *COCO_18[8:], *FEET),
        *(0, ZEROS, "OpenPose 1.7, POSE_BODY_25_BODY_PARTS"),
    ),
    "body25b": Layout(BODY_25B, 0, ZEROS, "OpenPose 1.7, POSE_BODY_25B_BODY_PARTS"),
    "body135": Layout(BODY_25B, 110, ZEROS, "OpenPose 1.7, POSE_BODY_135_BODY_PARTS"),
    "halpe26": Layout(HALPE_26, 0, ZEROS, "Halpe-FullBody; AlphaPose 0.5, MMPose 1.3.2"),
    "halpe136": Layout(HALPE_26, 110, ZEROS, "Halpe-FullBody; AlphaPose 0.5, MMPose 1.3.2"),
    "wholebody133": Layout((*COCO_17, *FEET), 110, MARK, "COCO-WholeBody 1.0; MMPose 1.3.2"),
    "wholebody134": Layout(
        (*COCO_18, *FEET), 110, ZEROS, "MMPose 1.3.2, coco_wholebody_openpose; DWPose"
    ),
    "crowdpose14": Layout((*LIMBS, "top_head", "neck"), 0, MARK, "CrowdPose; MMPose 1.3.2"),
    "aic14": Layout(AIC, 0, MARK, "AI Challenger; MMPose 1.3.2"),
    "posetrack17": Layout(
        ("nose", "head_bottom", "head_top", *_both("ear"), *LIMBS),
        *(0, MARK, "PoseTrack18; MMPose 1.3.2"),
    ),
    "mpii16": Layout(MPII, 0, ZEROS, "MPII; MMPose 1.3.2"),
    "mediapipe33": Layout(
        MEDIAPIPE, 0, "visibility or presence near 0", "MediaPipe 0.10.21 and 1.2.3, PoseLandmark"
    ),
}
LONGEST = 0.5  # share of a person's height or width: a person's limbs are shorter on average
# The limbs of a person, those of joints that are not read too.
JOINED = (
    *((skeleton.JOINTS[a], skeleton.JOINTS[b]) for a, b in skeleton.TREE),
    *((f"{side}_hip", "middle_hip") for side in SIDES),
    *((f"{side}_shoulder", "upper_neck") for side in SIDES),
    *((f"{side}_ankle", f"{side}_heel") for side in SIDES),
    *(("upper_neck", "head_top"), ("neck", "head_top"), ("neck", "top_head")),
)
NAMED_ONLY = ("posetrack17",)  # as many joints as a layout that is far more frequent


def counted(count: int, among: Sequence[str] = ()) -> list[str]:
    """The layouts of so many joints, among those named or all, the most frequent first."""
    names = among or [name for name in LAYOUTS if name not in NAMED_ONLY]
    return [name for name in names if LAYOUTS[name].count == count]


def known(among: Sequence[str] = ()) -> str:
    """The numbers of joints that are known, with the layouts' names."""
    counts = sorted({LAYOUTS[name].count for name in among or LAYOUTS})
    parts = (
        f"{count} ({' or '.join(n for n in among or LAYOUTS if LAYOUTS[n].count == count)})"
        for count in counts
    )
    return ", ".join(parts)


def choose(tables: Sequence[np.ndarray], names: Sequence[str]) -> tuple[str, bool]:
    """Which of several layouts of an equal number of joints people are in, and whether they tell.

    Where they don't, it is the first, the most frequent.

    The wrong order joins a wrist to a shoulder: its limbs are longer.

    Args:
      tables: of each person (J, 3), x, y, confidence, 0 where missing.
    """
    lengths = {
        name: np.concatenate([_limbs(table, LAYOUTS[name].joints) for table in tables])
        for name in names
    }
    # Of few limbs it says little that they are short.
    costs = {
        name: found.sum() / n + 0.5 / n if (n := len(found)) else 1.0
        for name, found in lengths.items()
    }
    best, second = sorted(costs, key=costs.__getitem__)[:2]
    plain = costs[best] <= LONGEST and costs[best] < 0.8 * costs[second]
    return (best, True) if plain else (names[0], False)


def _limbs(table: np.ndarray, joints: Sequence[str]) -> np.ndarray:
    """The lengths of the limbs that are seen, in shares of the person's height or width."""
    rows = dict(zip(joints, table, strict=False))
    seen = {n: row[:2] for n, row in rows.items() if row[2] > 0 and not marked(row[None, :2])[0]}
    if not seen:
        return np.zeros(0)
    span = np.ptp(list(seen.values()), axis=0).max()
    ends = [(seen[a], seen[b]) for a, b in JOINED if a in seen and b in seen]
    return np.array([np.hypot(*(a - b)) for a, b in ends]) / max(span, 1e-9)


def joint_names(names: Sequence[object]) -> tuple[str, ...]:
    """Names of joints as pgjax.pose.skeleton writes them, however a file spells them.

    Raises:
      InputError: a joint is named twice, or fewer than three are known.
    """
    found = tuple(_name(str(name)) for name in names)
    ours = [name for name in found if name in skeleton.INDEX]
    if len(set(ours)) < len(ours) or len(ours) < 3:
        fault = "one is named twice" if len(set(ours)) < len(ours) else "nearly none is known"
        raise InputError(
            f"the joints are {', '.join(map(str, names))}: {fault}; expected names such as COCO's "
            f"{', '.join(COCO_17)}"
        )
    return found


def _name(text: str) -> str:
    """LShoulder, leftShoulder, "left shoulder", shoulder-left and l_shoulder are left_shoulder."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text.strip()).lower()
    text = re.sub(rf"^(left|right|l|r)(?={PARTS}$)", r"\1_", text)
    parts = [part for part in re.split(r"[^a-z0-9]+", text) if part]
    side = [side for part in parts for side in SIDES if part in (side, side[0])]
    return "_".join([*side[:1], *(part for part in parts if part not in ("l", "r", *SIDES))])
