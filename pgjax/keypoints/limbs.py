"""A pose with another person's limb lengths: how the target is posed, as long as the source is built."""

from collections.abc import Sequence

import numpy as np

from pgjax.keypoints import Pose, make_pose
from pgjax.pose import skeleton

PARENT = {child: parent for parent, child in skeleton.TREE}


def _limbs(*names: tuple[str, str]) -> tuple[tuple[int, int], ...]:
    return tuple((skeleton.INDEX[a], skeleton.INDEX[b]) for a, b in names)


def _both(a: str, b: str) -> tuple[tuple[int, int], ...]:
    return _limbs(*((f"{side}_{a}", f"{side}_{b}") for side in ("right", "left")))


# Limbs that have one length together. Shoulders are none: they shrink as a body turns, and follow the whole.
GROUPS = {
    "torso": _limbs(("neck", "right_hip"), ("neck", "left_hip")),
    "head": _limbs(("neck", "nose")),
    "upper_arms": _both("shoulder", "elbow"),
    "forearms": _both("elbow", "wrist"),
    "thighs": _both("hip", "knee"),
    "shins": _both("knee", "ankle"),
}
TORSO = [skeleton.INDEX[name] for name in ("neck", "right_hip", "left_hip")]
MOST = 1.5
"""How far a group's ratio may lie from the whole body's: beyond it, a limb points at the camera."""


def refit(source: Pose, targets: Sequence[Pose]) -> list[Pose]:
    """The targets' poses with the source's limb lengths.

    A picture shortens a limb that points toward the camera, so a person's length of a limb is the
    longest that is seen: of both sides and, of the targets, in all of them. Each limb of a target
    keeps its direction, and its length is multiplied by the source's length over the targets' one.

    Args:
      source: the person.
      targets: poses of one person, such as a sequence; in pixels like the source's, whose scale they
        then have.

    Returns:
      The targets, the middle of their torsos where it was.
    """
    ratios = _ratios(source, targets)
    return [_scaled(target, ratios) for target in targets]


def _ratios(source: Pose, targets: Sequence[Pose]) -> np.ndarray:
    """(18,): what the length of the limb that ends in a joint is multiplied by."""
    found = {}
    for name, limbs in GROUPS.items():
        wanted, given = _longest([source], limbs), _longest(targets, limbs)
        if wanted > 0 and given > 0:
            found[name] = wanted / given
    whole = float(np.median(list(found.values()))) if found else 1.0
    ratios = np.full(len(skeleton.JOINTS), whole)
    for name, ratio in found.items():
        ratio = np.clip(ratio, whole / MOST, whole * MOST)
        for _, end in GROUPS[name]:
            ratios[end] = ratio
    for joint, name in enumerate(skeleton.JOINTS):
        if name.endswith(("eye", "ear")):  # a face turns away
            ratios[joint] = ratios[skeleton.INDEX["nose"]]
    return ratios


def _longest(poses: Sequence[Pose], limbs: Sequence[tuple[int, int]]) -> float:
    lengths = [
        float(np.linalg.norm(pose.keypoints[a] - pose.keypoints[b]))
        for pose in poses
        for a, b in limbs
        if pose.visible[a] and pose.visible[b]
    ]
    return max(lengths, default=0.0)


def _scaled(pose: Pose, ratios: np.ndarray) -> Pose:
    if not pose.visible.any():
        return pose
    root = skeleton.INDEX["neck"]
    if not pose.visible[root]:
        root = int(np.argmax(pose.visible))
    points = pose.keypoints.copy()
    # Parents stand before their children in the tree.
    for _, joint in skeleton.TREE:
        if pose.visible[joint] and joint != root:
            above = PARENT[joint]
            while above in PARENT and not pose.visible[above]:
                above = PARENT[above]
            if not pose.visible[above]:
                above = root
            step = pose.keypoints[joint] - pose.keypoints[above]
            points[joint] = points[above] + ratios[joint] * step
    middle = pose.visible & np.isin(np.arange(len(points)), TORSO)
    middle = middle if middle.any() else pose.visible
    points += (pose.keypoints - points)[middle].mean(axis=0)
    return make_pose(points, pose.visible, pose.confidence, pose.size)
