"""PDIG: Disentangled Person Image Generation (Ma et al., CVPR 2018).

    pgjax train --config=pdig:market1501/pdig --workdir=runs/pdig --data_dir=data

Rows: `pdig` is stage one, which is all that pose transfer needs. It learns to draw a photo anew, from codes
of seven body regions and of the background, and from its own pose. `pdig_sampling` adds the stages that draw
new persons: the pose auto-encoder, and mapping networks from noise to the codes of foreground, background
and pose, each against a critic of its own (`pgjax sample`).

The paper says little of weights and schedules: values are those of the released code, whose README trains
120,000 steps of stage one where the paper has about 70,000 (docs/reference_facts.md, 3.4 to 3.6). Where this
differs:
- A row has one batch size. In the released code on Market-1501 the pose auto-encoder and the mapping network
  of poses take 64 images a step, the other mapping networks 32.
- On DeepFashion the released pose auto-encoder takes 16 images a step, and here 6, as stage one. Of the
  mapping networks no batch size or number of steps is known; their numbers of steps are Market-1501's.
- Mapping networks of foreground and background learn one after the other. They share nothing.
- On DeepFashion the critic is PG2's for 256×256. The released one was made for 128×64, and gives eight
  logits for an image.
- On DeepFashion the mapping networks learn the embeddings that stage one has. The released code embeds with
  another crop than it trained with.
- On synthetic people the networks are narrower, the learning rates higher, the weight of L1 is 100 and the
  schedules are shorter; at 64×32, margins and radii are half as large.

The published numbers were measured on pairs that are not published.
"""

import dataclasses

from ml_collections import ConfigDict

from configs import common


@dataclasses.dataclass(frozen=True)
class Setting:
    """What depends on the data set; `steps` are of stage one, the auto-encoder, and the mapping networks of
    appearance and pose; `regions` are levels of the tower and side; `dense` is the width of dense layers;
    `weight` is L1's; rates are of generator and auto-encoder, critic, mapping networks."""

    batch_size: int
    steps: tuple[int, int, int, int]
    regions: tuple[int, int] = (5, 48)
    levels: int = 5
    features: int = 128
    dense: int = 512
    background: int = 128
    rule: str = "market1501"
    mask_radius: int = 7
    weight: float = 20.0
    rates: tuple[float, float, float] = (2e-5, 2e-5, 2e-5)
    halved_every: int = 50_000


_STEPS = (120_000, 60_000, 120_000, 60_000)
_TOY_STEPS = (3_000, 1_500, 1_500, 1_500)
# So short a stage needs a critic that does not run away, as PG2's toy rows do.
_TOY_RATES = (5e-4, 2e-5, 5e-4)
SETTINGS = {
    "market1501": Setting(16, _STEPS),
    "deepfashion": Setting(
        6, (120_000, 120_000, 120_000, 60_000), (7, 64), background=0, rule="deepfashion"
    ),
    "synthetic_people": Setting(
        *(8, _TOY_STEPS, (4, 24), 4, 16, 64, 32),
        mask_radius=4,
        weight=100.0,
        rates=_TOY_RATES,
        halved_every=1_500,
    ),
    "synthetic_people_128x64": Setting(
        8,
        _TOY_STEPS,
        features=16,
        dense=64,
        background=32,
        weight=100.0,
        rates=_TOY_RATES,
        halved_every=1_500,
    ),
    "synthetic_people_256x256": Setting(
        *(4, _TOY_STEPS, (7, 64)),
        features=8,
        dense=64,
        background=0,
        rule="deepfashion",
        weight=100.0,
        rates=_TOY_RATES,
        halved_every=1_500,
    ),
}

SOURCE = "Ma et al. 2018 in Lakhal et al. 2018"
PROTOCOL = "pdig"
"""By which SOURCE measured: a name in pgjax.metrics.protocols."""

PUBLISHED = {
    "market1501": {"pdig": {"ssim": 0.099, "is": 3.483, "mask_ssim": 0.614, "mask_is": 3.491}},
    "deepfashion": {"pdig": {"ssim": 0.614, "is": 3.228}},
}


MOVES = 5
"""Of a mapping network's critic in a step."""


