"""PATN: progressive pose attention transfer (Zhu et al., CVPR 2019).

    pgjax train --config=patn:market1501/patn --workdir=runs/patn --data_dir=data

The generator moves the image's features in nine blocks, each by an attention that follows from both poses.
Two critics judge its image: `d_pp` beside the source image (appearance), `d_pb` beside the target's heat maps
(shape). Networks, losses, their weights, the order of moves, the pools and the learning rate are those of the
released code (docs/reference_facts.md, 4.1 to 4.4). Its settings for Market-1501: batch norm over the whole
batch, cross-entropy, a pool of 50 images for each critic. For DeepFashion: instance norm, least squares, no
pools. The paper's photos of DeepFashion are those of `deepfashion_256x176`; the protocol `patn` cuts the
others alike. `deepfashion_512x352` takes the same settings; no number of it is published.

What differs from the released code:
- It compares features of torchvision's VGG-19. Here they are those of Keras', divided by 57.6, which is the
  ratio of the two networks' scales of pixels: 255 times the mean of ImageNet's standard deviations. For
  torchvision's, where its file is at hand (`pgjax weights vgg19_torchvision`):
  `--config.features.net=vgg19_torchvision --config.features.scale=1.0`.
- Pairs are drawn without replacement, and the last batch of an epoch on DeepFashion has 7 of them, not 3.
- Heat maps of DeepFashion have a sigma of 6 pixels, as those of Market-1501: the released script leaves a
  single pixel of each, which its authors say was not meant.

On synthetic people the networks are narrower, an epoch is shorter, and VGG-19 has random weights, so that no
row needs a download.
"""

import dataclasses

from ml_collections import ConfigDict

from configs import common

EPOCHS, CONSTANT, DECAY = 700, 498, 201
"""All, those before the learning rate falls, and those over which it falls to 0."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What depends on the data set; `epoch` in steps, `image` the weight of L1 and of the features' L1."""

    epoch: int
    batch_size: int
    norm: str
    adversarial: str
    image: float
    pool: int
    features: int = 64
    toy: bool = False


def _market(epoch: int, batch_size: int, **other) -> Setting:
    return Setting(epoch, batch_size, "batch", "bce", 10.0, pool=50, **other)


def _fashion(epoch: int, batch_size: int, **other) -> Setting:
    return Setting(epoch, batch_size, "instance", "least_squares", 1.0, pool=0, **other)


SETTINGS = {
    "market1501": _market(125, 32),
    "deepfashion": _fashion(572, 7),
    "deepfashion_256x176": _fashion(572, 7),
    "deepfashion_512x352": _fashion(572, 7),
    "synthetic_people": _market(4, 8, features=16, toy=True),
    "synthetic_people_128x64": _market(6, 4, features=16, toy=True),
    "synthetic_people_256x256": _fashion(6, 2, features=16, toy=True),
}

ROWS = {"patn": None}

SOURCE = "Zhu et al. 2019, Table 1"
PROTOCOL = "patn"
"""By which SOURCE measured: a name in pgjax.metrics.protocols."""

_FASHION = {"patn": {"ssim": 0.773, "is": 3.209, "ds": 0.976, "pckh": 0.96}}
PUBLISHED = {
    "market1501": {"patn": {"ssim": 0.311, "mask_ssim": 0.811, "mask_is": 3.773, "pckh": 0.94}},
    "deepfashion": _FASHION,
    "deepfashion_256x176": _FASHION,
}

WEIGHT = 5.0
"""Of the adversarial losses: their mean over the critics for the generator, over both sides for a critic."""


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
    config.networks = ConfigDict(
        {
            "g": _network(setting, "patn", blocks=9, pose="heatmaps"),
            "d_pp": _network(setting, "residual_critic", blocks=3, condition=("source_image",)),
            "d_pb": _network(setting, "residual_critic", blocks=3, condition=("target_heatmaps",)),
        }
    )
    config.features = ConfigDict(
        {
            "net": "vgg19",
            "weights": "random" if setting.toy else "imagenet",
            "means": "proper",
            "scale": 57.6,
        }
    )
    config.stages = ConfigDict({"stage1": _stage(setting)})
    config.published = PUBLISHED.get(dataset, {}).get(row, {})
    if config.published:
        config.published_in = SOURCE
    return config


def _network(setting: Setting, net: str, **own) -> dict:
    options = {"features": setting.features, "norm": setting.norm, "dropout": 0.5, **own}
    schedule = {
        "name": "linear_decay",
        "every": setting.epoch,
        "options": {
            "begin": CONSTANT * setting.epoch,
            "end": (CONSTANT + DECAY) * setting.epoch,
        },
    }
    return {
        "net": net,
        "options": options,
        "optimizer": common.adam(2e-4) | {"schedule": schedule},
    }


def _stage(setting: Setting) -> dict:
    # The code's squared differences are not halved, those of Mao et al. are.
    weight = WEIGHT * (2 if setting.adversarial == "least_squares" else 1)
    return {
        "steps": EPOCHS * setting.epoch,
        "players": ("g", "d_pp", "d_pb"),
        "generators": ("g",),
        "terms": {
            "l1": {"weight": setting.image},
            "feature_l1": {"weight": setting.image, "options": {"layer": "block1_conv2"}},
        },
        "critics": ("d_pp", "d_pb"),
        "adversarial": {setting.adversarial: {"weight": weight}},
        "negatives": {"generated": 0.5},
        "real_weight": 0.5,
        "separate": True,
        "critic_noise": True,
        "earlier_fakes": True,
        "pool": setting.pool,
    }
