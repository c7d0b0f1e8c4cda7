import pathlib
import sys
import types

import pytest

from configs import deformable, pg2
from pgjax.errors import InputError
from pgjax.files import config_files
from pgjax.tools import papers, rows

CONFIGS = pathlib.Path(pg2.__file__).parent
PAGE = CONFIGS.parent / "docs" / "rows.md"


def test_the_file_is_what_the_rows_say():
    assert PAGE.read_text() == rows.document(), (
        "a row has changed: run pgjax rows --out docs/rows.md"
    )


def _section(name):
    """The lines of a paper: those of its rows, and those of its schedules."""
    text = rows.document().split(f"## `configs/{name}.py`")[1].split("\n## ")[0]
    published, schedules = text.split("Steps of each stage")
    return published.splitlines(), schedules.splitlines()


def test_every_file_with_rows_is_a_paper():
    loaded = papers.load()
    assert loaded["pg2"] is pg2 and loaded["deformable"] is deformable
    assert "common" not in loaded and "demo" not in loaded


def test_files_of_a_mac_are_no_papers(tmp_path, monkeypatch):
    for name in ("pg2.py", "._pg2.py", ".#pg2.py", "notes.txt"):
        (tmp_path / name).touch()
    monkeypatch.setattr(papers, "folder", lambda: tmp_path)
    assert list(papers.load()) == ["pg2"]


def test_every_row_stands_once_with_its_numbers_and_once_with_its_steps():
    for name, paper in papers.load().items():
        published, schedules = _section(name)
        assert any(f"--config={name}:DATASET/ROW " in line for line in published)
        (head,) = (line for line in schedules if line.startswith("| ROW | "))
        assert head == f"| ROW | {' | '.join(paper.SETTINGS)} |"
        for row in paper.ROWS:
            assert sum(line.startswith(f"| `{row}` | ") for line in published) == 1
            assert sum(f"`{row}`" in line for line in schedules) == 1
    # Ma et al. 2017, Table 1, as printed there: with its trailing zeros.
    market = "ssim_uniform 0.253, is 3.460, mask_ssim_uniform 0.792, mask_is 3.435"
    fashion = "ssim_uniform 0.762, is 3.090"
    line = f"| `g1_g2_d` | {market} | {fashion} | `pg2` | Ma et al. 2017, Table 1 |"
    published, schedules = _section("pg2")
    assert line in published
    steps = "| `g1_g2_d` | 22,000 + 14,000 steps, batch 16 | 30,000 + 20,000 steps, batch 8 | "
    assert any(line.startswith(steps) for line in schedules)


def test_published_numbers_are_called_by_the_metric_that_measured_them():
    def of(paper, row):
        (line,) = (x for x in _section(paper)[0] if x.startswith(f"| {row} "))
        return line.split(" | ")[1:-1]

    numbers = "ssim_reference 0.272, is 3.442, mask_ssim_reference 0.796, mask_is 3.666, ds 0.629"
    market, _, protocol = of("deformable", "`dsc`")
    assert (market, protocol) == (numbers, "`deformable`")
    ours = of("kurupathi", "`sn_h_w`")
    assert ours[0].startswith("ssim_reference 0.291, is 3.192, masked_input_ssim 0.805")
    pg2s = "ssim_uniform 0.253, is 3.460, mask_ssim_uniform 0.792, mask_is 3.435; ds 0.390"
    market, _, protocol = of("kurupathi", "pg2/g1_g2_d")
    assert (market, protocol) == (pg2s, "`pg2`; `deformable`")
    assert of("vdg", "`vdg_w`")[2] == of("horiuchi", "`sn_rh`")[1] == "not known"


def test_what_a_paper_only_compares_with_is_listed(monkeypatch):
    published = {"market1501": pg2.PUBLISHED["market1501"] | {"real": {"ssim": 1.0, "is": 3.86}}}
    paper = types.SimpleNamespace(**vars(pg2) | {"PUBLISHED": published})
    monkeypatch.setattr(papers, "load", lambda: {"pg2": paper})
    numbers = "ssim_uniform 1.000, is 3.860 | `pg2` | Ma et al. 2017, Table 1"
    assert f"| real (published only) | {numbers} |" in rows.document()


def test_a_paper_without_published_numbers_is_listed(monkeypatch):
    paper = types.SimpleNamespace(**vars(pg2) | {"PUBLISHED": {}})
    monkeypatch.setattr(papers, "load", lambda: {"pg2": paper})
    lines = rows.document().splitlines()
    assert "| ROW | protocol | published in |" in lines and "| `g1_l1` |  |  |" in lines


def test_the_command_prints_and_writes_nothing_unasked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(papers, "folder", lambda: tmp_path)
    monkeypatch.setattr(papers, "load", lambda: {"pg2": pg2})
    rows.main([])
    assert capsys.readouterr().out == rows.document()
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_file(tmp_path, capsys):
    rows.main([f"--out={tmp_path / 'rows.md'}"])
    assert (tmp_path / "rows.md").read_text() == rows.document()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("other", [False, True], ids=["no configs", "another project's"])
def test_no_configs_is_one_clear_error(tmp_path, monkeypatch, other):
    if other:
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs" / "experiment.py").write_text("1 / 0")
    root = CONFIGS.parent
    kept = [p for p in sys.path if pathlib.Path(p or ".").resolve() != root]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *kept])
    for name in [n for n in sys.modules if n.partition(".")[0] == "configs"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config_files, "HOMES", (tmp_path / "installed",))
    with pytest.raises(InputError, match=r"no configs/ of pgjax in .* root of the repository"):
        papers.load()
