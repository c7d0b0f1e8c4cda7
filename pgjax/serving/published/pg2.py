"""PG2's weights: TensorFlow-1 checkpoints of its authors' code (docs/reference_facts.md, 2.8).

The layers have the automatic names of tf.contrib.slim, which numbers them in each scope in the order in which
models.py and models256.py make them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pgjax.frozen import tensorflow_checkpoint
from pgjax.nets import pg2
from pgjax.serving.published.records import Entry, System, Table


def _table(scope: str, layer: str, paths: Iterator[str]) -> dict[str, Entry]:
    """Layers of one kind, made in this order; slim gives the first no number."""
    table = {}
    for number, path in enumerate(paths):
        name = f"{scope}/{layer}_{number}" if number else f"{scope}/{layer}"
        table[f"params/{path}/kernel"] = Entry(f"{name}/weights")
        table[f"params/{path}/bias"] = Entry(f"{name}/biases")
    return table


def coarse(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.pg2.G1 with the pose embedding "concat"."""
    scope, levels = "Pose_AE/G", pg2.coarse_levels(size)

    def convolutions() -> Iterator[str]:
        yield "encoder/in"
        for level in range(levels):
            if level:
                yield f"encoder/halve{level}"
            yield from (f"encoder/down{level}/conv{i}" for i in range(2))
        for level in reversed(range(levels)):
            yield from (f"up{level}/conv{i}" for i in range(2))
            if level:
                yield f"reduce{level}"
        yield "out"

    dense = iter(("encoder/code", "decode"))
    return _table(scope, "Conv", convolutions()) | _table(scope, "fully_connected", dense)


def refiner(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.pg2.G2."""
    levels = pg2.refiner_levels(size)

    def convolutions() -> Iterator[str]:
        yield "in"
        for level in range(levels):
            if level:
                yield f"halve{level}"
            yield from (f"down{level}/conv{i}" for i in range(2))
        for level in reversed(range(levels)):
            yield from (f"up{level}/conv{i}" for i in range(2))
        yield "out"

    return _table("UAEnoFC/G", "Conv", convolutions())


SYSTEM = System(
    repository="https://github.com/charliememory/Pose-Guided-Person-Image-Generation",
    rows=("market1501/g1_g2_d_released", "deepfashion/g1_g2_d_released"),
    files={"checkpoint (model.ckpt-STEP)": ("g1", "g2")},
    stored=tensorflow_checkpoint.stored,
    tables={"g1": coarse, "g2": refiner},
    # Of the three optimizers, the run's counters, and the critic.
    besides=re.compile(
        r".*/Adam(_1)?|beta[12]_power(_\d+)?|step|[gd]_lr|(.*/)?Discriminator\..*", re.DOTALL
    ),
)
