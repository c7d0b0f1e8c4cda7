"""VDG: pose guided human image synthesis by view disentanglement (Lakhal et al., ECCV workshops 2018).

    pgjax train --config=vdg:market1501/vdg_w --workdir=runs/vdg_w --data_dir=data

All rows have both stages: `g` alone under L1; then the refiner `g2` and a critic with `g` frozen, under
L_adv + lambda L_img. The rows are named after the L_img of the second stage: `vdg_l1` and `vdg_mask_l1`
are L1 without and with the pose mask's weights 1 + M, `vdg` is alpha SSIM + (1 - alpha) L1, and `vdg_w`
has both terms masked. The first two are read as two-stage rows too because the slides' table scores
them like images of a critic (SSIM .22, inception score 3.7 on Market-1501, where PG2's first stage alone
reaches .30 and 3.0), and calls them VDG.

Only the slides of the talk are public to us, without figures. Where they are silent:
- Networks: those of nets/vdg.py, 64 channels wide. The final prediction is stage one's image plus stage
  two's difference map, as in PG2, and every term of stage two reads it, the critic too.
- lambda is 100, pix2pix's and the deformable GAN's weight of an image term beside this critic.
- alpha is 0.84, that of Zhao et al. 2017, "Loss Functions for Image Restoration With Neural Networks",
  who mix a multi-scale SSIM and L1 in this way, both of images in [0, 1]: so the L1 of images in
  [-1, 1], which is twice as large, has half its share.
- The adversarial loss is the non-saturating cross-entropy. Critic, optimizer, batch, the three draws of
  a step of stage two, and pairs are the deformable GAN's, and so is the number of steps in all, shared
  by the stages in PG2's proportion (22 : 14 on Market-1501, 30 : 20 on DeepFashion).
- Stage one has no dropout, stage two the deformable GAN's.

On synthetic people the networks are narrower and the schedule shorter; at 64×32 the critic has one block
less.
"""

import dataclasses

from ml_collections import ConfigDict

from configs import common, deformable


@dataclasses.dataclass(frozen=True)
class Setting:
    """What depends on the data set."""

    coarse_steps: int
    refine_steps: int
    batch_size: int = 4
    features: int = 64


SETTINGS = {
    "market1501": Setting(55_000, 35_000),
    "deepfashion": Setting(54_000, 36_000),
    "synthetic_people": Setting(2_000, 1_000, 8, features=16),
    "synthetic_people_128x64": Setting(2_500, 1_500, 4, features=32),
    "synthetic_people_256x256": Setting(2_500, 1_500, 2, features=16),
}

# Those of the other systems are as measured there, which differs from their own papers.
SOURCE = "Lakhal et al. 2018, quantitative slide"
PROTOCOL = ""
"""Not told: the slides say "SSIM score" and "Inception score" alone. Their numbers of PG2 and the deformable
GAN are not those of these papers."""

_MARKET = ("ssim", "is", "mask_ssim", "mask_is")
_FASHION = ("ssim", "is")
PUBLISHED = {
    "market1501": {
        "vdg_l1": dict(zip(_MARKET, (0.224, 3.733, 0.767, 3.503), strict=True)),
        "vdg_mask_l1": dict(zip(_MARKET, (0.238, 3.933, 0.768, 3.542), strict=True)),
        "vdg": dict(zip(_MARKET, (0.238, 4.007, 0.775, 3.354), strict=True)),
        "vdg_w": dict(zip(_MARKET, (0.266, 3.453, 0.783, 3.227), strict=True)),
        "pg2": dict(zip(_MARKET, (0.252, 4.015, 0.771, 3.555), strict=True)),
        "deformable": dict(zip(_MARKET, (0.290, 2.990, 0.798, 3.544), strict=True)),
        "pdig": dict(zip(_MARKET, (0.099, 3.483, 0.614, 3.491), strict=True)),
    },
    "deepfashion": {
        "vdg_l1": dict(zip(_FASHION, (0.700, 3.428), strict=True)),
        "vdg_mask_l1": dict(zip(_FASHION, (0.690, 3.429), strict=True)),
        "vdg": dict(zip(_FASHION, (0.708, 3.003), strict=True)),
        "vdg_w": dict(zip(_FASHION, (0.702, 3.491), strict=True)),
        "pg2": dict(zip(_FASHION, (0.641, 3.187), strict=True)),
        "deformable": dict(zip(_FASHION, (0.665, 3.420), strict=True)),
        "pdig": dict(zip(_FASHION, (0.614, 3.228), strict=True)),
    },
}

WEIGHT = 100.0
"""lambda."""

# L_img of stage two: the terms' shares, alpha and 1 - alpha.
ROWS = {
    "vdg_l1": {"l1": 1.0},
    "vdg_mask_l1": {"mask_l1": 1.0},
    "vdg": {"ssim": 0.84, "l1": 0.16 / 2},
    "vdg_w": {"mask_ssim": 0.84, "mask_l1": 0.16 / 2},
}


def get_config(spec: str | None = None) -> ConfigDict:
    """The config of "DATASET/ROW"."""
    dataset, row = common.parse(spec, ROWS, SETTINGS)
    setting = SETTINGS[common.like(dataset)]
    config = common.base(
        dataset,
        row,
        pairs="deformable",
        flip=False,
        batch_size=setting.batch_size,
        protocol=PROTOCOL,
    )
    config.networks = ConfigDict(_generators(setting))
    config.networks.d = deformable.get_config(f"{dataset}/baseline").networks.d
    config.stages = ConfigDict({"stage1": _coarse(setting), "stage2": _refine(setting, ROWS[row])})
    config.published = PUBLISHED.get(dataset, {}).get(row, {})
    if config.published:
        config.published_in = SOURCE
    return config


def _generators(setting: Setting) -> dict:
    shared = {"features": setting.features, "norm": "joint", "pose": "heatmaps"}
    options = {
        "g": ("vdg_stage1", {"dropout": 0.0}),
        "g2": ("vdg_stage2", {"dropout": 0.5, "prior": "g"}),
    }
    return {
        name: {"net": net, "options": shared | own, "optimizer": common.adam(2e-4)}
        for name, (net, own) in options.items()
    }


def _coarse(setting: Setting) -> dict:
    return {
        "steps": setting.coarse_steps,
        "players": ("g",),
        "generators": ("g",),
        "terms": {"l1": {"weight": 1.0}},
    }


def _refine(setting: Setting, shares: dict[str, float]) -> dict:
    return {
        "steps": setting.refine_steps,
        "players": ("d", "g2"),
        "generators": ("g", "g2"),
        "terms": {name: {"weight": WEIGHT * share} for name, share in shares.items()},
        "critic": "d",
        "adversarial": {"bce": {"weight": 1.0}},
        "negatives": {"generated": 1.0},
        "real_weight": 1.0,
        "draws": {"d": 1},
        "real_draw": 2,
    }
