"""The joints of one person through time: short gaps filled, and jitter smoothed.

Estimators look at each frame alone, so joints tremble and vanish for moments. Whoever smooths a file knows
what comes after a frame too: so these filters are symmetric, and nothing lags behind.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.keypoints.pose import JOINTS, Pose, make_pose
from pgjax.pose import skeleton

SECONDS = 0.15
"""How far filters look to either side, unless told: four frames at 30 a second."""


class Filter(NamedTuple):
    """smooth(values (T, 2), reach in frames), for T of more than the reach; least: the shortest reach."""

    smooth: Callable[[np.ndarray, int], np.ndarray]
    least: int


def _gaussian(values: np.ndarray, reach: int) -> np.ndarray:
    from scipy import ndimage  # as below: it takes its time, and most commands do without

    return ndimage.gaussian_filter1d(values, reach / 2, axis=0, mode="nearest", radius=reach)


def _savitzky_golay(values: np.ndarray, reach: int) -> np.ndarray:
    from scipy import signal

    return signal.savgol_filter(values, 2 * reach + 1, 2, axis=0)


FILTERS = {
    # The parabola that fits best to a window, at its middle; at both ends, of the first and last window:
    # Savitzky and Golay, "Smoothing and Differentiation of Data by Simplified Least Squares Procedures",
    # Analytical Chemistry 36 (1964). Even movements, and those evenly faster, stay what they are.
    "savitzky_golay": Filter(_savitzky_golay, 2),
    # Weights of a normal distribution whose standard deviation is half the reach.
    "gaussian": Filter(_gaussian, 1),
}


def reach_of(name: str, seconds: float, rate: float) -> int:
    """How many frames a filter looks to either side, at `rate` frames a second."""
    return max(FILTERS[name].least, round(seconds * rate))


def smoothed(poses: Sequence[Pose | None], name: str, reach: int) -> list[Pose | None]:
    """The poses with each joint smoothed over the frames in a row that show it.

    A row too short for the reach is smoothed with a shorter one, or left as it is. What is missing stays so.

    Args:
      poses: of one person, in time; None where the person is missing. Frames are taken as equally far apart.
      name: one of FILTERS.
      reach: frames to either side.

    Raises:
      InputError: poses of photos of different sizes.
    """
    keypoints, seen = _tracks(poses)
    filter = FILTERS[name]
    for joint in range(JOINTS):
        for begin, end in _rows(seen[:, joint]):
            within = min(reach, (end - begin - 1) // 2)
            if within >= filter.least:
                keypoints[begin:end, joint] = filter.smooth(keypoints[begin:end, joint], within)
    return [
        None if pose is None else pose._replace(keypoints=where.astype(np.float32))
        for pose, where in zip(poses, keypoints, strict=True)
    ]


class Filled(NamedTuple):
    """poses: with gaps filled. gaps: by joint, the places (first, last) of frames that were filled."""

    poses: list[Pose | None]
    gaps: dict[str, list[tuple[int, int]]]


def filled(poses: Sequence[Pose | None], times: Sequence[float], most: int) -> Filled:
    """The poses with joints put in that are missing in up to `most` frames in a row, on straight lines.

    Only between two frames that show the joint. Its confidence is the lower one of these two.

    Args:
      poses: as `smoothed`.
      times: of the frames, rising.

    Raises:
      InputError: as `smoothed`.
    """
    keypoints, seen = _tracks(poses)
    confidence = np.array([np.zeros(JOINTS) if p is None else p.confidence for p in poses])
    size = next((pose.size for pose in poses if pose is not None), None)
    gaps: dict[str, list[tuple[int, int]]] = {}
    for joint, name in enumerate(skeleton.JOINTS):
        shown = np.flatnonzero(seen[:, joint])
        for before, after in itertools.pairwise(shown):
            if not 0 < after - before - 1 <= most:
                continue
            ends = [before, after]
            inside = slice(before + 1, after)
            for axis in (0, 1):
                keypoints[inside, joint, axis] = np.interp(
                    times[inside], [times[i] for i in ends], keypoints[ends, joint, axis]
                )
            confidence[inside, joint] = confidence[ends, joint].min()
            gaps.setdefault(name, []).append((int(before) + 1, int(after) - 1))
    found = [
        make_pose(where, None, sure, size, () if pose is None else pose.doubts)
        if sure.any()
        else None
        for pose, where, sure in zip(poses, keypoints, confidence, strict=True)
    ]
    return Filled(found, gaps)


def _tracks(poses: Sequence[Pose | None]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints, float (T, 18, 2), and where they are visible, (T, 18)."""
    sizes = sorted({pose.size for pose in poses if pose is not None}, key=str)
    if len(sizes) > 1:
        raise InputError(
            f"poses of photos of different sizes, such as {sizes[0]} and {sizes[1]}, are no movement"
        )
    keypoints = [np.zeros((JOINTS, 2)) if pose is None else pose.keypoints for pose in poses]
    seen = [np.zeros(JOINTS, bool) if pose is None else pose.visible for pose in poses]
    return np.array(keypoints, float), np.array(seen)


def _rows(seen: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where those in a row begin and end, the end exclusive."""
    changes = np.diff(np.concatenate([[False], seen, [False]]).astype(int))
    yield from zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True)
