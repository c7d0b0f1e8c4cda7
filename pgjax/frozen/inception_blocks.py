"""The layers of Inception-v3 (Szegedy 2015, figures 5 to 7) as the graph of 2015 has them, as tables.

Names are those of torchvision, in which the weights are published.
"""

from typing import NamedTuple


class Conv(NamedTuple):
    """Convolution, batch normalisation, ReLU; a stride of 2 and `valid` ones without padding."""

    name: str
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    valid: bool = False


class Fork(NamedTuple):
    """Two convolutions of the same input, side by side."""

    left: Conv
    right: Conv


AVERAGE, LARGEST, HALVE = "average", "largest", "halve"  # 3x3; the last one with a stride of 2
PADDED = "average of what lies beyond the border too, as zeros"  # 3x3

Step = Conv | Fork | str
Branches = tuple[tuple[Step, ...], ...]


def _block_a(pooled: int) -> Branches:
    return (
        (Conv("branch1x1", 64),),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        (AVERAGE, Conv("branch_pool", pooled)),
    )


def _block_c(inner: int) -> Branches:
    row, column = (1, 7), (7, 1)
    return (
        (Conv("branch1x1", 192),),
        (
            Conv("branch7x7_1", inner),
            Conv("branch7x7_2", inner, row),
            Conv("branch7x7_3", 192, column),
        ),
        (
            Conv("branch7x7dbl_1", inner),
            Conv("branch7x7dbl_2", inner, column),
            Conv("branch7x7dbl_3", inner, row),
            Conv("branch7x7dbl_4", inner, column),
            Conv("branch7x7dbl_5", 192, row),
        ),
        (AVERAGE, Conv("branch_pool", 192)),
    )


def _block_e(pool: str) -> Branches:
    row, column = (1, 3), (3, 1)
    return (
        (Conv("branch1x1", 320),),
        (
            Conv("branch3x3_1", 384),
            Fork(Conv("branch3x3_2a", 384, row), Conv("branch3x3_2b", 384, column)),
        ),
        (
            Conv("branch3x3dbl_1", 448),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            Fork(Conv("branch3x3dbl_3a", 384, row), Conv("branch3x3dbl_3b", 384, column)),
        ),
        (pool, Conv("branch_pool", 192)),
    )


STEM: tuple[Step, ...] = (
    Conv("Conv2d_1a_3x3", 32, (3, 3), 2),
    Conv("Conv2d_2a_3x3", 32, (3, 3), valid=True),
    Conv("Conv2d_2b_3x3", 64, (3, 3)),
    HALVE,
    Conv("Conv2d_3b_1x1", 80),
    Conv("Conv2d_4a_3x3", 192, (3, 3), valid=True),
    HALVE,
)
BLOCKS: dict[str, Branches] = {
    "Mixed_5b": _block_a(32),
    "Mixed_5c": _block_a(64),
    "Mixed_5d": _block_a(64),
    "Mixed_6a": (
        (Conv("branch3x3", 384, (3, 3), 2),),
        (
            Conv("branch3x3dbl_1", 64),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3), 2),
        ),
        (HALVE,),
    ),
    "Mixed_6b": _block_c(128),
    "Mixed_6c": _block_c(160),
    "Mixed_6d": _block_c(160),
    "Mixed_6e": _block_c(192),
    "Mixed_7a": (
        (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, (3, 3), 2)),
        (
            Conv("branch7x7x3_1", 192),
            Conv("branch7x7x3_2", 192, (1, 7)),
            Conv("branch7x7x3_3", 192, (7, 1)),
            Conv("branch7x7x3_4", 192, (3, 3), 2),
        ),
        (HALVE,),
    ),
    "Mixed_7b": _block_e(AVERAGE),
    "Mixed_7c": _block_e(LARGEST),
}
TORCHVISION: dict[str, Branches] = {
    block: tuple(
        tuple(PADDED if step in (AVERAGE, LARGEST) else step for step in branch)
        for branch in branches
    )
    for block, branches in BLOCKS.items()
}
"""As torchvision runs them: all 3x3 pools of stride 1 are averages over nine pixels."""


def shapes() -> dict[str, tuple[int, int, int, int]]:
    """Kernels' shapes (h, w, in, out) of all convolutions by their published names, in order."""
    found: dict[str, tuple[int, int, int, int]] = {}

    def follow(steps: tuple[Step, ...], channels: int, prefix: str) -> int:
        for step in steps:
            if isinstance(step, Fork):
                channels = sum(follow((side,), channels, prefix) for side in step)
            elif isinstance(step, Conv):
                found[prefix + step.name] = (*step.kernel, channels, step.channels)
                channels = step.channels
        return channels

    channels = follow(STEM, 3, "")
    for block, branches in BLOCKS.items():
        channels = sum(follow(steps, channels, f"{block}.") for steps in branches)
    return found
