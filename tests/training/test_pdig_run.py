"""PDIG's run: photo, pose and noise, interrupted and resumed; scored, exported, and persons drawn."""

import jax
import numpy as np
import pytest

import tiny
from configs import pdig
from pgjax.data.pairs import RULES
from pgjax.images.pixels import read_image
from pgjax.scoring import run_evaluation
from pgjax.serving import export
from pgjax.tools import sample
from pgjax.training import loop


@pytest.fixture(autouse=True)
def _tiny_data(monkeypatch):
    tiny.use_data(monkeypatch)


def _config():
    """Without the mapping networks of appearance, whose steps compile longest."""
    config = tiny.narrow(pdig.get_config("synthetic_people/pdig_sampling"))
    for name in ("foreground", "background"):
        del config.networks[name], config.networks[f"{name}_critic"]
    config.networks.g.options.update(levels=2, region_levels=2, region_side=12, code=5)
    stages = config.stages
    stages.stage3 = stages.stage5
    del stages.stage4, stages.stage5
    return tiny._shorten(config, (3, 2, 3))


class _InterruptionError(Exception):
    pass


@pytest.mark.slow
def test_an_interrupted_run_ends_bit_identical_and_draws_persons(tmp_path, monkeypatch):
    real, seen = loop.batches, []

    def spied(store, pairs, **options):
        seen.append(pairs)
        return real(store, pairs, **options)

    monkeypatch.setattr(loop, "batches", spied)
    whole = loop.train_and_evaluate(_config(), tmp_path / "whole", "unused")
    split = tiny.SPLITS["train"]
    pairs = RULES["pg2"](split.names, split.identities, split.store.visible)
    for given in seen:
        np.testing.assert_array_equal(given, pairs[:, [0, 0]])

    for last in (2, 7):  # amid the first stage and the last

        def failing(*args, start, last=last, **options):
            for step, batch in enumerate(real(*args, start=start, **options), start):
                if step == last:
                    raise _InterruptionError
                yield batch

        monkeypatch.setattr(loop, "batches", failing)
        with pytest.raises(_InterruptionError):
            loop.train_and_evaluate(_config(), tmp_path / "run", "unused")
    monkeypatch.setattr(loop, "batches", real)
    resumed = loop.train_and_evaluate(_config(), tmp_path / "run", "unused")
    for x, y in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(x, y)

    scores = run_evaluation.evaluate(tmp_path / "run", "unused")["scores"]["model"]
    assert np.isfinite(list(scores.values())).all()
    folder = export.export_run(tmp_path / "run")
    pictures = []
    for place in (tmp_path / "run", folder):
        out = tmp_path / f"{place.name}.png"
        sample.main([str(place), f"--out={out}", "--persons=2", "--data_dir=unused"])
        pictures.append(read_image(out))
    np.testing.assert_array_equal(*pictures)
    assert pictures[0].shape[0] > 2 * 192
