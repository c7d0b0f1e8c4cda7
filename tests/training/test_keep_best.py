"""The best checkpoint by a metric: kept beside the last ones, whatever its scores; evaluated and exported."""

import json
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
import two_hosts
from pgjax.errors import InputError
from pgjax.metrics.protocols import while_training
from pgjax.scoring import run_evaluation
from pgjax.serving import export
from pgjax.training import loop, model_folder, run_directory
from pgjax.training.checkpoint import Checkpoints, Score, saved_steps
from pgjax.training.choice import Best, read_chosen
from pgjax.training.recipe import build
from pgjax.training.state import NetworkState, State, init_state, state_shapes

WHO = {"row": "market1501/g1_l1", "networks": {}}


def _state(step):
    params = {"bias": jnp.full(3, float(step))}
    return State(jnp.int32(step), {"g": NetworkState(params, {}, {})})


def _save(workdir, values, metric="ssim", stages="a" * 9, keep=1, scored=None):
    """Checkpoints of steps 1, 2, ... with these values; returns the step and value of the best."""
    with Checkpoints(workdir, WHO, keep, metric) as checkpoints:
        for step, (value, stage) in enumerate(zip(values, stages, strict=False), 1):
            score = None if value is None else Score(scored or metric, value, stage)
            checkpoints.save(_state(step), score)
    # What a run that goes on, or an evaluation, finds.
    with Checkpoints(workdir, WHO, keep, metric) as checkpoints:
        best = checkpoints.best()
        state = checkpoints.restore(_state(0), None if best is None else best[0])
    found = None if best is None else (best[0], best[1].value)
    if best is not None:
        np.testing.assert_array_equal(state.networks["g"].params["bias"], [best[0]] * 3)
    return found


NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "best", "kept"),
    [
        ([0.3, 0.5, 0.2, 0.4], (2, 0.5), [2, 4]),
        ([0.3, 0.5, NAN, 0.2, 0.4], (2, 0.5), [2, 5]),
        ([NAN, 0.1, NAN], (2, 0.1), [2, 3]),
        ([0.1, 0.2, NAN], (2, 0.2), [2, 3]),
        ([0.5, float("inf"), 0.4], (1, 0.5), [1, 3]),
        ([0.5, None, 0.5], (1, 0.5), [1, 3]),
        ([0.1, 0.2, 0.3], (3, 0.3), [3]),
        ([NAN, NAN], None, [2]),
        ([None, None], None, [2]),
    ],
)
def test_the_best_is_kept_beside_the_last(tmp_path, values, best, kept):
    assert _save(tmp_path, values) == best
    assert saved_steps(tmp_path) == kept


def test_of_some_metrics_the_smallest_is_the_best(tmp_path):
    assert _save(tmp_path, [0.3, 0.1, 0.2, 0.4], metric="l1", keep=2) == (2, 0.1)
    assert saved_steps(tmp_path) == [2, 3, 4]


def test_another_stage_begins_anew(tmp_path):
    """Its generators and losses are others: a lower score does not make the first stage's the model."""
    assert _save(tmp_path, [0.9, 0.8, 0.2, 0.3, 0.1], stages="aabbb") == (4, 0.3)
    assert saved_steps(tmp_path) == [4, 5]


def test_scores_of_another_metric_say_nothing(tmp_path):
    assert _save(tmp_path, [0.9, 0.8, 0.7], scored="psnr") is None
    assert saved_steps(tmp_path) == [3]


def test_without_a_metric_the_last_ones_are_kept(tmp_path):
    assert _save(tmp_path, [0.9, 0.8, 0.7], metric="", keep=2, scored="ssim") is None
    assert saved_steps(tmp_path) == [2, 3]


def test_an_unknown_metric_is_named():
    config = tiny.config()
    for name in ("fid", "masked_input_ssim", "best"):
        config.report.keep_best = name
        with pytest.raises(InputError, match=rf"^config\.report\.keep_best: unknown name '{name}'"):
            build(config)
    for name in while_training():
        config.report.keep_best = name
        assert build(config).report.keep_best == name


