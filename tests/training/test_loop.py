"""The whole path at toy width: train, be interrupted, resume, evaluate."""

import json
import math
import pathlib
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from skimage.metrics import structural_similarity

import places
import tiny
from pgjax.data import pairs, store
from pgjax.errors import InputError, NonFiniteLossError
from pgjax.images.pixels import read_image
from pgjax.pose import raster
from pgjax.runtime.devices import over_devices
from pgjax.scoring import result_files, run_evaluation
from pgjax.training import generation, loop, run_directory
from pgjax.training.checkpoint import Checkpoints, saved_steps
from pgjax.training.choice import read_chosen
from pgjax.training.recipe import build
from pgjax.training.state import state_shapes

TOTAL = 8
SPLITS = tiny.SPLITS


@pytest.fixture(scope="module", autouse=True)
def _tiny_data():
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of both stages that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    state = loop.train_and_evaluate(tiny.config(), workdir, "unused", after_sample=_note)
    return workdir, state


_noted = []  # of each sample: the run directory, the samples there are, and the last step in the log


def _note(workdir, log) -> None:
    samples = sorted(p.name for p in (workdir / "samples").iterdir())
    _noted.append((workdir, samples, json.loads(log.read_text().splitlines()[-1])["step"]))


def _equal(a, b) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def _final(workdir) -> object:
    config = run_directory.read_config(workdir)
    with Checkpoints(workdir, run_directory.identity(config)) as checkpoints:
        return checkpoints.restore(state_shapes(build(config)))


def _lines(workdir) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_after_each_sample_a_page_can_be_written(finished):
    names = ["0000004.png", "0000008.png"]
    assert _noted == [(finished[0], names[:1], 4), (finished[0], names, 8)]


def test_a_run_leaves_what_the_readme_says(finished):
    workdir, state = finished
    assert int(state.step) == TOTAL
    assert run_directory.read_config(workdir)["row"] == "synthetic_people/g1_g2_d"
    environments = (workdir / "environment.jsonl").read_text().splitlines()
    assert "jax" in json.loads(environments[0])["packages"]
    assert sorted(p.name for p in (workdir / "samples").iterdir()) == ["0000004.png", "0000008.png"]
    assert list((workdir / "tensorboard").iterdir())
    _equal(_final(workdir), state)
    lines = _lines(workdir)
    assert [line["step"] for line in lines if "steps_per_second" in line] == [2, 4, 6, 8]
    assert all("g1/mask_l1" in line for line in lines[:2]) and "d/bce_real" in lines[-2]
    assert "held_out/mask_ssim" in lines[-1]
    assert all(0 <= line["input_wait"] < 1 for line in lines if "steps_per_second" in line)


def test_the_sample_grid_shows_every_stage(finished):
    # Columns: source, two poses, one image a generator, target.
    first, last = (read_image(finished[0] / "samples" / f"{s:07d}.png") for s in (4, 8))
    assert first.shape[0] == last.shape[0] and first.shape[1] < last.shape[1]


def test_noise_is_refused_where_there_is_none(finished):
    with pytest.raises(InputError, match="no generator of synthetic_people/g1_g2_d in stage2"):
        run_evaluation.evaluate(finished[0], "unused", noise=True)


class _InterruptionError(Exception):
    pass


@pytest.mark.slow
def test_an_interrupted_run_ends_bit_identical(finished, tmp_path, monkeypatch):
    real = loop.batches

    def failing(*args, start, stop, **kwargs):
        for step, batch in enumerate(real(*args, start=start, stop=stop, **kwargs), start):
            if step in interruptions:
                interruptions.remove(step)
                raise _InterruptionError
            yield batch

    interruptions = [3, 5]
    monkeypatch.setattr(loop, "batches", failing)
    for _ in range(2):
        with pytest.raises(_InterruptionError):
            loop.train_and_evaluate(tiny.config(), tmp_path / "run", "unused")
    state = loop.train_and_evaluate(tiny.config(), tmp_path / "run", "unused")
    _equal(state, finished[1])
    logged = [
        (line["step"], line.get("g1/loss"), line.get("g2/loss")) for line in _lines(finished[0])
    ]
    again = [
        (line["step"], line.get("g1/loss"), line.get("g2/loss"))
        for line in _lines(tmp_path / "run")
    ]
    assert again == logged


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_saves_itself_and_goes_on(finished, tmp_path):
    # After step 3, between checkpoints, and after step 4, where a stage ends.
    steps = []
    for answers in ([False, False, True], [True], [False] * 4):
        enough = iter(answers).__next__
        state = loop.train_and_evaluate(tiny.config(), tmp_path / "run", "unused", enough)
        steps.append(int(state.step))
        _equal(_final(tmp_path / "run"), state)
    assert steps == [3, 4, TOTAL]
    _equal(state, finished[1])


