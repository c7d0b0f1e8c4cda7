"""The 18 joints of OpenPose's COCO body, in the order of every array (..., 18, 2) of this project.

Coordinates are (y, x) in pixels. *Right* and *left* are the person's own. A joint that was not
found has visibility False; its coordinates then mean nothing. Of the order:
docs/reference_facts.md, 1.5; of the limbs: docs/reference_facts.md, 2.6; of the parts:
docs/reference_facts.md, 1.6.
"""

import numpy as np

JOINTS = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)

INDEX = {name: index for index, name in enumerate(JOINTS)}

VIEWS = ("front", "side", "back")
"""From where a person may be seen; the order of one-hot vectors."""

UNKNOWN_VIEW = -1
"""The number of a view that nobody told."""


def view_number(view: str | None) -> int:
    """The number of a view; UNKNOWN_VIEW for None."""
    return UNKNOWN_VIEW if view is None else VIEWS.index(view)


def _pairs(*names: tuple[str, str]) -> tuple[tuple[int, int], ...]:
    return tuple((INDEX[a], INDEX[b]) for a, b in names)


# The 23 limbs of the masks, in PG2's order: first OpenPose's tree, then what closes head and torso.
LIMBS = _pairs(
    ("neck", "right_shoulder"),
    ("neck", "left_shoulder"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("neck", "right_hip"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("neck", "left_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("neck", "nose"),
    ("nose", "right_eye"),
    ("right_eye", "right_ear"),
    ("nose", "left_eye"),
    ("left_eye", "left_ear"),
    ("neck", "right_ear"),
    ("neck", "left_ear"),
    ("right_hip", "left_hip"),
    ("left_hip", "left_shoulder"),
    ("right_hip", "right_shoulder"),
    ("right_ear", "left_ear"),
)

TREE = LIMBS[:17]

# The ten body parts that deformable skip connections move, in the reference's order.
PARTS = {
    "body": ("right_hip", "left_hip", "left_shoulder", "right_shoulder"),
    "head": ("nose", "right_eye", "left_eye", "right_ear", "left_ear"),
    "right_thigh": ("right_hip", "right_knee"),
    "left_thigh": ("left_hip", "left_knee"),
    "right_shin": ("right_knee", "right_ankle"),
    "left_shin": ("left_knee", "left_ankle"),
    "right_upper_arm": ("right_shoulder", "right_elbow"),
    "left_upper_arm": ("left_shoulder", "left_elbow"),
    "right_forearm": ("right_elbow", "right_wrist"),
    "left_forearm": ("left_elbow", "left_wrist"),
}


def _mirrored(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"right": f"left_{rest}", "left": f"right_{rest}"}.get(side, name)


# Joint i of a mirrored person is joint MIRROR[i] of the original.
MIRROR = tuple(INDEX[_mirrored(name)] for name in JOINTS)


def flip(keypoints, visible, width: int):
    """Keypoints and visibility of the left-right mirrored image.

    Args:
      keypoints: (..., 18, 2) array of NumPy or JAX, (y, x) in pixels.
      visible: (..., 18) bool.
      width: of the image in pixels; column x becomes width - 1 - x.

    Returns:
      Keypoints and visibility of the same shapes and kinds, right and left joints exchanged.
    """
    order = np.array(MIRROR)
    ranks = (1,) * (keypoints.ndim - 1) + (2,)
    sign = np.array([1, -1], keypoints.dtype).reshape(ranks)
    offset = np.array([0, width - 1], keypoints.dtype).reshape(ranks)
    return keypoints[..., order, :] * sign + offset, visible[..., order]
