"""What `make demo` trains: PG2 on synthetic people at 64×32, in about three minutes on two cores."""

from ml_collections import ConfigDict

from configs import pg2


def get_config(spec: str | None = None) -> ConfigDict:
    """The toy row "synthetic_people/ROW" of pg2.py, shortened."""
    config = pg2.get_config(spec)
    config.stages.stage1.steps = 60
    config.stages.stage2.steps = 60
    config.report.update(log_every=20, sample_every=60, checkpoint_every=60)
    return config
