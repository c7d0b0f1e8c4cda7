"""Results as tables: where the published numbers of a row stand."""

import pytest

from configs import deformable, pg2, vdg
from pgjax.metrics.protocols import PROTOCOLS
from pgjax.scoring import results
from pgjax.training.recipe import build


def result(config, protocol, scores=None):
    """What evaluate.py writes, as far as its table reads it."""
    metrics = dict.fromkeys(PROTOCOLS[protocol].metrics, 0.5) if scores is None else scores
    return {
        "row": config.row,
        "step": 90_000,
        "pairs": 12_000,
        "noise": False,
        "protocol": PROTOCOLS[protocol].record(),
        "scores": {"model": metrics, "source": metrics},
        "not_measured": {},
        **results.published(build(config), PROTOCOLS[protocol]),
    }


def published(text):
    """The published row's cells by metric, and the lines below it."""
    _, columns, _, *lines = text.splitlines()
    names = [name for name in columns.split() if name not in "^v"]
    found = [line for line in lines if line.startswith("published: ")]
    cells = found[0].split()[-len(names) :] if found else ["-"] * len(names)
    return dict(zip(names, cells, strict=True)), lines[-1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_published_number_stands_beside_its_metric_alone(protocol):
    text = results.table(result(deformable.get_config("market1501/dsc"), protocol))
    cells, last = published(text)
    assert f"12000 test pairs, protocol {protocol};" in text
    if protocol in ("pg2", "pdig"):  # whose SSIM is another one
        assert "0.272" not in text and cells["is"] == "3.442"
        return
    if protocol in ("gfla", "dptn", "pidm", "pcdms"):  # JPEG is judged, or the SSIM is another one
        assert "0.272" not in text and "measured under protocol deformable, so they" in last
        return
    assert cells["ssim_reference"] == "0.272" and text.count("0.272") == 1
    assert cells.get("ssim", "-") == cells.get("l1", "-") == "-" and last == results.CAUTION


def test_where_no_metric_is_theirs_the_table_says_whose_they_are():
    pixels = {"ssim": 0.5, "l1": 0.3}
    text = results.table(result(pg2.get_config("market1501/g1_l1"), "pgjax", pixels))
    assert "0.304" not in text
    told = "measured under protocol pg2, so they stand beside no metric here"
    assert text.splitlines()[-1] == f"published numbers (Ma et al. 2017, Table 1): {told}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numbers_of_a_protocol_that_is_not_told_stand_nowhere(protocol):
    found = result(vdg.get_config("market1501/vdg_w"), protocol)
    assert found["published"] == {} and found["published_under"] is None
    text = results.table(found)
    assert "0.266" not in text and "3.453" not in text
    assert text.splitlines()[-1].endswith("is not known, so they stand beside no metric")


def test_a_row_without_published_numbers_says_nothing_of_them():
    text = results.table(result(deformable.get_config("synthetic_people/dsc"), "pgjax"))
    assert "published" not in text
