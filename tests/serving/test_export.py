"""From runs to exported models, their cards and scores."""

import json

import jax
import numpy as np
import pytest

import tiny
from configs import deformable
from pgjax.metrics import of_pixels
from pgjax.metrics.protocols import OWN
from pgjax.serving import export, model_card
from pgjax.training import model_folder, run_directory
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.recipe import build
from pgjax.training.state import init_state

NAMES = of_pixels(OWN.metrics)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of PG2 as it is after all eight steps but for their effect."""
    made, workdir = tiny.config(), tmp_path_factory.mktemp("run")
    made.update(published={"ssim": 0.2875, "is": 3.0}, published_in="Table 9", protocol="patn")
    state = jax.tree.map(np.asarray, init_state(build(made)))._replace(step=np.int32(8))
    (workdir / "config.json").write_text(json.dumps(run_directory.plain(made)))
    with Checkpoints(workdir, run_directory.identity(made)) as checkpoints:
        checkpoints.save(state)
    return workdir, state


def _evaluated(workdir, step, ssim=0.3125):
    scores = {name: dict.fromkeys(NAMES, ssim) for name in ("model", "source")}
    result = dict.fromkeys(export.SAID) | {"step": step, "pairs": 12_000, "noise": False}
    result |= {"pairs_from": "the test pairs", "scores": scores}
    (workdir / "metrics.json").write_text(json.dumps(result))


def test_the_generators_of_the_last_stage_are_exported(run):
    workdir, state = run
    folder = export.export_run(workdir)
    assert folder == workdir / "export"
    model = model_folder.read(folder)
    assert (model.stage, model.step, model.size, model.scores) == ("stage2", 8, (64, 32), None)
    assert list(model.variables) == ["g1", "g2"]
    for name in model.variables:
        same = jax.tree.map(
            np.array_equal, model.variables[name]["params"], state.networks[name].params
        )
        assert jax.tree.all(same)
    assert "Not evaluated" in (folder / "README.md").read_text()


def test_scores_come_to_the_card_when_they_are_of_the_same_step(run, tmp_path):
    workdir, _ = run
    export.export_run(workdir)
    _evaluated(workdir, step=6)
    assert not export.refresh(workdir)
    _evaluated(workdir, step=8)
    assert export.refresh(workdir)
    model, text = (
        model_folder.read(workdir / "export"),
        (workdir / "export/README.md").read_text(),
    )
    assert model.scores["scores"]["model"]["ssim"] == 0.3125
    assert "12,000 pairs" in text and text.count("0.3125") == 3 * len(NAMES)
    # Measured as PATN does: beside ssim_reference, and no other.
    assert "published: Table 9 | - | 0.287 | - | - | - | - |" in text
    assert "copy of the source" in text
    # By hand into another folder: the same.
    other = export.export_run(workdir, tmp_path / "model")
    assert (other / "SHA256SUMS").read_bytes() == (workdir / "export/SHA256SUMS").read_bytes()


def test_scores_that_the_card_does_not_show_leave_it_without_a_table(run):
    workdir, _ = run
    _evaluated(workdir, step=8)
    result = json.loads((workdir / "metrics.json").read_text())
    result["scores"] = {"model": {"fid": 30.0}, "source": {"fid": 50.0}}
    (workdir / "metrics.json").write_text(json.dumps(result))
    text = (export.export_run(workdir) / "README.md").read_text()
    assert "Not evaluated" in text and "12,000 pairs" not in text


def test_without_an_export_there_is_nothing_to_refresh(tmp_path):
    assert not export.refresh(tmp_path)


def test_scores_of_training_stand_in_for_an_evaluation(run):
    workdir, _ = run
    (workdir / "metrics.json").unlink(missing_ok=True)
    lines = [{"step": 6, "held_out/ssim": 0.1}, {"step": 8, "g2/loss": 3.0}]
    lines += [{"step": 8, "held_out/ssim": 0.21875}]
    (workdir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = (export.export_run(workdir) / "README.md").read_text()
    assert "while training" in text and "0.2188" in text and "0.1000" not in text


def test_a_card_from_before_protocols_shows_no_published_number():
    made = tiny.model(tiny.generator_config())
    scores = {"scores": {"model": dict.fromkeys(NAMES, 0.5)}, "noise": False, "pairs": 6}
    scores |= {"pairs_from": "x", "published": {"ssim": 0.2875}, "published_in": "Table 9"}
    assert "Table 9" not in model_card.text(made._replace(scores=scores))


def test_the_card_says_what_a_row_is_and_cannot_do():
    made = tiny.deformable_config("full_background")
    text = model_card.text(tiny.model(made, step=2))
    assert "2 of 4, batch 4, seed 0" in text and "Its training was not finished" in text
    assert "64x32 pixels" in text and "nearest x " in text
    assert "unless it is given" in text and "computer drawings" in text
    whole = model_card.text(tiny.model(tiny.deformable_config("dsc")))
    assert "not finished" not in whole and "unless it is given" not in whole


def test_the_card_tells_the_terms_of_the_photos():
    made = deformable.get_config("custom_128x64/dsc")
    text = model_card.text(tiny.model(tiny.narrow(made)))
    assert "`custom_128x64`" in text and "consent of who they show" in text
    assert "computer drawings" not in text