def _stage_one(setting: Setting) -> dict:
    return {
        "steps": setting.steps[0],
        "players": ("g", "d"),
        "generators": ("g",),
        "generators_from": 1,
        "terms": {"l1": {"weight": setting.weight}},
        "critic": "d",
        # Where there is no background, as on DeepFashion, the released code concatenates.
        "separate": bool(setting.background),
        "adversarial": {"bce": {"weight": 1.0}},
        "negatives": {"generated": 0.5},
        "real_weight": 0.5,
        "draws": {"d": 1},
    }


def _poses(setting: Setting) -> dict:
    return {
        "steps": setting.steps[1],
        "players": ("poses",),
        "generators": ("poses",),
        "generators_from": 1,
        "terms": {"pose": {"weight": 20.0}},
    }


def _mapping(part: str, real: str, steps: int) -> dict:
    """A stage in which the network called `part` learns what `real` makes of photos."""
    critic = f"{part}_critic"
    return {
        "steps": steps,
        "players": (part, *(critic,) * MOVES),
        "generators": (part,),
        "generators_from": 1,
        "terms": {},
        "critic": critic,
        "real": real,
        "adversarial": {"wgan": {"weight": 1.0}},
        "negatives": {"generated": 1.0},
        "real_weight": 1.0,
        "draws": {critic: 1},
    }


def _stages(setting: Setting, sampling: bool) -> dict:
    stages = [_stage_one(setting)]
    if sampling:
        _, _, appearance, pose = setting.steps
        stages += [_poses(setting), _mapping("foreground", "g.foreground", appearance)]
        if setting.background:
            stages.append(_mapping("background", "g.background", appearance))
        stages.append(_mapping("pose", "poses.embedding", pose))
    return {f"stage{number}": stage for number, stage in enumerate(stages, 1)}


def _networks(setting: Setting, sampling: bool) -> dict:
    region_levels, side = setting.regions
    options = {
        "features": setting.features,
        "levels": setting.levels,
        "region_levels": region_levels,
        "region_side": side,
        "code": 64,
        "region_code": 32,
        "background_code": setting.background,
        "rule": setting.rule,
        "mask_radius": setting.mask_radius,
        "pose_range": (-1.0, 1.0),
    }
    critic = {"features": max(16, setting.features // 2), "condition": ()}
    networks = {
        "g": _network("pdig", setting, options),
        "d": _network("dcgan_critic", setting, critic),
    }
    if not sampling:
        return networks
    dense = setting.dense
    networks["poses"] = _network("pdig_poses", setting, {"features": dense, "code": 32})
    sizes = {"foreground": (224, dense), "background": (setting.background, dense // 2)}
    for part, (size, width) in (sizes | {"pose": (32, dense)}).items():
        if not size:
            continue
        options = {"size": size, "features": width, "part": part}
        networks[part] = _network("pdig_mapping", setting, options)
        networks[f"{part}_critic"] = _network("pdig_mapping_critic", setting, {"features": dense})
        networks[f"{part}_critic"]["weight_clip"] = 0.01
        # Rates are halved by the step, in which a critic moves five times.
        for name, moves in ((part, 1), (f"{part}_critic", MOVES)):
            networks[name]["optimizer"] = {
                "name": "rmsprop_tf1",
                "learning_rate": setting.rates[2],
                "schedule": _halved(moves * setting.halved_every),
            }
    return networks


def _network(net: str, setting: Setting, options: dict) -> dict:
    rate = setting.rates[1 if net == "dcgan_critic" else 0]
    optimizer = common.adam(rate) | {"schedule": _halved(setting.halved_every)}
    return {"net": net, "options": options, "optimizer": optimizer}


def _halved(moves: int) -> dict:
    return {"name": "step", "options": {"size": moves, "factor": 0.5}}


ROWS = {"pdig": False, "pdig_sampling": True}
"""Whether persons can be drawn from noise."""


def get_config(spec: str | None = None) -> ConfigDict:
    """The config of "DATASET/ROW"."""
    dataset, row = common.parse(spec, ROWS, SETTINGS)
    setting, sampling = SETTINGS[common.like(dataset)], ROWS[row]
    config = common.base(
        dataset, row, pairs="pg2", flip=True, batch_size=setting.batch_size, protocol=PROTOCOL
    )
    config.data.draw = "images"
    config.networks = ConfigDict(_networks(setting, sampling))
    config.stages = ConfigDict(_stages(setting, sampling))
    config.published = PUBLISHED.get(dataset, {}).get(row, {})
    if config.published:
        config.published_in = SOURCE
    return config
