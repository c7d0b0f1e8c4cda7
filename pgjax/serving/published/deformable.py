"""The deformable GAN's weights: Keras files of its authors' code (docs/reference_facts.md, 1.7).

Their layers have the automatic names of Keras. The table follows the order in which make_generator and
make_discriminator of conditional_gan.py make the layers.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from pgjax.frozen import keras_file
from pgjax.nets import deformable
from pgjax.serving.published.records import SAME, SCALAR, Entry, System, Table, permuted

TRANSPOSED = permuted(0, 1, 3, 2)
"""Keras' Conv2DTranspose has (height, width, out, in)."""


class _Names:
    """Hands out the names of layers, as Keras does."""

    def __init__(self):
        self.table: dict[str, Entry] = {}
        self._conv, self._up, self._norm = (itertools.count(1) for _ in range(3))

    def conv(self, path: str, bias: bool = False) -> None:
        layer = f"conv2d_{next(self._conv)}"
        for part in ("kernel", "bias") if bias else ("kernel",):
            self.table[f"params/{path}/{part}"] = Entry(f"{layer}/{part}", SAME)

    def up(self, path: str) -> None:
        name = f"conv2d_transpose_{next(self._up)}/kernel"
        self.table[f"params/{path}/kernel"] = Entry(name, TRANSPOSED)

    def norm(self, path: str) -> None:
        layer = f"instance_normalization_{next(self._norm)}"
        for ours, theirs in (("scale", "gamma"), ("bias", "beta")):
            self.table[f"params/{path}/{ours}"] = Entry(f"{layer}/{theirs}", SCALAR)


def generator(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.deformable.Generator, with the skips "none" or "parts"."""
    levels, names = deformable.depth(size), _Names()
    encoders = ("encoder",) if options["skip"] == "none" else ("source_encoder", "target_encoder")
    for encoder in encoders:
        names.conv(f"{encoder}/in", bias=True)
        for level in range(1, levels):
            names.conv(f"{encoder}/down{level}")
            if level < levels - 1:
                names.norm(f"{encoder}/norm{level}")
    for level in reversed(range(levels - 1)):
        names.up(f"up{level}")
        names.norm(f"norm{level}")
    names.conv("out", bias=True)
    return names.table


def critic(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.patch.PatchCritic in the mode "concat"."""
    names = _Names()
    names.conv("in", bias=True)
    for block in range(options["blocks"]):
        names.conv(f"block{block}")
        names.norm(f"norm{block}")
    names.conv("logit")
    return names.table


SYSTEM = System(
    repository="https://github.com/AliaksandrSiarohin/pose-gan",
    rows=tuple(
        f"{dataset}/{row}"
        for dataset in ("market1501", "deepfashion")
        for row in ("baseline", "dsc_released", "percloss_released", "full_released")
    ),
    files={"generator (.h5)": ("g",), "discriminator (.h5)": ("d",)},
    stored=keras_file.stored,
    tables={"g": generator, "d": critic},
)
