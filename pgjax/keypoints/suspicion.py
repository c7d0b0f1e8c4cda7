"""Signs that keypoints are not what they should be: sides swapped, x and y exchanged, another photo's."""

import numpy as np

from pgjax import skeleton
from pgjax.keypoints.pose import Pose


def suspicions(pose: Pose, size: tuple[int, int] | None = None) -> list[str]:
    """What looks wrong with a pose, in words; none if nothing does.

    Args:
      size: (height, width) of the photo; the pose's own where None.
    """
    size = pose.size if size is None else size
    found = []
    if size is not None:
        outside = pose.visible & (
            (pose.keypoints < -0.5) | (pose.keypoints > np.array(size) - 0.5)
        ).any(axis=1)
        if outside.any():
            names = ", ".join(skeleton.JOINTS[i] for i in np.flatnonzero(outside))
            found.append(
                f"{outside.sum()} of {pose.visible.sum()} joints lie outside the photo: {names}"
            )
    return found
