"""Deformable GAN (Siarohin et al., CVPR 2018; Panda et al. after it), every row of its ablation.

    pgjax train --config=deformable:market1501/full --workdir=runs/full --data_dir=data

Rows, with what each changes in the one before it: `baseline` is a U-Net with one encoder and plain
skips under L1; `dsc` has two encoders and deformable skips; `percloss` compares features of VGG-19
(block2_conv1) instead of pixels; `full` compares them (block1_conv2) with the nearest neighbour in a
window. `full_background` is `full` with the target's background as a third condition.

The published numbers are those that Kurupathi et al. 2020 quote in their Table 1. Optimizer, schedule
and weights are those of the paper and its code (docs/reference_facts.md, 1.3, 1.4): an epoch is 1,000 steps
of one critic and one generator move, and each of them sees pairs of its own, as do the critic's two sides.

`dsc_released`, `percloss_released` and `full_released` follow the released code where it differs from
the paper: the gradient of the warp is the inverse-resampled one, and VGG-19's channel means are swapped
(docs/reference_facts.md, 1.3, 1.6).

Where the papers are silent:
- A data set without backgrounds gets the target image with the person erased (`scene.erase`).
- On synthetic people the networks are narrower and the schedule shorter. There `full` compares
  pixels, and the network of `percloss` has random weights, so that no row needs a download; at 64×32
  the critic has one block less, since the image has one halving less.
- On `deepfashion_256x176` the generator sees 256×192 (its option `pad`), as 176 columns cannot be halved six
  times; its image is cut back. Else the settings are those of `deepfashion`.
"""

import dataclasses
from collections.abc import Callable

from ml_collections import ConfigDict

from configs import common


@dataclasses.dataclass(frozen=True)
class Setting:
    """What depends on the data set; `window` is the side of the nearest-neighbour loss's."""

    steps: int = 90_000
    batch_size: int = 4
    window: int = 3
    features: int = 64
    blocks: int = 3
    toy: bool = False
    pad: bool = False


SETTINGS = {
    "market1501": Setting(),
    "deepfashion": Setting(window=5),
    "deepfashion_256x176": Setting(window=5, pad=True),
    "synthetic_people": Setting(3_000, 8, features=16, blocks=2, toy=True),
    "synthetic_people_128x64": Setting(4_000, 4, features=32, toy=True),
    "synthetic_people_256x256": Setting(4_000, 2, window=5, features=16, toy=True),
}

FASHION = ("deepfashion", "deepfashion_256x176")

SOURCE = "Siarohin et al. 2018 in Kurupathi et al. 2020, Table 1"
PROTOCOL = "deformable"
"""By which SOURCE measured: a name in pgjax.metrics.protocols."""

_MARKET = ("ssim", "is", "mask_ssim", "mask_is", "ds")
_FASHION = ("ssim", "is", "ds")
PUBLISHED = {
    "market1501": {
        "baseline": dict(zip(_MARKET, (0.256, 3.188, 0.784, 3.580, 0.595), strict=True)),
        "dsc": dict(zip(_MARKET, (0.272, 3.442, 0.796, 3.666, 0.629), strict=True)),
        "percloss": dict(zip(_MARKET, (0.276, 3.342, 0.788, 3.519, 0.603), strict=True)),
        "full": dict(zip(_MARKET, (0.290, 3.185, 0.805, 3.502, 0.720), strict=True)),
        "real": dict(zip(_MARKET, (1.0, 3.860, 1.0, 3.360, 0.740), strict=True)),
    },
    "deepfashion": {
        "baseline": dict(zip(_FASHION, (0.754, 3.351, 0.960), strict=True)),
        "dsc": dict(zip(_FASHION, (0.754, 3.352, 0.960), strict=True)),
        "percloss": dict(zip(_FASHION, (0.744, 3.271, 0.960), strict=True)),
        "full": dict(zip(_FASHION, (0.756, 3.439, 0.960), strict=True)),
        "real": dict(zip(_FASHION, (1.0, 3.898, 0.980), strict=True)),
    },
}


