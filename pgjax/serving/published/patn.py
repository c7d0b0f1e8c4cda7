"""PATN's weights: PyTorch files of its authors' code (docs/reference_facts.md, 4.1, 4.2, 4.5).

Their layers have numbers in the order in which models/model_variants.py and models/networks.py make them,
activations and paddings counted.
"""

import re
from collections.abc import Mapping
from typing import Any

from pgjax.frozen import torch_file
from pgjax.serving.published.records import SAME, Entry, System, Table, permuted

CONV = permuted(2, 3, 1, 0)
"""PyTorch's kernels are (out, in, height, width) ..."""
TRANSPOSED = permuted(2, 3, 0, 1)
"""... and those of transposed convolutions (in, out, height, width)."""


class _Names:
    """Notes which of their layers each of ours is; `options` are the network's."""

    def __init__(self, options: Mapping[str, Any]):
        self.table: dict[str, Entry] = {}
        self.batch = options["norm"] == "batch"
        self.second = 6 if options["dropout"] else 5  # of a pair's layers: dropout stands before it

    def conv(self, ours: str, theirs: str, layout=CONV, bias: bool = False) -> None:
        self.table[f"params/{ours}/kernel"] = Entry(f"{theirs}.weight", layout)
        if bias or not self.batch:
            self.table[f"params/{ours}/bias"] = Entry(f"{theirs}.bias", SAME)

    def norm(self, ours: str, theirs: str) -> None:
        if not self.batch:
            return
        for path, part in (
            ("params/{}/scale", "weight"),
            ("params/{}/bias", "bias"),
            ("batch_stats/{}/mean", "running_mean"),
            ("batch_stats/{}/var", "running_var"),
        ):
            self.table[path.format(ours)] = Entry(f"{theirs}.{part}", SAME)

    def encoder(self, ours: str, theirs: str) -> None:
        for level in range(3):
            self.conv(f"{ours}/conv{level}", f"{theirs}.{3 * level + 1}")
            self.norm(f"{ours}/norm{level}", f"{theirs}.{3 * level + 2}")

    def pair(self, ours: str, theirs: str, last_norm: bool = True) -> None:
        for number, layer in enumerate((1, self.second)):
            self.conv(f"{ours}/conv{number}", f"{theirs}.{layer}")
            if last_norm or number == 0:
                self.norm(f"{ours}/norm{number}", f"{theirs}.{layer + 1}")


def generator(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.patn.Generator."""
    del size
    names = _Names(options)
    for stream, ours in ((1, "image_encoder"), (2, "pose_encoder")):
        names.encoder(ours, f"model.stream{stream}_down")
    for block in range(options["blocks"]):
        theirs = f"model.att.{block}.conv_block_stream"
        names.pair(f"block{block}/image", f"{theirs}1")
        names.pair(f"block{block}/pose", f"{theirs}2", last_norm=False)
    for level, layer in ((1, 0), (0, 3)):
        names.conv(f"up{level}", f"model.stream1_up.{layer}", TRANSPOSED)
        names.norm(f"norm{level}", f"model.stream1_up.{layer + 1}")
    names.conv("out", "model.stream1_up.7", bias=True)
    return names.table


def critic(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.patn.ResidualCritic."""
    del size
    names = _Names(options)
    names.encoder("encoder", "model")
    for block in range(options["blocks"]):
        names.pair(f"block{block}", f"model.{10 + block}.conv_block")
    return names.table


SYSTEM = System(
    repository="https://github.com/tengteng95/Pose-Transfer",
    rows=tuple(f"{name}/patn" for name in ("market1501", "deepfashion", "deepfashion_256x176")),
    files={"netG (.pth)": ("g",), "netD_PB (.pth)": ("d_pb",), "netD_PP (.pth)": ("d_pp",)},
    stored=torch_file.stored,
    tables={"g": generator, "d_pb": critic, "d_pp": critic},
    # Instance norms had running averages that nobody reads; later versions of PyTorch count batches.
    besides=re.compile(r".*\.(running_mean|running_var|num_batches_tracked)"),
)
