"""Pose-guided person image generation in JAX/Flax.

The names below are the ones that pgjax promises: docs/promised.md. Each is imported when it is first used, so
that `import pgjax` alone costs next to nothing.
"""

__version__ = "0.2.0"

TYPE_CHECKING = False  # typing's costs an import; type checkers know the name
if TYPE_CHECKING:
    from pgjax.data import DATASETS
    from pgjax.errors import InputError
    from pgjax.files.config_files import load as load_config
    from pgjax.keypoints import read as read_keypoints
    from pgjax.keypoints import write as write_keypoints
    from pgjax.metrics import METRICS
    from pgjax.nets import NETS
    from pgjax.scoring.picture_judging import judge
    from pgjax.scoring.run_evaluation import evaluate
    from pgjax.serving.export import export_run as export
    from pgjax.serving.transfer import PoseTransfer
    from pgjax.training.loop import train_and_evaluate
    from pgjax.training.losses import ADVERSARIAL, TERMS

__all__ = [
    "ADVERSARIAL",
    "DATASETS",
    "METRICS",
    "NETS",
    "TERMS",
    "InputError",
    "PoseTransfer",
    "__version__",
    "evaluate",
    "export",
    "judge",
    "load_config",
    "read_keypoints",
    "train_and_evaluate",
    "write_keypoints",
]

_PLACES = {
    "ADVERSARIAL": "training.losses:ADVERSARIAL",
    "DATASETS": "data:DATASETS",
    "METRICS": "metrics:METRICS",
    "NETS": "nets:NETS",
    "TERMS": "training.losses:TERMS",
    "InputError": "errors:InputError",
    "PoseTransfer": "serving.transfer:PoseTransfer",
    "evaluate": "scoring.run_evaluation:evaluate",
    "export": "serving.export:export_run",
    "judge": "scoring.picture_judging:judge",
    "load_config": "files.config_files:load",
    "read_keypoints": "keypoints:read",
    "train_and_evaluate": "training.loop:train_and_evaluate",
    "write_keypoints": "keypoints:write",
}


def __dir__() -> list[str]:
    return sorted(__all__)


if not TYPE_CHECKING:  # to a type checker any name would be there

    def __getattr__(name: str) -> object:
        if name not in _PLACES:
            raise AttributeError(f"module 'pgjax' has no attribute {name!r}")
        import importlib

        module, _, attribute = _PLACES[name].partition(":")
        found = getattr(importlib.import_module(f"pgjax.{module}"), attribute)
        globals()[name] = found  # the next time Python finds it by itself
        return found
