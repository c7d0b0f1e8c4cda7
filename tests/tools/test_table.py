import json
import re
import types

import numpy as np
import pytest

from configs import pg2
from pgjax.errors import InputError
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.tools import papers, table
from pgjax.tools.measured import MEANT, read_judged
from pgjax.training import run_directory
from runs import pixel_metrics, write, write_judged

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
    spread = [f"{mean:.4f} ± {deviation:.4f}"] * len(pixel_metrics("pg2"))
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


def changed(key, value):
    def change(config):
        *parents, last = key.split(".")
        for name in parents:
            config = config[name]
        config[last] = value

    return change


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("stages.stage1.steps", 300, "stages.stage1.steps 300 (row: 22000)"),
        ("total_steps", 300, "total_steps 300 (row: 22000)"),
        ("total_steps", 30_000, "total_steps 30000 (row: 22000)"),
        ("batch_size", 8, "batch_size 8 (row: 16)"),
        ("networks.g1.options.features", 32, "networks.g1.options.features 32 (row: 128)"),
        ("compute.precision", "bfloat16", "compute.precision 'bfloat16' (row: 'float32')"),
        ("evaluation.mask_radius", 3, "evaluation.mask_radius 3 (row: 4)"),
        ("total_steps", 22_000, None),
        ("report.log_every", 7, None),
    ],
)
def test_a_run_that_is_not_the_published_one_is_said_to_be_another(tmp_path, key, value, told):
    config = pg2.get_config(ROW)
    changed(key, value)(config)
    run = write(tmp_path / "run", config=config)
    text = table.tables("pg2", table.gather("pg2", [run]))
    line = f"g1_l1 was not run as its row says: {told}"
    assert (line in text.splitlines()) if told else ("was not run as" not in text)


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


def test_scores_are_those_of_the_tables_protocol(tmp_path):
    run = write(tmp_path / "run", ssim=0.7, protocol="patn")
    told = r"under protocol patn alone; evaluate\.py --workdir=.*run --protocol=pg2 scores it"
    with pytest.raises(InputError, match=told):
        table.gather("pg2", [run])
    (run / "metrics.json").rename(tmp_path / "kept.json")
    write(run, ssim=0.3)
    (run / "metrics.json").rename(run / "metrics_pg2.json")
    (tmp_path / "kept.json").rename(run / "metrics.json")
    assert table.gather("pg2", [run])[0].result["scores"]["model"]["ssim_uniform"] == 0.3
    text = table.tables("pg2", table.gather("pg2", [run], "patn"), protocol="patn")
    assert cells(text, "g1_l1", " measured")[1:5] == ["1", "22000", "12000", "0.7000"]


def columns(text: str, what: str) -> dict[str, str]:
    """The cells of the first line that has `what` in it, by the heads above them."""
    lines = text.splitlines()
    heads = re.findall(r"[\w/]+ [\^v]", lines[1])
    line = next(line for line in lines[3:] if what in line)
    starts = [lines[1].index(head) + len(head) for head in heads]
    return {
        head.split()[0]: line[:end].split()[-1] for head, end in zip(heads, starts, strict=True)
    }


@pytest.mark.parametrize("protocol", [None, *PROTOCOLS])
def test_a_published_number_stands_beside_its_metric_alone(protocol):
    """Siarohin et al.'s .272 is of their code's SSIM, whatever else a table shows."""
    text = table.tables("deformable", [], ["market1501"], protocol)
    line = next(line for line in text.splitlines() if line.startswith("dsc "))
    if protocol in ("pg2", "pdig"):  # whose SSIM is another; the Inception Score is the same
        assert "0.272" not in text and "3.442" in line
        told = "published ssim, mask_ssim, mask_is, ds of baseline, dsc, percloss, full, real: "
        assert f"{told}measured under protocol deformable, so they stand beside no metric" in text
        return
    if protocol in ("gfla", "dptn", "pidm", "pcdms"):  # JPEG is judged, or the SSIM is another one
        assert not any(number in text for number in ("0.272", "3.442", "0.629"))
        return
    if protocol == "cfld":  # which judges no JPEG, and this SSIM
        assert columns(text, "dsc  ")["ssim_reference"] == "0.272" and text.count("0.272") == 1
        return
    found = columns(text, "dsc  ")
    assert found["ssim_reference"] == "0.272" and text.count("0.272") == 1
    assert found.get("ssim", "-") == found["l1"] == "-" and found["is"] == "3.442"
    assert found.get("mask_ssim", "-") == "-" and found["ds"] == "0.629"
    if protocol == "kurupathi":  # whose masks hide the source's background too
        assert found["masked_input_ssim"] == "-" and "0.796" not in text
    else:
        assert found["mask_ssim_reference"] == "0.796" and found["mask_is"] == "3.666"


