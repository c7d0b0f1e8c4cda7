"""VariGAN, a reading: multi-view image generation from a single view (Zhao et al., ACM MM 2018).

    pgjax train --config=varigan:deepfashion/varigan_reading --workdir=runs/varigan --data_dir=data

PG2's paper compares with VariGAN by pictures alone. It has no public code, its tables of layers were not at
hand, and there is no number of it on these pairs. So the row is called a reading, and no published number
stands beside it. What is public: the condition is a view, no pose; a coarse generator draws a small image of
the target view by variational inference; a fine generator with skip connections adds detail, and reads the
source and the coarse image; a critic is conditional (docs/reference_facts.md, 8.1). All else is chosen:
- Views are front, side and back. DeepFashion's are those of the photos' names, those of synthetic people are
  those that they are drawn by. Of other photos, and where a name says something else ("full"), the shoulders
  tell it, by a rule that agrees with 90.7 % of DeepFashion's names.
- Networks: those of nets/varigan.py, 64 channels wide, a latent of 256 numbers. The view is a one-hot vector
  of three, of which a dense layer makes as many numbers as the source's code has.
- Stage one is a conditional variational auto-encoder at half size. Its image is enlarged, and L1 compares it
  with the whole target. L1 and the divergence are weighted as in the bound of a Laplace distribution of scale
  1 in each value of the half-size image, divided by their number.
- In training the latent is drawn from the posterior. In evaluation, and where stage two is trained, it is 0.
- Stage two has L1 times 100 and the non-saturating cross-entropy of a PatchGAN critic on source and image,
  which is told neither pose nor view.
- Adam 2e-4 (.5, .999). Steps, batch, widths on synthetic people, draws and pairs are configs/vdg.py's.
"""

from ml_collections import ConfigDict

from configs import common, deformable, vdg
from pgjax import data

ROWS = ("varigan_reading",)

SETTINGS = vdg.SETTINGS

SOURCE = ""
PROTOCOL = ""
"""Nothing is published on these pairs."""

PUBLISHED: dict[str, dict] = {}


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
    shared = {"features": setting.features, "norm": "joint"}
    own = {
        "g": ("varigan_coarse", {"code": 256, "latent": 256}),
        "g2": ("varigan_fine", {"dropout": 0.5, "prior": "g"}),
    }
    config.networks = {
        name: {"net": net, "options": shared | options, "optimizer": common.adam(2e-4)}
        for name, (net, options) in own.items()
    }
    config.networks.d = deformable.get_config(f"{dataset}/baseline").networks.d
    config.networks.d.options.update(source_pose=False, target_pose=False)
    height, width = data.find(dataset).size
    values = height // 2 * (width // 2) * 3
    coarse = {
        "steps": setting.coarse_steps,
        "players": ("g",),
        "generators": ("g",),
        "terms": {"l1": {"weight": 1.0}, "kl": {"weight": 1 / values}},
    }
    fine = {
        "steps": setting.refine_steps,
        "players": ("d", "g2"),
        "generators": ("g", "g2"),
        "terms": {"l1": {"weight": 100.0}},
        "critic": "d",
        "adversarial": {"bce": {"weight": 1.0}},
        "negatives": {"generated": 1.0},
        "real_weight": 1.0,
        "draws": {"d": 1},
        "real_draw": 2,
    }
    config.stages = {"stage1": coarse, "stage2": fine}
    return config
