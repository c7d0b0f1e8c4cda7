"""What every row's config has in common."""

from collections.abc import Collection

from ml_collections import ConfigDict

from pgjax import data
from pgjax.errors import InputError

SYNTHETIC = ("synthetic_people", "synthetic_people_128x64", "synthetic_people_256x256")


def like(dataset: str) -> str:
    """The data set whose settings a row takes: its own, or for `custom` photos those of their size.

    Raises:
      InputError: no data set is called so.
    """
    if dataset.partition("_")[0] != "custom":
        return dataset
    return "market1501" if data.find(dataset).size[0] <= 128 else "deepfashion"


def parse(spec: str | None, rows: Collection[str], datasets: Collection[str]) -> tuple[str, str]:
    """Splits "DATASET/ROW"; a row's settings for the data set are those of `like(DATASET)`.

    Raises:
      InputError: names the unknown part and what is known.
    """
    dataset, _, row = (spec or "").partition("/")
    if like(dataset) not in datasets or row not in rows:
        said = "no row" if spec is None else f"unknown row {spec!r}"
        raise InputError(
            f"{said}: expected --config=PAPER:DATASET/ROW with DATASET one of "
            f"{', '.join(datasets)}, custom, custom_HEIGHTxWIDTH and ROW one of {', '.join(rows)}"
        )
    return dataset, row


def adam(learning_rate: float) -> dict:
    """Adam with the betas of every paper here that uses it."""
    return {"name": "adam", "learning_rate": learning_rate, "options": {"b1": 0.5, "b2": 0.999}}


def rmsprop(learning_rate: float) -> dict:
    """Keras' RMSprop, as Kurupathi et al. 2020 use it: epsilon is added to the root, not inside it."""
    options = {"decay": 0.9, "eps": 1e-7, "eps_in_sqrt": False}
    return {"name": "rmsprop", "learning_rate": learning_rate, "options": options}


def base(
    dataset: str, row: str, *, pairs: str, flip: bool, batch_size: int, protocol: str
) -> ConfigDict:
    """A config without networks and stages.

    The papers draw discs of 4 and Gaussians of 6 pixels at 128×64 and 256×256 alike; the toy size
    of 64×32 halves both, and the radius of the evaluation's mask with them. `protocol` is the one by which
    the paper measured, "" where that is not told.
    """
    toy = dataset == "synthetic_people"
    config = ConfigDict()
    config.row = f"{dataset}/{row}"
    config.seed = 0
    config.total_steps = 0
    config.batch_size = batch_size
    config.ema = 0.0
    config.data = {"name": dataset, "pairs": pairs, "flip": flip, "memory_limit_gb": 8.0}
    config.scene = {"disc_radius": 2 if toy else 4, "heatmap_sigma": 3.0 if toy else 6.0}
    config.evaluation = {"batch_size": 32, "mask_radius": 2 if toy else 4}
    config.report = {
        "log_every": 50 if dataset in SYNTHETIC else 100,
        "sample_every": 500 if dataset in SYNTHETIC else 1000,
        "sample_pairs": 8,
        "score_pairs": 64,
        "checkpoint_every": 500 if dataset in SYNTHETIC else 1000,
        "keep_checkpoints": 3,
        "keep_best": "",
    }
    config.compute = {
        "precision": "float32",
        "accumulate": 1,
        "images": "auto",
        "steps_per_call": 1,
    }
    config.published = {}
    config.published_in = ""
    config.protocol = protocol
    config.networks = {}
    config.stages = {}
    return config
