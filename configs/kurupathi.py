"""Kurupathi et al. 2020, "Generation of Human Images with Clothing using Advanced Conditional GANs".

    pgjax train --config=kurupathi:market1501/sn_h_w --workdir=runs/sn_h_w --data_dir=data

Every row is a row of deformable.py (`full` unless its name says otherwise) trained with RMSprop, and

- `sn`: spectral normalisation of every layer of generator and critic, Lipschitz constant 1;
- `sn_h`: the same, with the hinge loss (eq. 2, 3) beside the cross-entropy;
- `sn_h_w`: the same, with a critic that warps the source to the target pose after its first layer;
- `w`: that critic without the two others; `w_baseline`, `w_dsc`, `w_percloss` are its ablation (Table 1).

Published numbers: Tables 1, 2 and 3. Where the paper is silent or in doubt:
- The generator's eq. 2 has a term of real images alone, which moves nothing in it: left out.
- The hinges act on logits. The paper's critic ends in a sigmoid, on which a hinge has no margin left;
  `--config.stages.stage1.adversarial.hinge.options.on_probability=True` takes it at its word.
- The deformable GAN's norms stay beside spectral normalisation.
- Its batch, steps, pairs and weights hold; RMSprop's epsilon is Keras' 1e-7, outside the root.
"""

import dataclasses

from ml_collections import ConfigDict

from configs import common, deformable

SETTINGS = deformable.SETTINGS


@dataclasses.dataclass(frozen=True)
class Row:
    """What a row adds to `base`, a row of deformable.py."""

    base: str = "full"
    spectral: bool = False
    hinge: bool = False
    warp: bool = False


ROWS = {
    "w_baseline": Row("baseline", warp=True),
    "w_dsc": Row("dsc", warp=True),
    "w_percloss": Row("percloss", warp=True),
    "w": Row(warp=True),
    "sn": Row(spectral=True),
    "sn_h": Row(spectral=True, hinge=True),
    "sn_h_w": Row(spectral=True, hinge=True, warp=True),
}

SOURCE = "Kurupathi et al. 2020, Tables 1 to 3"
PROTOCOL = "kurupathi"
"""By which SOURCE measured its own rows: a name in pgjax.metrics.protocols."""

_SIAROHIN = dict.fromkeys(("ssim", "is", "mask_ssim", "mask_is", "ds"), "deformable")
MEASURED = {
    "pg2/g1_g2_d": dict.fromkeys(("ssim", "is", "mask_ssim", "mask_is"), "pg2")
    | {"ds": "deformable"},
    "deformable/full": _SIAROHIN,
    "real": _SIAROHIN | {"l1": PROTOCOL},
}
"""By which protocol the numbers were measured that the tables take over from earlier papers. Ma et al. have
no Detection Score: it is a metric of Siarohin et al."""

_MARKET = ("ssim", "is", "mask_ssim", "mask_is", "ds")
_FASHION = ("ssim", "is", "ds")
PUBLISHED = {
    "market1501": {
        "w_baseline": dict(zip(_MARKET, (0.265, 3.232, 0.787, 3.631, 0.625), strict=True)),
        "w_dsc": dict(zip(_MARKET, (0.277, 3.433, 0.797, 3.684, 0.599), strict=True)),
        "w_percloss": dict(zip(_MARKET, (0.279, 3.318, 0.802, 3.537, 0.671), strict=True)),
        "w": dict(zip(_MARKET, (0.293, 3.354, 0.805, 3.540, 0.571), strict=True)),
        "sn": dict(zip((*_MARKET, "l1"), (0.280, 3.300, 0.797, 3.528, 0.640, 0.289), strict=True)),
        "sn_h": dict(
            zip((*_MARKET, "l1"), (0.291, 3.239, 0.804, 3.592, 0.690, 0.288), strict=True)
        ),
        "sn_h_w": dict(zip(_MARKET, (0.291, 3.192, 0.805, 3.551, 0.720), strict=True)),
        "pg2/g1_g2_d": dict(zip(_MARKET, (0.253, 3.460, 0.792, 3.435, 0.390), strict=True)),
        "deformable/full": dict(zip(_MARKET, (0.290, 3.185, 0.805, 3.502, 0.720), strict=True)),
        "real": dict(zip((*_MARKET, "l1"), (1.0, 3.860, 1.0, 3.360, 0.740, 0.0), strict=True)),
    },
    "deepfashion": {
        "w_baseline": dict(zip(_FASHION, (0.759, 3.452, 0.970), strict=True)),
        "w_dsc": dict(zip(_FASHION, (0.764, 3.385, 0.970), strict=True)),
        "w_percloss": dict(zip(_FASHION, (0.762, 3.400, 0.970), strict=True)),
        "w": dict(zip(_FASHION, (0.759, 3.584, 0.970), strict=True)),
        "sn": dict(zip(_FASHION, (0.764, 3.461, 0.970), strict=True)),
        "sn_h": dict(zip(_FASHION, (0.763, 3.444, 0.970), strict=True)),
        "sn_h_w": dict(zip(_FASHION, (0.756, 3.473, 0.970), strict=True)),
        "pg2/g1_g2_d": dict(zip(_FASHION, (0.762, 3.090, 0.950), strict=True)),
        "deformable/full": dict(zip(_FASHION, (0.756, 3.439, 0.960), strict=True)),
        "real": dict(zip(_FASHION, (1.0, 3.898, 0.980), strict=True)),
    },
}


def get_config(spec: str | None = None) -> ConfigDict:
    """The config of "DATASET/ROW"."""
    dataset, name = common.parse(spec, ROWS, SETTINGS)
    row = ROWS[name]
    config = deformable.get_config(f"{dataset}/{row.base}")
    config.row, config.protocol = f"{dataset}/{name}", PROTOCOL
    for network in config.networks.values():
        network.optimizer = ConfigDict(common.rmsprop(2e-4))
        network.options.spectral = 1.0 if row.spectral else 0.0
    if row.warp:
        config.networks.d.options.mode = "warp"
    if row.hinge:
        hinge = {"weight": 1.0, "options": {"on_probability": False}}
        config.stages.stage1.adversarial.hinge = hinge
    config.published = ConfigDict(PUBLISHED.get(dataset, {}).get(name, {}))
    if config.published:
        tables = {"sn": "Tables 2 and 3", "sn_h": "Tables 2 and 3", "sn_h_w": "Table 2"}
        config.published_in = f"Kurupathi et al. 2020, {tables.get(name, 'Table 1')}"
    else:
        config.published_in = ""
    return config
