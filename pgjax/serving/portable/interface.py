"""What an ONNX file of pgjax takes and gives, and what it says of itself. Neither JAX nor ONNX is needed."""

import importlib.util
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pgjax.errors import InputError
from pgjax.pose import skeleton

FORMAT = "1"
SUFFIX = ".onnx"

INPUTS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "photo": ("uint8", ("height", "width", 3)),
    "background": ("uint8", ("height", "width", 3)),
    "background_told": ("bool", ()),
    "source_keypoints": ("float32", (18, 2)),
    "source_visible": ("bool", (18,)),
    "target_keypoints": ("float32", (18, 2)),
    "target_visible": ("bool", (18,)),
    "view": ("int8", ()),
}
"""Type, and shape behind the batch, in the order of serving.drawing; a file lacks what its model ignores."""

PICTURE, FINITE = "picture", "finite"
"""The outputs: uint8 (batch, height, width, 3), and bool (batch,): whether the network gave numbers."""


class Facts(NamedTuple):
    """What a file says of its model: Model has the same, but for `size`, (height, width) in pixels."""

    row: str
    stage: str
    step: int
    size: tuple[int, int]
    reads_view: bool
    version: str
    weights: str
    card: str

    def properties(self) -> dict[str, str]:
        """As metadata of the file: text each, lists as JSON."""
        height, width = self.size
        return {
            "pgjax_format": FORMAT,
            "pgjax_version": self.version,
            "row": self.row,
            "stage": self.stage,
            "step": str(self.step),
            "height": str(height),
            "width": str(width),
            "joints": json.dumps(skeleton.JOINTS),
            "limbs": json.dumps(skeleton.LIMBS),
            "views": json.dumps(skeleton.VIEWS),
            "reads_view": json.dumps(self.reads_view),
            "weights_sha256": self.weights,
            "card": self.card,
        }


def check_installed(*packages: str) -> None:
    """Raises InputError, where one of the extra's packages is not there."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package} is not installed; pip install 'pgjax[onnx]'")


def facts(path: Any, properties: Mapping[str, str]) -> Facts:
    """What the metadata of a file says.

    Raises:
      InputError: it is not pgjax's, or of another version.
    """
    found = properties.get("pgjax_format")
    if found is None:
        raise InputError(
            f"{path}: not a model of pgjax; expected a file that `pgjax export --onnx` wrote"
        )
    if found != FORMAT:
        raise InputError(f"{path}: format {found!r}; this version reads {FORMAT}")
    try:
        if tuple(json.loads(properties["joints"])) != skeleton.JOINTS:
            raise InputError(f"{path}: its joints are not those of this version")
        return Facts(
            row=properties["row"],
            stage=properties["stage"],
            step=int(properties["step"]),
            size=(int(properties["height"]), int(properties["width"])),
            reads_view=bool(json.loads(properties["reads_view"])),
            version=properties["pgjax_version"],
            weights=properties["weights_sha256"],
            card=properties["card"],
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: its metadata is damaged: {error!r}") from error
