"""What the model hub reads of a model card: metadata in YAML before its text.

The keys are those of huggingface_hub.ModelCardData.
"""

import json
from collections.abc import Iterator
from typing import Any

from pgjax import data
from pgjax.metrics import of_pixels
from pgjax.metrics.protocols import OWN
from pgjax.training.model_folder import Model


def lines(model: Model) -> Iterator[str]:
    """The metadata, fenced. Values are JSON, which is YAML too."""
    recipe = model.recipe
    name = recipe.data.name
    networks = {recipe.networks[n].net for n in recipe.stages[model.stage].generators}
    values: dict[str, Any] = {
        **_license(model),
        "library_name": "pgjax",
        "pipeline_tag": "image-to-image",
        "tags": [
            "jax",
            "flax",
            "pose-transfer",
            "person-image-generation",
            name,
            *sorted(networks),
        ],
    }
    if measured := scores(model):
        values["metrics"] = list(measured)
        results = {
            "task": {"type": "image-to-image"},
            "dataset": {"type": name, "name": name, "split": "test"},
            "metrics": [{"type": metric, "value": value} for metric, value in measured.items()],
        }
        values["model-index"] = [{"name": recipe.row, "results": [results]}]
    yield "---"
    yield from (f"{key}: {json.dumps(value)}" for key, value in values.items())
    yield "---\n"


def scores(model: Model) -> dict[str, float]:
    """What was measured of its pictures, by metric; of weights that others trained nothing is known."""
    if model.imported is not None or model.scores is None:
        return {}
    measured = model.scores["scores"]["model"]
    return {name: measured[name] for name in of_pixels(OWN.metrics) if name in measured}


def kind(model: Model) -> str:
    """The data set's name without its size, such as custom of custom_96x64."""
    return model.recipe.data.name.partition("_")[0]


def _license(model: Model) -> dict[str, str]:
    """Of the weights, which are under other terms than pgjax's code."""
    if model.imported is not None:
        terms = {"license_name": "of-its-authors", "license_link": model.imported["repository"]}
    elif data.find(model.recipe.data.name).generated:
        return {"license": "apache-2.0"}
    elif kind(model) == "custom":
        terms = {"license_name": "of-the-photos"}
    else:
        terms = {"license_name": "non-commercial-research"}
    return {"license": "other", **terms}
