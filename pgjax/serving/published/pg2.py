"""PG2's weights: TensorFlow-1 checkpoints of its authors' code (docs/reference_facts.md, 2.8).

The tables follow the order in which models.py and models256.py make the layers.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pgjax.frozen import tensorflow_checkpoint
from pgjax.nets import pg2
from pgjax.serving.published import slim
from pgjax.serving.published.records import System, Table

BESIDES = re.compile(
    r".*/(Adam|RMSProp)(_1)?|beta[12]_power(_\d+)?|step|[gd]_lr|phase|(.*/)?\w*Discriminator\..*"
)
"""The state of the optimizers, the run's counters and the critics."""


def coarse(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.pg2.G1 with the pose embedding "concat"."""
    del options
    return slim.u_net("Pose_AE/G", pg2.coarse_levels(size))


def refiner(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.pg2.G2."""
    del options
    levels = pg2.refiner_levels(size)

    def paths() -> Iterator[str]:
        yield "in"
        for level in range(levels):
            if level:
                yield f"halve{level}"
            yield from slim.pair(f"down{level}")
        for level in reversed(range(levels)):
            yield from slim.pair(f"up{level}")
        yield "out"

    return slim.convolutions("UAEnoFC/G", paths())


SYSTEM = System(
    repository="https://github.com/charliememory/Pose-Guided-Person-Image-Generation",
    rows=("market1501/g1_g2_d_released", "deepfashion/g1_g2_d_released"),
    files={"checkpoint (model.ckpt-STEP)": ("g1", "g2")},
    stored=tensorflow_checkpoint.stored,
    tables={"g1": coarse, "g2": refiner},
    besides=BESIDES,
)