@pytest.mark.slow
def test_photos_on_the_device_change_nothing(tmp_path, monkeypatch):
    def mapped(*args, **options):
        return tiny.with_users_fusions(over_devices(*args, **options))

    monkeypatch.setattr(loop, "over_devices", mapped)
    states, config = [], tiny.config()
    for images in ("host", "device"):
        config.compute.images = images
        states.append(loop.train_and_evaluate(config, tmp_path / images, "unused"))
    _equal(*states)


@pytest.mark.slow
def test_several_steps_a_call_stop_and_go_on_anywhere(tmp_path):
    config, states = tiny.generator_config(), []
    config.stages.stage1.steps = 7
    config.compute.steps_per_call = 3
    config.report.update(log_every=7, sample_every=7, checkpoint_every=7)
    for name, answers in (("whole", [[False] * 3]), ("stopped", [[True], [True], [False]])):
        for given in answers:
            enough = iter(given).__next__
            states.append(loop.train_and_evaluate(config, tmp_path / name, "unused", enough))
    assert [int(state.step) for state in states] == [7, 3, 6, 7]
    _equal(states[0], states[-1])
    (line,) = [line for line in _lines(tmp_path / "whole") if "g/l1" in line]
    assert line["step"] == 7


def test_a_finished_run_starts_again_at_its_end(finished):
    before = _lines(finished[0])
    state = loop.train_and_evaluate(tiny.config(), finished[0], "unused")
    _equal(state, finished[1])
    assert _lines(finished[0]) == before


def test_another_run_does_not_get_the_directory(finished):
    config = tiny.config()
    config.networks.g1.optimizer.learning_rate = 0.125
    before = (finished[0] / "config.json").read_bytes()
    with pytest.raises(
        ValueError, match=r"already holds another run: .*learning_rate is .* 0\.125"
    ):
        loop.train_and_evaluate(config, finished[0], "unused")
    assert (finished[0] / "config.json").read_bytes() == before


def test_a_directory_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="holds no run"):
        loop.train_and_evaluate(tiny.config(), tmp_path, "unused")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_checkpoint_of_another_row_is_refused(finished, tmp_path):
    config = tiny.config("g1_mask")
    config.total_steps = TOTAL
    with run_directory.open_run(tmp_path, config):
        (tmp_path / "checkpoints").symlink_to(finished[0] / "checkpoints")
    with pytest.raises(
        InputError, match=r"of another run: row is '.*g1_g2_d' there and '.*g1_mask'"
    ):
        loop.train_and_evaluate(config, tmp_path, "unused")


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    config = tiny.config("g1_l1")
    config.networks.g1.optimizer.learning_rate = 1e30
    with pytest.raises(NonFiniteLossError, match=r"g1/l1 is (nan|inf) at step 2"):
        loop.train_and_evaluate(config, tmp_path / "run", "unused")
    assert not (tmp_path / "run" / "checkpoints").exists()


def _with_a_bad_parameter(state):
    bias = np.array(state.networks["g2"].params["out"]["bias"])
    bias[1] = np.inf
    params = state.networks["g2"].params | {
        "out": state.networks["g2"].params["out"] | {"bias": bias}
    }
    return state._replace(
        networks=state.networks | {"g2": state.networks["g2"]._replace(params=params)}
    )


