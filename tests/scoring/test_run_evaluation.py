"""What an evaluation does to the results that lie there."""

import json

import pytest

from pgjax.scoring.run_evaluation import put_aside, write


@pytest.mark.parametrize(
    ("before", "pairs", "kept"),
    [
        ('{"pairs": 12000, "scores": 1}', 64, True),
        ('{"pairs": 64}', 64, False),
        ('{"pairs": 64}', 12000, False),
        ("no JSON", 64, False),
        ("[]", 64, False),
        ('{"pairs": "all"}', 64, False),
    ],
)
def test_a_result_of_more_pairs_is_kept(tmp_path, capsys, before, pairs, kept):
    path = tmp_path / "metrics_pgjax.json"
    path.write_text(before)
    put_aside(path, {"pairs": pairs})
    aside = tmp_path / "metrics_pgjax.json.before"
    assert aside.exists() == kept
    said = capsys.readouterr().err
    if kept:
        assert json.loads(aside.read_text()) == json.loads(before)
        assert said == f"{path}: the scores of 12,000 pairs are now in {aside.name}\n"
    else:
        assert not said


def test_the_result_of_the_most_pairs_stays_kept(tmp_path, capsys):
    path = tmp_path / "metrics.json"
    aside = tmp_path / "metrics.json.before"
    for pairs, kept in ((12000, None), (100, 12000), (50, 12000), (12000, 12000), (7, 12000)):
        result = {"pairs": pairs, "made": "now" if kept else "first"}
        put_aside(path, result)
        write(path, result)
        assert not kept or json.loads(aside.read_text())["pairs"] == kept
    assert json.loads(aside.read_text())["made"] == "now"  # of as many, the later one
    assert capsys.readouterr().err.count("the scores of 12,000 pairs are now in") == 3


def test_scores_of_pairs_are_kept_with_their_result(tmp_path):
    path, beside = tmp_path / "metrics_pg2.json", tmp_path / "metrics_pg2_pairs.csv"
    write(path, {"pairs": 3})
    beside.write_text("three")
    put_aside(path, {"pairs": 3}, [beside.name])
    assert not (tmp_path / "metrics_pg2_pairs.csv.before").exists()
    put_aside(path, {"pairs": 2}, [beside.name])
    assert (tmp_path / "metrics_pg2_pairs.csv.before").read_text() == "three"


def test_nothing_is_kept_of_nothing(tmp_path):
    put_aside(tmp_path / "metrics_pgjax.json", {"pairs": 1})
    assert not list(tmp_path.iterdir())