def _l1(setting: Setting) -> dict:
    return {"l1": {"weight": 100.0}}


def _feature_l1(setting: Setting) -> dict:
    return {"feature_l1": {"weight": 0.5, "options": {"layer": "block2_conv1"}}}


def _nearest(setting: Setting) -> dict:
    # On three channels of pixels the sum is about three times the mean that L1 takes.
    layer, weight = ("none", 100.0 / 3) if setting.toy else ("block1_conv2", 0.01)
    return {"nearest": {"weight": weight, "options": {"layer": layer, "window": setting.window}}}


@dataclasses.dataclass(frozen=True)
class Row:
    """What a row says; `skip` is the generator's, `terms` makes the image terms."""

    skip: str
    terms: Callable[[Setting], dict]
    background: bool = False
    released: bool = False


ROWS = {
    "baseline": Row("none", _l1),
    "dsc": Row("parts", _l1),
    "percloss": Row("parts", _feature_l1),
    "full": Row("parts", _nearest),
    "full_background": Row("parts", _nearest, background=True),
    "dsc_released": Row("parts", _l1, released=True),
    "percloss_released": Row("parts", _feature_l1, released=True),
    "full_released": Row("parts", _nearest, released=True),
}


def get_config(spec: str | None = None) -> ConfigDict:
    """The config of "DATASET/ROW"."""
    dataset, name = common.parse(spec, ROWS, SETTINGS)
    like = common.like(dataset)
    setting, row = SETTINGS[like], ROWS[name]
    batch_size = setting.batch_size
    if like in FASHION and row.terms is _nearest:
        batch_size = 2
    config = common.base(
        dataset, name, pairs="deformable", flip=False, batch_size=batch_size, protocol=PROTOCOL
    )
    config.networks = ConfigDict({"g": _generator(setting, row), "d": _critic(setting, row)})
    terms = row.terms(setting)
    if any(term.get("options", {}).get("layer", "none") != "none" for term in terms.values()):
        config.features = ConfigDict(
            {
                "net": "vgg19",
                "weights": "random" if setting.toy else "imagenet",
                "means": "swapped" if row.released else "proper",
            }
        )
    stage = {
        "steps": setting.steps,
        "players": ("d", "g"),
        "generators": ("g",),
        "terms": terms,
        "critic": "d",
        "adversarial": {"bce": {"weight": 1.0}},
        "negatives": {"generated": 1.0},
        "real_weight": 1.0,
        "draws": {"d": 1},
        "real_draw": 2,
    }
    config.stages = ConfigDict({"stage1": stage})
    config.published = PUBLISHED.get(dataset, {}).get(name, {})
    if config.published:
        config.published_in = SOURCE
    return config


def _generator(setting: Setting, row: Row) -> dict:
    options = {
        "features": setting.features,
        "skip": row.skip,
        "sampling": "nearest",
        "aggregate": "max",
        "gradient": "reference" if row.released else "exact",
        "norm": "joint",
        "dropout": 0.5,
        "pose": "heatmaps",
        "source_pose": True,
        "background": row.background,
        "warped_levels": 4,
        "spectral": 0.0,
        "attention": (),
    }
    # Only where it is needed: the other rows' configs stay as they were.
    options |= {"pad": True} if setting.pad else {}
    return {"net": "deformable", "options": options, "optimizer": common.adam(2e-4)}


def _critic(setting: Setting, row: Row) -> dict:
    options = {
        "features": setting.features,
        "mode": "concat",
        "blocks": setting.blocks,
        "norm": "joint",
        "pose": "heatmaps",
        "source_pose": True,
        "background": row.background,
        "sampling": "nearest",
        "aggregate": "max",
        "gradient": "reference" if row.released else "exact",
        "spectral": 0.0,
        "attention": (),
    }
    return {"net": "patch_critic", "options": options, "optimizer": common.adam(2e-4)}
