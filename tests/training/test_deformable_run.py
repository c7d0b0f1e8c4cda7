"""A deformable row's run: interrupted and resumed, noise included; scored with noise and without."""

import jax
import numpy as np
import pytest

import tiny
from pgjax.scoring import run_evaluation
from pgjax.training import loop


@pytest.fixture(autouse=True)
def _tiny_data(monkeypatch):
    tiny.use_data(monkeypatch)


def _config(steps: int):
    """Full width of the step's inputs: noise, three draws, features, backgrounds."""
    config = tiny.deformable_config("percloss", steps)
    for network in config.networks.values():
        network.options.background = True
    return config


class _InterruptionError(Exception):
    pass


@pytest.mark.slow
def test_an_interrupted_run_ends_bit_identical_and_noise_shows(tmp_path, monkeypatch):
    whole = loop.train_and_evaluate(_config(4), tmp_path / "whole", "unused")
    real = loop.batches

    def failing(*args, start, stop, **kwargs):
        for step, batch in enumerate(real(*args, start=start, stop=stop, **kwargs), start):
            if start == 0 and step == 3:
                raise _InterruptionError
            yield batch

    monkeypatch.setattr(loop, "batches", failing)
    with pytest.raises(_InterruptionError):
        loop.train_and_evaluate(_config(4), tmp_path / "run", "unused")
    resumed = loop.train_and_evaluate(_config(4), tmp_path / "run", "unused")
    for x, y in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(x, y)

    plain, noisy, again = (
        run_evaluation.evaluate(tmp_path / "run", "unused", noise=noise)
        for noise in (False, True, True)
    )
    assert noisy["scores"] == again["scores"] and noisy["noise"]
    assert noisy["scores"]["model"]["l1"] != plain["scores"]["model"]["l1"]
    assert noisy["scores"]["source"] == plain["scores"]["source"]
    assert "noise on" in run_evaluation.table(noisy) and "noise" not in run_evaluation.table(plain)
