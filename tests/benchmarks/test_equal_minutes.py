"""Rows at equal minutes: what is made narrower and shorter, and the table."""

import json

import pytest

from benchmarks import equal_minutes
from pgjax.errors import InputError
from pgjax.metrics import protocols
from pgjax.tools import papers
from pgjax.training.recipe import build


@pytest.mark.parametrize("row", equal_minutes.ROWS)
def test_every_network_has_a_quarter_of_its_width(row):
    paper, _, name = row.partition(":")
    own, narrow = papers.find(paper).get_config(name), equal_minutes.config_of(row)
    build(narrow)
    assert narrow.batch_size == 4
    widths = {
        n: (own.networks[n].options.features, x.options.features)
        for n, x in narrow.networks.items()
    }
    assert all(whole == 4 * quarter for whole, quarter in widths.values()), widths


def test_schedules_are_shortened_in_proportion():
    config = equal_minutes.config_of("patn:market1501/patn")
    equal_minutes.shorten(config, 1400 / config.stages.stage1.steps)
    schedule = config.networks.g.optimizer.schedule
    assert schedule.to_dict() == {
        "name": "linear_decay",
        "every": 2,
        "options": {"begin": 996, "end": 1398},
    }


def test_results_are_those_of_the_run(tmp_path):
    both = [protocols.find(name) for name in ("pgjax", "patn")]
    (tmp_path / "run").mkdir()
    for one in both:
        result = {"protocol": one.record(), "scores": {"model": {}}, "step": 5, "pairs": 3}
        (tmp_path / "run" / f"metrics_{one.name}.json").write_text(json.dumps(result))
    (tmp_path / "plan.json").write_text('{"row": "a"}')
    assert equal_minutes.found_in(tmp_path) == {
        "row": "a",
        "step": 5,
        "pairs": 3,
        "scores": {"patn": {"model": {}}, "pgjax": {"model": {}}},
    }


def test_what_is_missing_is_told(tmp_path, capsys):
    row = "patn:market1501/patn"
    with pytest.raises(InputError, match=r"probe\.json: missing; run probe first"):
        equal_minutes.train(row, tmp_path, "data", 1.0, 1)
    with pytest.raises(InputError, match="no result; run train first"):
        equal_minutes.main(["table", f"--workdir={tmp_path}"])
    assert capsys.readouterr().err.count("this row is left out") == len(equal_minutes.ROWS)
    with pytest.raises(InputError, match="--minutes and --pairs: expected positive"):
        equal_minutes.main(["train", f"--workdir={tmp_path}", "--pairs=0"])


def test_table_has_the_rows_of_each_protocol_then_its_baselines():
    def scores(value):
        return {"model": {"ssim": value}, "source": {"ssim": 0.1}, "mean": {"ssim": 0.2}}

    found = [
        {"row": "a", "steps": {"stage1": 1200, "stage2": 30}, "scores": {"pgjax": scores(0.3)}},
        {"row": "b", "steps": {"stage1": 5}, "scores": {"pgjax": scores(0.4), "own": scores(0.5)}},
    ]
    head, _, *lines = equal_minutes.markdown(found).splitlines()
    assert head == "| protocol | row | steps | SSIM |"  # no column that is empty
    assert [line.split("|")[1:5] for line in lines] == [
        [" `pgjax` ", " `a` ", " 1,200 + 30 ", " 0.300 "],
        [" `pgjax` ", " `b` ", " 5 ", " 0.400 "],
        [" `pgjax` ", " copy of the source ", "  ", " 0.100 "],
        [" `pgjax` ", " mean training image ", "  ", " 0.200 "],
        [" `own` ", " `b` ", " 5 ", " 0.500 "],
        [" `own` ", " copy of the source ", "  ", " 0.100 "],
        [" `own` ", " mean training image ", "  ", " 0.200 "],
    ]