def _config():
    config = tiny.generator_config()
    config.report.update(sample_every=1, checkpoint_every=4, keep_checkpoints=1, keep_best="ssim")
    return config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run as it lies there: steps 2 and 4 with their scores, the second step's being best."""
    config, workdir = _config(), tmp_path_factory.mktemp("run")
    values = {2: 0.6, 3: NAN, 4: 0.4}
    (workdir / "config.json").write_text(json.dumps(run_directory.plain(config)))
    lines = [json.dumps({"step": step, "held_out/ssim": x}) for step, x in values.items()]
    (workdir / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    state = jax.tree.map(np.asarray, init_state(build(config)))
    with Checkpoints(workdir, run_directory.identity(config), 1, "ssim") as checkpoints:
        for step, x in values.items():
            score = Score("ssim", x, "stage1")
            checkpoints.save(state._replace(step=np.int32(step)), score)
    return workdir


def test_the_best_is_read_unless_a_step_is_asked_for(run):
    config = run_directory.read_config(run)
    state, best = read_chosen(run, config)
    assert (int(state.step), best) == (2, Best("ssim", 0.6, 4))
    state, best = read_chosen(run, config, 4)
    assert (int(state.step), best) == (4, None)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 3 in .*; there are 2, 4$"):
        read_chosen(run, config, 3)
    config["report"]["keep_best"] = ""
    assert int(read_chosen(run, config)[0].step) == 4


def test_the_best_is_exported_and_the_card_says_so(run, tmp_path):
    model = model_folder.read(export.export_run(run, tmp_path / "best"))
    assert (model.step, model.best) == (2, {"metric": "ssim", "value": 0.6, "last_step": 4})
    card = (tmp_path / "best" / "README.md").read_text()
    assert "| steps | 2 of 4, " in card
    said = "| taken | step 2, which had the best ssim on the first 4 test pairs while training: 0.6000; "
    assert said + "the last one is 4. " in card
    assert "not finished" not in card
    assert model.scores["scores"]["model"] == {"ssim": 0.6}
    model = model_folder.read(export.export_run(run, tmp_path / "last", 4))
    assert (model.step, model.best, model.scores["scores"]["model"]) == (4, None, {"ssim": 0.4})
    assert "| taken |" not in (tmp_path / "last" / "README.md").read_text()


def test_of_a_stage_before_the_last_none_is_read(tmp_path):
    """Later stages may have no scores at all, as those of PDIG's codes."""
    config = tiny.config("g1_g2_d", steps=(2, 2))
    config.report.keep_best = "ssim"
    state = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), state_shapes(build(config)))
    scores = {1: Score("ssim", 0.9, "stage1"), 2: Score("ssim", 0.1, "stage1"), 3: None}
    for step, score in scores.items():
        with Checkpoints(tmp_path, run_directory.identity(config), 1, "ssim") as checkpoints:
            checkpoints.save(state._replace(step=np.int32(step)), score)
        if step > 1:
            read, best = read_chosen(tmp_path, config)
            expected = (3, None) if step == 3 else (1, Best("ssim", 0.9, 2))
            assert (int(read.step), best) == expected


def _damage(workdir, step):
    (workdir / "checkpoints" / str(step) / "state" / "_METADATA").write_text("{")


def test_a_damaged_best_one_is_skipped(run, tmp_path, capsys):
    workdir = tmp_path / "run"
    shutil.copytree(run, workdir)
    config = run_directory.read_config(workdir)
    _damage(workdir, 2)
    state, best = read_chosen(workdir, config)
    assert (int(state.step), best) == (4, None)
    warning = r"^warning: checkpoint .*/2 is damaged or incomplete: .*; going on from step 4$"
    assert re.search(warning, capsys.readouterr().err, re.MULTILINE)
    # One that was asked for is not replaced.
    with pytest.raises(InputError, match=r"no checkpoint can be read: .*/2 is damaged"):
        read_chosen(workdir, config, 2)
    _damage(workdir, 4)
    with pytest.raises(InputError, match=r"no checkpoint can be read: .*/2 is .*; .*/4 is damaged"):
        read_chosen(workdir, config)


EXPORTED = """
import sys
from pgjax.runtime import hosts

workdir, port, host = sys.argv[1:]
hosts.start(f"localhost:{port}", 2, int(host))
import numpy as np
from pgjax.tools import train
from pgjax.training import run_directory
from pgjax.training.state import State

train._export(run_directory.read_config(workdir), State(np.int32(4), {}), workdir)
"""


@pytest.mark.slow
def test_two_hosts_export_their_best_step(run, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(run, workdir)
    port = two_hosts.free_port()
    processes = [two_hosts.process(EXPORTED, workdir, port, host) for host in range(2)]
    (_, told), (_, nothing) = two_hosts.end(processes)
    assert f"model exported to {workdir}/export" in told and "exported" not in nothing
    model = model_folder.read(workdir / "export")
    assert (model.step, model.best["last_step"]) == (2, 4)


@pytest.mark.slow
def test_a_run_keeps_its_best_step_through_a_kill_and_a_nan(tmp_path, monkeypatch):
    real, values = loop.mean_scores, iter([0.2, 0.6, None, NAN, 0.4])

    def scores(found):
        value = next(values)
        if value is None:
            raise KeyboardInterrupt
        made = real(found)
        made["model"]["ssim"] = value
        return made

    tiny.use_data(monkeypatch)
    monkeypatch.setattr(loop, "mean_scores", scores)
    with pytest.raises(KeyboardInterrupt):
        loop.train_and_evaluate(_config(), tmp_path, "unused")
    assert saved_steps(tmp_path) == [2]
    loop.train_and_evaluate(_config(), tmp_path, "unused")
    assert saved_steps(tmp_path) == [2, 4]
    result = run_evaluation.evaluate(tmp_path, "unused", limit=2)
    best = {"metric": "ssim", "value": 0.6, "last_step": 4}
    assert (result["step"], result["checkpoint"]["best"]) == (2, best)
    result = run_evaluation.evaluate(tmp_path, "unused", limit=2, step=4)
    assert (result["step"], result["checkpoint"]["best"]) == (4, None)
