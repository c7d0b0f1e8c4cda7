"""Signs that keypoints are not what they should be: sides swapped, x and y exchanged, another photo's.

Of a face that is seen, the right eye is left of the left eye in the photo; of a head seen from
behind, the right ear is right of the left ear; up is where the neck is from the hips, so people who
lie are no exception. Exchanging x and y mirrors a person and lays it on its side. Of the 19,706 poses
of the published test annotations this doubts 15; with left and right swapped half of them (those
that show a head), with x and y exchanged 98 %.
"""

import collections
from collections.abc import Iterable

import numpy as np

from pgjax import skeleton
from pgjax.keypoints.pose import Pose

OUTSIDE, EXCHANGED, SWAPPED, RESIZED = "outside", "exchanged", "swapped", "resized"
TORSO_END = [skeleton.INDEX[f"{side}_hip"] for side in ("right", "left")]
LEGS = [skeleton.INDEX[f"{s}_{part}"] for part in ("knee", "ankle") for s in ("right", "left")]


def suspicions(pose: Pose, size: tuple[int, int] | None = None) -> list[str]:
    """What looks wrong with a pose, in words; none if nothing does, or if too little is seen to tell.

    Args:
      size: (height, width) of the photo; the pose's own where None.
    """
    return list(_signs(pose, size).values())


def summary(poses: Iterable[tuple[Pose, tuple[int, int] | None]]) -> list[str]:
    """What looks wrong with many poses, one line a kind of fault, such as for a whole data set.

    Args:
      poses: with the size (height, width) of the photo, or None, as for `suspicions`.
    """
    words = {
        SWAPPED: "left and right look swapped",
        EXCHANGED: "x and y look exchanged",
        OUTSIDE: "joints lie outside the photo",
        RESIZED: "of a photo of another size",
    }
    counts, total = collections.Counter(), 0
    for pose, size in poses:
        counts.update(_signs(pose, size).keys())
        total += 1
    return [f"{counts[kind]} of {total} poses: {words[kind]}" for kind in words if counts[kind]]


def _signs(pose: Pose, size: tuple[int, int] | None) -> dict[str, str]:
    signs = {}
    size = pose.size if size is None else size
    if pose.size not in (None, size):
        signs[RESIZED] = "keypoints of a photo of {}x{}, but this one is {}x{}".format(
            *pose.size, *size
        )
    outside = _outside(pose.keypoints, pose.visible, size)
    exchanged = pose.keypoints[:, ::-1]
    face, shoulders = _handedness(pose)
    if outside.any() and not _outside(exchanged, pose.visible, size).any():
        signs[EXCHANGED] = (
            "x and y look exchanged: joints lie outside the photo that otherwise lay inside"
        )
    elif _on_its_side(pose) and face <= 0:
        signs[EXCHANGED] = "x and y look exchanged: the head is left of the legs" + (
            ", and the person mirrored" if face < 0 else ", unless the person lies so"
        )
    elif face < 0:
        signs[SWAPPED] = (
            "left and right of the face look swapped, but not of the shoulders: another order of "
            "the joints?"
            if shoulders > 0
            else "left and right look swapped, or the photo is mirrored and they are not"
        )
    elif shoulders < 0:
        signs[SWAPPED] = "left and right look swapped from the shoulders down, but not in the face"
    if outside.any() and EXCHANGED not in signs:
        names = ", ".join(skeleton.JOINTS[i] for i in np.flatnonzero(outside))
        height, width = size
        signs[OUTSIDE] = (
            f"{outside.sum()} of {pose.visible.sum()} joints lie outside the photo of "
            f"{height}x{width}: {names}"
        )
    return signs


def _outside(keypoints: np.ndarray, visible: np.ndarray, size) -> np.ndarray:
    """Which joints (18,) lie more than a pixel outside the photo; rounding explains less."""
    if size is None:
        return np.zeros_like(visible)
    last = np.array(size) - 1
    return visible & ((keypoints < -1) | (keypoints > last + 1)).any(axis=1)


def _downwards(pose: Pose) -> np.ndarray | None:
    """(y, x) from the neck to the hips, or else to the legs; None where these are missing."""
    neck = skeleton.INDEX["neck"]
    for joints in (TORSO_END, LEGS):
        seen = [joint for joint in joints if pose.visible[joint]]
        if seen and pose.visible[neck]:
            return pose.keypoints[seen].mean(axis=0) - pose.keypoints[neck]
    return None


def _on_its_side(pose: Pose) -> bool:
    """The head is left of the legs, as of a standing person whose y is taken for x."""
    down = _downwards(pose)
    return down is not None and down[1] > abs(down[0])


def _handedness(pose: Pose) -> tuple[int, int]:
    """1 where sides are as they should be, -1 where swapped, 0 where nothing tells: head, shoulders."""
    down = _downwards(pose)
    down = np.array([1.0, 0.0]) if down is None or not down.any() else down / np.hypot(*down)

    def rightwards(part: str) -> int:
        """1 where the person's left is at the right of who looks at it, seen with the head up."""
        right, left = skeleton.INDEX[f"right_{part}"], skeleton.INDEX[f"left_{part}"]
        if not pose.visible[[right, left]].all():
            return 0
        dy, dx = pose.keypoints[left] - pose.keypoints[right]
        across = down[0] * dx - down[1] * dy
        return int(np.sign(across)) if abs(across) >= 1 else 0  # below a pixel, rounding decides

    eyes, ears = rightwards("eye"), rightwards("ear")
    seen = pose.visible[[skeleton.INDEX[name] for name in ("nose", "right_eye", "left_eye")]]
    if seen.all() and eyes:
        # Only of a face seen with both ears can the shoulders not be turned the other way.
        return eyes, rightwards("shoulder") if ears or eyes < 0 else 0
    if not seen.any() and ears:
        return -ears, -rightwards("shoulder")
    return 0, 0