@pytest.mark.slow
def test_parameters_that_are_not_finite_are_neither_saved_nor_shown(finished):
    # As an update can leave them whose loss and gradient were finite.
    state = _with_a_bad_parameter(finished[1])
    with pytest.raises(NonFiniteLossError, match="parameters of g2 are not finite after step 8"):
        loop.refuse_non_finite(state)
    loop.refuse_non_finite(finished[1])
    test = SPLITS["test"]
    with pytest.raises(NonFiniteLossError, match="a generated image of step 8 is not finite"):
        list(
            generation.Predictor(build(tiny.config()), "stage2")(
                state, test.store, np.array([[0, 1]])
            )
        )


@pytest.mark.parametrize("fault", ["batch", "pose"])
def test_a_start_that_fails_claims_no_directory(tmp_path, fault):
    config = tiny.config("g1_l1")
    if fault == "batch":
        config.batch_size = 3
    else:
        config.networks.g1.options.pose = "stick"
    with pytest.raises(InputError, match=r"batch_size: 3 cannot|unknown embedding 'stick'"):
        loop.train_and_evaluate(config, tmp_path / "run", "unused")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def scored(finished):
    result = run_evaluation.evaluate(finished[0], "unused", save_images=True)
    return finished[0], result


def test_evaluation_agrees_with_scikit_image_on_the_written_images(scored):
    workdir, result = scored
    test = SPLITS["test"]
    chosen = pairs.sample(store.train_pairs(test, "deformable"), 6)
    assert result["pairs"] == 6 and result["step"] == TOTAL and result["stage"] == "stage2"
    ssim, l1, copied = [], [], []
    for source, target in chosen:
        stems = (pathlib.PurePath(test.names[i]).stem for i in (source, target))
        image = read_image(workdir / "generated" / "0000008" / f"{'_to_'.join(stems)}.png")
        wanted = test.store.images[target]
        settings = {"gaussian_weights": True, "use_sample_covariance": False, "channel_axis": 2}
        ssim.append(structural_similarity(image, wanted, data_range=255, **settings))
        l1.append(np.abs(image.astype(float) - wanted).mean() / 127.5)
        copy = test.store.images[source].astype(float)
        copied.append(np.abs(copy - wanted).mean() / 127.5)
    np.testing.assert_allclose(result["scores"]["model"]["ssim"], np.mean(ssim), atol=1e-5)
    np.testing.assert_allclose(result["scores"]["model"]["l1"], np.mean(l1), rtol=1e-5)
    np.testing.assert_allclose(result["scores"]["source"]["l1"], np.mean(copied), rtol=1e-5)
    each = result_files.read_pairs(workdir / "metrics_pgjax_pairs.csv").scores
    np.testing.assert_allclose(each["ssim"], ssim, atol=1e-5)
    np.testing.assert_allclose(each["l1"], l1, rtol=1e-5)


def test_evaluation_masks_the_target_person_and_knows_the_mean(scored):
    test, result = SPLITS["test"].store, scored[1]
    chosen = pairs.sample(store.train_pairs(SPLITS["test"], "deformable"), 6)
    mean = np.round(SPLITS["train"].store.images.mean(axis=0)).astype(np.uint8)
    masked, means = [], []
    for source, target in chosen:
        shape = {"size": tiny.SIZE, "radius": 2}
        mask = raster.person_mask(test.keypoints[[target]], test.visible[[target]], **shape)[0]
        a, b = (test.images[i] * np.asarray(mask, np.uint8)[..., None] for i in (source, target))
        settings = {"gaussian_weights": True, "use_sample_covariance": False, "channel_axis": 2}
        masked.append(structural_similarity(a, b, data_range=255, **settings))
        means.append(np.abs(mean.astype(float) - test.images[target]).mean() / 127.5)
    scores = result["scores"]
    np.testing.assert_allclose(scores["source"]["mask_ssim"], np.mean(masked), atol=1e-5)
    np.testing.assert_allclose(scores["mean"]["l1"], np.mean(means), rtol=1e-3)


def test_evaluation_writes_its_result(scored):
    workdir, result = scored
    assert json.loads((workdir / "metrics.json").read_text()) == result
    assert (workdir / "evaluation.png").is_file()
    text = run_evaluation.table(result)
    assert "copy of the source" in text and "mean training image" in text


