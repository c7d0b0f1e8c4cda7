import json
import sys

import pytest
from absl import flags

import tiny
from benchmarks import curves
from pgjax.training.loop import train_and_evaluate


@pytest.mark.slow
def test_a_runs_curves_are_of_its_stages_and_nothing_moves(tmp_path, monkeypatch, capsys):
    tiny.use_data(monkeypatch)
    workdir = tmp_path / "run"
    train_and_evaluate(tiny.config(steps=(2, 2)), workdir, "unused")
    args = [f"--workdir={workdir}", "--batches=2", f"--out={tmp_path / 'curves.json'}"]
    flags.FLAGS([sys.argv[0], *args])
    curves.main([])
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    result = json.loads((tmp_path / "curves.json").read_text())
    assert printed == result["curves"]
    assert [(c["stage"], c["step"]) for c in printed] == [
        ("stage1", 0),
        ("stage1", 2),
        ("stage2", 2),
        ("stage2", 4),
    ]
    untrained, trained = printed[2:]
    assert untrained["g2/mask_l1"] != trained["g2/mask_l1"]
    # Before G2 has moved, its image is nearly G1's, whose loss on the very same batches is known.
    assert printed[1]["g1/mask_l1"] == pytest.approx(untrained["g2/mask_l1"], rel=0.5)
    curves.main([])
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert again == printed
