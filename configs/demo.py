"""What `make demo` trains: PG2 on synthetic people at 64×32, within minutes on two cores."""

from ml_collections import ConfigDict

from configs import common, pg2


def get_config(spec: str | None = None) -> ConfigDict:
    """The toy row "synthetic_people/g1_g2_d" of pg2.py, shortened."""
    config = pg2.get_config("/".join(common.parse(spec, ("g1_g2_d",), ("synthetic_people",))))
    config.stages.stage1.steps = 900
    config.stages.stage2.steps = 200
    config.report.update(log_every=50, sample_every=300, checkpoint_every=300)
    return config
