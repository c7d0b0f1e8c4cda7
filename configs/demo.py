"""What `make demo` trains: deformable skips on synthetic people at 64×32, within minutes on two cores."""

from ml_collections import ConfigDict

from configs import common, deformable


def get_config(spec: str | None = None) -> ConfigDict:
    """The toy row "synthetic_people/dsc" of deformable.py, shortened."""
    config = deformable.get_config("/".join(common.parse(spec, ("dsc",), ("synthetic_people",))))
    config.stages.stage1.steps = 700
    config.report.update(log_every=50, sample_every=350, checkpoint_every=350)
    return config