def test_white_beside_the_photo_is_another_metric():
    text = table.tables("deformable", [], ["deepfashion"], "patn")
    assert "0.754" not in text and "published ssim, is, ds of baseline, dsc" in text


def test_numbers_of_a_table_that_are_others_have_the_others_protocol():
    text = table.tables("kurupathi", [], ["market1501"])
    pg2s, own = columns(text, "pg2/g1_g2_d"), columns(text, "sn_h_w")
    assert (pg2s["ssim_reference"], pg2s["is"], pg2s["ds"]) == ("-", "3.460", "0.390")
    assert (own["ssim_reference"], own["masked_input_ssim"]) == ("0.291", "0.805")
    assert "published ssim, mask_ssim, mask_is of pg2/g1_g2_d: measured under protocol pg2" in text


@pytest.mark.parametrize(("paper", "number"), [("vdg", "0.266"), ("horiuchi", "0.296")])
@pytest.mark.parametrize("protocol", [None, *PROTOCOLS])
def test_numbers_of_a_protocol_that_is_not_told_stand_beside_none(paper, number, protocol):
    text = table.tables(paper, [], ["market1501"], protocol)
    assert number not in text and "not known, so they stand beside no metric" in text
    assert " published " not in text.partition("\n")[2].partition("published ssim")[0]
    assert f"protocol {protocol or 'pgjax'};" in text


def test_judged_pictures_are_a_line_of_their_own(tmp_path, capsys):
    run = write(tmp_path / "run")
    write_judged(tmp_path / "metrics.json", ssim=0.4375)
    table.main(["pg2", str(run), f"theirs={tmp_path}", "--dataset=market1501"])
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("theirs"))
    assert line.split()[:5] == ["theirs", "judged", "-", "-", "12000"]
    assert line.count("0.4375") == len(pixel_metrics("pg2")) and out.count("theirs") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "patn"}, "judged under protocol patn, the table is of pg2"),
        ({"dataset": "deepfashion"}, "of deepfashion; expected market1501"),
        ({"pairs": 8570}, "cannot share a table: pairs 8570 and 12000"),
        ({"limit": 100}, "cannot share a table: limit 100 and None"),
        ({"pairs_sha256": "f" * 64}, "cannot share a table: pairs_sha256 'ffff"),
        ({"mask_radius": 2}, "cannot share a table: mask_radius 2 and 4"),
    ],
)
def test_pictures_that_were_judged_otherwise_are_refused(tmp_path, changes, message):
    run, path = write(tmp_path / "run"), write_judged(tmp_path / "theirs.json", **changes)
    with pytest.raises(InputError, match=message):
        table.main(["pg2", str(run), f"theirs={path}"])


@pytest.mark.parametrize(
    ("key", "other"), [("reference", "targets"), ("fid_batch", 64), ("lpips_scaling", "unit")]
)
def test_a_choice_that_differs_is_another_protocol(tmp_path, key, other):
    before = PROTOCOLS["pgjax"].record()
    runs = [write(tmp_path / "a", protocol="pgjax")]
    runs.append(write(tmp_path / "b", seed=1, protocol="pgjax"))
    path = runs[1] / "metrics.json"
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"protocol": before | {key: other}}))
    with pytest.raises(
        InputError, match=rf"otherwise: protocol\.{key} {before[key]!r} and {other!r}"
    ):
        table.tables("pg2", table.gather("pg2", runs, "pgjax"), protocol="pgjax")
    # Earlier versions did not tell this choice.
    del before[key]
    path.write_text(json.dumps(result | {"protocol": before}))
    table.tables("pg2", table.gather("pg2", runs, "pgjax"), protocol="pgjax")


def test_every_choice_of_a_protocol_counts():
    texts = {"name", "source", "pairs", "metrics", "columns", "notes"}
    assert {*MEANT} == set(PROTOCOLS["pgjax"].record()) - texts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("={path}", "expected NAME=FOLDER/metrics.json"),
        ("theirs=", "expected NAME=FOLDER/metrics.json"),
        ("theirs={path}/nothing.json", r"no .*nothing\.json; evaluate\.py --images"),
        ("theirs={path}/run", "is a run; give it as it is, without theirs="),
        ("theirs={path}/run/metrics.json", "not what evaluate.py writes.*dataset"),
        ("theirs={path}/run/config.json", "not what evaluate.py writes"),
    ],
)
def test_what_is_no_judged_file_is_named(tmp_path, text, message):
    write(tmp_path / "run")
    with pytest.raises(InputError, match=message):
        read_judged(text.format(path=tmp_path))


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
    assert papers.owner(run_directory.plain(config)) == "second"
    assert papers.owner(run_directory.plain(pg2.get_config(ROW))) == "pg2"
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
