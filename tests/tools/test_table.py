import json
import types

import numpy as np
import pytest

from configs import pg2
from pgjax import rundir
from pgjax.errors import InputError
from pgjax.metrics import METRICS
from pgjax.tools import papers, table
from runs import write

ROW = "market1501/g1_l1"
VALUES = (0.25, 0.5, 0.625)


def cells(text: str, row: str, what: str) -> list[str]:
    """The cells of a row's line, split where two blanks are."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split()[:1] == [row])
    line = next(line for line in lines[first : first + 2] if what in line)
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_mean_and_deviation_of_three_seeds(tmp_path):
    runs = [write(tmp_path / str(i), seed=i, ssim=v) for i, v in enumerate(VALUES)]
    text = table.tables("pg2", table.gather("pg2", runs), ["market1501"])
    mean, deviation = np.mean(VALUES), np.std(VALUES, ddof=1)
    steps = str(pg2.SETTINGS["market1501"].coarse_steps)
    spread = [f"{mean:.4f} ± {deviation:.4f}"] * len(METRICS)
    # Inception scores are published and not measured.
    assert cells(text, "g1_l1", " measured") == ["measured", "3", steps, "12000", *spread, "-", "-"]
    published = cells(text, "g1_l1", "published")
    assert published[:2] == ["g1_l1", "published"] and published[5] == "0.304"
    assert published[-3:] == ["3.006", "2.455", "Ma et al. 2017, Table 1"]
    assert "not measured" in " ".join(cells(text, "g1_mask", "measured"))
    assert "was not run as its row says" not in text


def test_one_run_has_no_deviation(tmp_path):
    text = table.tables("pg2", table.gather("pg2", [write(tmp_path / "run")]))
    assert cells(text, "g1_l1", " measured")[1:5] == ["1", "22000", "12000", "0.2500"]
    assert "±" not in text


def test_rows_stand_in_the_papers_order_for_each_data_set(capsys):
    table.main(["pg2"])
    blocks = capsys.readouterr().out.split("\n\n")
    assert [block.split(";")[0] for block in blocks] == ["pg2 on market1501", "pg2 on deepfashion"]
    for block in blocks:
        firsts = [line.split()[0] for line in block.splitlines() if line[:1] not in " -"]
        assert firsts[2:] == list(pg2.ROWS)
        assert block.count("not measured") == len(pg2.ROWS)


def test_a_run_brings_its_data_set(tmp_path):
    run = write(tmp_path / "run", "synthetic_people/g1_d")
    text = table.tables("pg2", table.gather("pg2", [run]))
    assert "pg2 on synthetic_people;" in text and "pg2 on market1501;" in text


def test_what_a_paper_only_compares_with_is_in_its_table(monkeypatch):
    published = {"market1501": pg2.PUBLISHED["market1501"] | {"real": {"ssim": 1.0, "is": 3.86}}}
    paper = types.SimpleNamespace(**vars(pg2) | {"PUBLISHED": published})
    monkeypatch.setattr(papers, "load", lambda: {"pg2": paper})
    last = table.tables("pg2", []).splitlines()[-1]
    assert last.split()[:2] == ["real", "published"] and "3.860" in last


def test_a_shortened_run_is_said_to_be_one(tmp_path):
    config = pg2.get_config(ROW)
    config.stages.stage1.steps = 300
    run = write(tmp_path / "run", config=config)
    text = table.tables("pg2", table.gather("pg2", [run]))
    line = "g1_l1 was not run as its row says: stages.stage1.steps 300 (row: 22000)"
    assert line in text.splitlines()


@pytest.mark.parametrize(
    "fault", [{"seed": None}, {"stages": []}, {"stages": {"stage1": {}}}, {"row": 3}]
)
def test_a_config_that_is_no_runs_is_named(tmp_path, fault):
    run = write(tmp_path / "run")
    place = run / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | fault))
    with pytest.raises(InputError, match=r"config\.json: not the config of a run"):
        table.gather("pg2", [run])


def test_every_named_run_that_is_not_usable_is_in_one_error(tmp_path):
    good = write(tmp_path / "good")
    unfinished = write(tmp_path / "unfinished", step=400)
    unscored = write(tmp_path / "unscored")
    (unscored / "metrics.json").unlink()
    damaged = write(tmp_path / "damaged")
    (damaged / "metrics.json").write_text('{"step": 22000}')
    config = pg2.get_config(ROW)
    config.row = "market1501/dsc"
    other = write(tmp_path / "other", config=config)
    faults = [unfinished, unscored, damaged, other, tmp_path / "nothing"]
    with pytest.raises(InputError) as caught:
        table.gather("pg2", [good, *faults])
    messages = str(caught.value).split("; ")
    for message, words in zip(
        [m for m in messages if str(tmp_path) in m],
        (
            "step 400 of 22000, unfinished",
            "no metrics.json",
            "damaged",
            "not of pg2",
            "no such folder",
        ),
        strict=True,
    ):
        assert words in message


def test_what_is_not_usable_in_a_folder_is_skipped_with_a_note(tmp_path, capsys):
    good = write(tmp_path / "a" / "good")
    write(tmp_path / "b" / "unfinished", step=400)
    (run,) = table.gather("pg2", [tmp_path, good])
    assert run.folder == good
    assert "skipped: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 0}, "both are seed 0"),
        ({"seed": 1, "limit": 10}, "evaluated otherwise: limit None and 10"),
        ({"seed": 1, "noise": True}, "evaluated otherwise: noise False and True"),
        ({"seed": 1, "batch_size": 8}, r"config\.batch_size is 16 and 8"),
    ],
)
def test_no_mean_of_what_is_not_alike(tmp_path, changes, message):
    config = pg2.get_config(ROW)
    config.batch_size = changes.pop("batch_size", config.batch_size)
    runs = [write(tmp_path / "a"), write(tmp_path / "b", config=config, **changes)]
    with pytest.raises(InputError, match=message):
        table.tables("pg2", table.gather("pg2", runs))


def test_only_the_projects_own_protocol_stands_beside_published_numbers(tmp_path):
    run = write(tmp_path / "run", ssim=0.7, protocol={"name": "patn"})
    with pytest.raises(InputError, match=r"under protocol patn alone; evaluate\.py without"):
        table.read(run)
    (run / "metrics.json").rename(tmp_path / "kept.json")
    write(run, ssim=0.3, protocol={"name": "pgjax"})
    (run / "metrics.json").rename(run / "metrics_pgjax.json")
    (tmp_path / "kept.json").rename(run / "metrics.json")
    assert table.read(run).result["scores"]["model"]["ssim"] == 0.3


def test_rows_of_one_name_are_told_apart(tmp_path, monkeypatch):
    # As `sn` of two papers: the run below is the second's, shortened and narrower.
    def get_config(spec=None):
        config = pg2.get_config(spec)
        config.networks.g1.optimizer.learning_rate = 0.5
        config.networks.g1.options.code = 7
        config.networks.g1.options.skip_from = 3
        return config

    second = types.SimpleNamespace(**vars(pg2) | {"get_config": get_config})
    monkeypatch.setattr(papers, "load", lambda: {"pg2": pg2, "second": second})
    config = get_config(ROW)
    config.stages.stage1.steps = 10
    config.networks.g1.options.features = 4
    assert papers.owner(rundir.plain(config)) == "second"
    assert papers.owner(rundir.plain(pg2.get_config(ROW))) == "pg2"
    with pytest.raises(InputError, match="is not of pg2"):
        table.gather("pg2", [write(tmp_path, config=config)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pg3"], "unknown paper 'pg3'; there are .*pg2"),
        (["pg2", "--dataset=people"], "pg2 has no 'people'; it has market1501"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        table.main(arguments)