def test_evaluation_keeps_the_scores_of_each_pair(scored):
    workdir = scored[0]
    test = SPLITS["test"]
    chosen = pairs.sample(store.train_pairs(test, "deformable"), 6)
    for path in workdir.glob("metrics_*.json"):
        result = json.loads(path.read_text())
        found = result_files.read_pairs(path.with_name(f"{path.stem}_pairs.csv"))
        assert found.names == [tuple(test.names[i] for i in pair) for pair in chosen]
        assert result_files.digest_of(found.names) == result["pairs_sha256"]
        for name, mean in result["scores"]["model"].items():
            assert math.fsum(found.scores.pop(name).tolist()) / len(chosen) == mean
        assert not found.scores
    assert len(list(workdir.glob("metrics_*_pairs.csv"))) == 2


def test_the_limit_takes_the_first_pairs(finished, tmp_path):
    names = SPLITS["test"].names
    rows = [f"{names[a]},{names[b]}" for a, b in ((0, 1), (3, 5), (4, 3))]
    (tmp_path / "pairs.csv").write_text("\n".join(["from,to", *rows]) + "\n")
    file = str(tmp_path / "pairs.csv")
    result = run_evaluation.evaluate(finished[0], "unused", limit=1, pairs_file=file)
    assert result["pairs"] == 1 and result["pairs_from"] == file
    images = SPLITS["test"].store.images.astype(float)
    expected = np.abs(images[0] - images[1]).mean() / 127.5
    np.testing.assert_allclose(result["scores"]["source"]["l1"], expected, rtol=1e-5)


def test_the_mean_image_is_the_mean():
    photos = SPLITS["train"].store
    expected = np.round(photos.images.astype(float).mean(axis=0))
    np.testing.assert_allclose(run_evaluation.mean_image(photos, chunk=4), expected, atol=1)


def test_evaluating_what_is_no_run_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no run"):
        run_evaluation.evaluate(tmp_path, "unused")


KILLED = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", 2)
import pytest, tiny
from pgjax.training import loop
config = tiny.config(steps=(30, 30))
config.ema = 0.9
config.stages.stage2.update(earlier_fakes=True, pool=6)
config.report.update(keep_best="ssim", keep_checkpoints=2)
for network in config.networks.values():
    schedule = {"name": "linear_decay", "warmup": 5, "options": {"begin": 10, "end": 28}}
    network.optimizer.update(schedule=schedule, clip_norm=1.0)
with pytest.MonkeyPatch.context() as patch:
    tiny.use_data(patch)
    loop.train_and_evaluate(config, sys.argv[1], "unused")
"""


@pytest.mark.slow
def test_kill_9_at_random_moments_changes_nothing(tmp_path):
    """Three real kill -9 at random moments, then to the end: bit-identical to a run left alone.

    With averages, a pool, schedules and the best checkpoint.
    """
    environment = places.environment()

    def start(workdir):
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, str(workdir)], env=environment, stderr=subprocess.DEVNULL
        )

    assert start(tmp_path / "whole").wait() == 0
    moments, steps = random.Random(), []
    for _ in range(3):
        process = start(tmp_path / "killed")
        metrics = tmp_path / "killed" / "metrics.jsonl"
        known = len(metrics.read_text()) if metrics.exists() else 0
        deadline = time.monotonic() + 300
        # From its first steps on, any moment will do: in a step, a save, a sample.
        while (
            not metrics.exists() or len(metrics.read_text()) <= known
        ) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(moments.uniform(0, 1.0))
        assert process.poll() is None, (
            f"ended before it could be killed, at line {known} of its log"
        )
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        steps.append(metrics.read_text().count("\n"))
    assert start(tmp_path / "killed").wait() == 0
    whole, killed = _final(tmp_path / "whole"), _final(tmp_path / "killed")
    assert int(whole.step) == 60, steps
    _equal(whole, killed)
    runs = [tmp_path / name for name in ("whole", "killed")]
    (state, best), (again, found) = (
        read_chosen(run, run_directory.read_config(run)) for run in runs
    )
    assert best == found is not None and saved_steps(runs[0]) == saved_steps(runs[1])
    _equal(state, again)
