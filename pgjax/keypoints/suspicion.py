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

from pgjax.keypoints.pose import SHARES, Pose
from pgjax.pose import skeleton

OUTSIDE, EXCHANGED, SWAPPED, RESIZED = "outside", "exchanged", "swapped", "resized"
MARKED, ORDER, SCALE = "marked", "order", "scale"  # doubts of a pose's file
WORDS = {
    SWAPPED: "left and right look swapped",
    EXCHANGED: "x and y look exchanged",
    OUTSIDE: "joints lie outside the photo",
    RESIZED: "of a photo of another size",
    MARKED: "joints at exactly 0, 0 or -1, -1 have a confidence, and count as missing",
    ORDER: "two orders of the joints fit, so name the format",
    SCALE: "coordinates may be shares of the photo's size or pixels",
}
TORSO_END = [skeleton.INDEX[f"{side}_hip"] for side in ("right", "left")]
LEGS = [skeleton.INDEX[f"{s}_{part}"] for part in ("knee", "ankle") for s in ("right", "left")]


def suspicions(pose: Pose, size: tuple[int, int] | None = None) -> list[str]:
    """What looks wrong with a pose, in words; none if nothing does, or if too little is seen to tell.

    Args:
      size: (height, width) of the photo; the pose's own where None.
    """
    return list(signs(pose, size).values())


def summary(poses: Iterable[tuple[Pose, tuple[int, int] | None]]) -> list[str]:
    """What looks wrong with many poses, one line a kind of fault, such as for a whole data set.

    Args:
      poses: with the size (height, width) of the photo, or None, as for `suspicions`.
    """
    counts, total = collections.Counter(), 0
    for pose, size in poses:
        counts.update(signs(pose, size).keys())
        total += 1
    return [f"{counts[kind]} of {total} poses: {WORDS[kind]}" for kind in WORDS if counts[kind]]


def signs(
    pose: Pose, size: tuple[int, int] | None, out: np.ndarray | None = None
) -> dict[str, str]:
    """What looks wrong, or what its file leaves in doubt, in words by kind.

    Args:
      pose: as in `suspicions`.
      size: as in `suspicions`.
      out: which joints (18,) lie outside the photo, where that is known.
    """
    found = dict(pose.doubts)
    if EXCHANGED in found:  # joints were left out since, so nothing more can be told
        return found
    size = pose.size if size is None or pose.size == SHARES else size
    if pose.size is not None and size is not None and pose.size != size:
        found[RESIZED] = "keypoints of a photo of {}x{}, but this one is {}x{}".format(
            *pose.size, *size
        )
    out = outside(pose.keypoints, pose.visible, size) if out is None else out
    exchanged = pose.keypoints[:, ::-1]
    face, shoulders = _handedness(pose)
    if out.any() and not outside(exchanged, pose.visible, size).any():
        found[EXCHANGED] = (
            "x and y look exchanged: joints lie outside the photo that otherwise lay inside"
        )
    elif _on_its_side(pose) and face <= 0:
        found[EXCHANGED] = "x and y look exchanged: the head is left of the legs" + (
            ", and the person mirrored" if face < 0 else ", unless the person lies so"
        )
    elif face < 0:
        found[SWAPPED] = (
            "left and right of the face look swapped, but not of the shoulders: another order of "
            "the joints?"
            if shoulders > 0
            else "left and right look swapped, or the photo is mirrored and they are not"
        )
    elif shoulders < 0:
        found[SWAPPED] = "left and right look swapped from the shoulders down, but not in the face"
    if out.any() and EXCHANGED not in found:
        names = ", ".join(skeleton.JOINTS[i] for i in np.flatnonzero(out))
        of = "" if size is None or size == SHARES else " of {}x{}".format(*size)
        found[OUTSIDE] = (
            f"{out.sum()} of {pose.visible.sum()} joints lie outside the photo{of}: {names}"
        )
    return found


def outside(keypoints: np.ndarray, visible: np.ndarray, size) -> np.ndarray:
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
