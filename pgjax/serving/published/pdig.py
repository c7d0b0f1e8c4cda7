"""PDIG's weights: TensorFlow-1 checkpoints of its authors' code (docs/reference_facts.md, 3.8).

The tables follow the order in which models.py makes the layers; the scopes are those of trainer.py and
trainer_256.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pgjax.frozen import tensorflow_checkpoint
from pgjax.nets import pdig
from pgjax.serving.published import slim
from pgjax.serving.published.pg2 import BESIDES
from pgjax.serving.published.records import System, Table


def generator(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.pdig.Generator."""
    del size
    background = options["background_code"] > 0

    def paths() -> Iterator[str]:
        yield "encoder/in"
        yield from slim.pair("encoder/pair")
        yield from slim.tower("encoder/regions", options["region_levels"])
        if background:
            yield from slim.tower("encoder/background", options["levels"])

    codes = ("encoder/regions/code", "encoder/background/code")
    return {
        **slim.convolutions("Encoder/G_encoder", paths()),
        **slim.dense("Encoder/G_encoder", codes if background else codes[:1]),
        **slim.u_net("ID_AE/G", options["levels"], "decoder/"),
    }


def poses(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of nets.pdig.PoseAutoEncoder."""
    del options, size
    decoder = (*_blocks("decoder/"), "decoder/places", "decoder/seen")
    return {
        **slim.dense("PoseAE/G_Pose_Encoder", (*_blocks("encoder/"), "encoder/code")),
        **slim.dense("PoseAE/G_Pose_Decoder", decoder),
    }


def foreground(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of the nets.pdig.Mapping of the foreground, which on DeepFashion is the whole person."""
    del options
    return _mapping("Gaussian_FC" if size == (256, 256) else "Gaussian_FC_Fg")


def background(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of that of the background."""
    del options, size
    return _mapping("Gaussian_FC_Bg")


def pose(options: Mapping[str, Any], size: tuple[int, int]) -> Table:
    """Of that of the pose."""
    del options, size
    return _mapping("PoseGaussian")


def _mapping(scope: str) -> Table:
    return slim.dense(f"{scope}/G_FC", (*_blocks(""), "out"))


def _blocks(place: str) -> Iterator[str]:
    yield f"{place}in"
    for block in range(pdig.BLOCKS):
        yield from (f"{place}block{block}_{layer}" for layer in range(2))


SYSTEM = System(
    repository="https://github.com/charliememory/Disentangled-Person-Image-Generation",
    rows=(
        *("market1501/pdig", "deepfashion/pdig"),
        *("market1501/pdig_sampling", "deepfashion/pdig_sampling"),
    ),
    files={
        "checkpoint of MODEL1 or MODEL101": ("g",),
        "checkpoint of MODEL2 or MODEL102": ("poses",),
        "checkpoint of MODEL3 or MODEL103": ("foreground", "background"),
        "checkpoint of MODEL4 or MODEL104": ("pose",),
    },
    stored=tensorflow_checkpoint.stored,
    tables={
        "g": generator,
        "poses": poses,
        "foreground": foreground,
        "background": background,
        "pose": pose,
    },
    besides=BESIDES,
    together=True,
)
