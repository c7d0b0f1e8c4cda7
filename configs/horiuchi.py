"""Horiuchi et al., MVA 2019: spectral normalisation, self-attention, relativistic adversarial training.

    pgjax train --config=horiuchi:market1501/sn_rh --workdir=runs/sn_rh --data_dir=data

Both rows are deformable.py's `full` with spectral normalisation (Lipschitz constant 1) of every layer
of generator and critic, and one block of SAGAN's self-attention (Zhang 2019) in each. `sn` keeps the
cross-entropy; `sn_rh` has the relativistic average hinge loss instead (Jolicoeur-Martineau 2018).

Published numbers: as Kurupathi et al. 2020 quote them in their Table 3; the paper itself is not public to
us. So these are our choices:
- Self-attention stands where the features are about 32 pixels high, as in SAGAN: in the generator's
  decoder at 32×16 (Market-1501) or 32×32 (256×256), in the critic after the block that ends at 31×15 or
  31×31. At 64×32 the critic's stands at 15×7.
- Adam 2e-4 (.5, .999), batch, steps, pairs and the weight of the nearest-neighbour loss are the
  deformable GAN's.
"""

from ml_collections import ConfigDict

from configs import common, deformable

# The adversarial loss of each row.
ROWS = {"sn": "bce", "sn_rh": "relativistic_hinge"}

SOURCE = "Kurupathi et al. 2020, Table 3"
PROTOCOL = ""
"""Not told: neither by that table nor by its text."""

_MARKET = ("ssim", "is", "l1")
PUBLISHED = {
    "market1501": {
        "sn": dict(zip(_MARKET, (0.289, 3.066, 0.289), strict=True)),
        "sn_rh": dict(zip(_MARKET, (0.296, 2.973, 0.288), strict=True)),
        "real": dict(zip(_MARKET, (1.0, 3.860, 0.0), strict=True)),
    },
}

# Level of the generator's decoder, number of the critic's block.
ATTENTION = {
    "market1501": (2, 1),
    "deepfashion": (3, 2),
    "synthetic_people": (1, 1),
    "synthetic_people_128x64": (2, 1),
    "synthetic_people_256x256": (3, 2),
}

SETTINGS = {dataset: deformable.SETTINGS[dataset] for dataset in ATTENTION}


def get_config(spec: str | None = None) -> ConfigDict:
    """The config of "DATASET/ROW"."""
    dataset, name = common.parse(spec, ROWS, SETTINGS)
    config = deformable.get_config(f"{dataset}/full")
    config.row, config.protocol = f"{dataset}/{name}", PROTOCOL
    for network, place in zip(("g", "d"), ATTENTION[common.like(dataset)], strict=True):
        options = config.networks[network].options
        options.spectral = 1.0
        options.attention = (place,)
    config.stages.stage1.adversarial = ConfigDict({ROWS[name]: {"weight": 1.0}})
    config.published = ConfigDict(PUBLISHED.get(dataset, {}).get(name, {}))
    config.published_in = SOURCE if config.published else ""
    return config
