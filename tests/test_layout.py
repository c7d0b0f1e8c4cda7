"""docs/layout.py counts and draws the rooms of a package."""

import graphlib
import pathlib

import pytest

from docs import layout

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def house(tmp_path):
    """A package whose room `top` imports two others, in three ways; `low` is a package of two modules."""
    files = {
        "__init__.py": "from pgjax import top",
        "top.py": '"""Above & all."""\nimport pgjax.low.deep\n\ndef late():\n    from pgjax import middle',
        "middle.py": '"""Between."""\nfrom pgjax.low import deep\nimport json',
        "low/__init__.py": '"""Below.\n\nMore."""\nfrom pgjax import __version__',
        "low/deep.py": "import pgjax.low",
    }
    home = tmp_path / "pgjax"
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


def test_the_picture_is_that_of_the_code():
    committed = (ROOT / "docs" / "layout.svg").read_text(encoding="utf-8")
    assert committed == layout.svg(ROOT / "pgjax"), (
        "the rooms have changed: run python docs/layout.py --out docs/layout.svg"
    )


def test_rooms_floors_and_arrows(house):
    found = layout.rooms(house)
    assert found == {"low": set(), "middle": {"low"}, "top": {"low", "middle"}}
    assert layout.floors(found) == [["low"], ["middle"], ["top"]]
    assert layout.count(found) == "3 rooms on 3 floors, 3 arrows"


def test_arrows_that_follow_are_not_drawn(house):
    picture = layout.svg(house)
    assert picture.count("<line ") == 2
    assert "Above &amp; all." in picture and "Below." in picture and "More" not in picture


def test_rooms_that_import_each_other_are_named(house):
    (house / "low" / "deep.py").write_text("from pgjax import top")
    with pytest.raises(graphlib.CycleError, match="top"):
        layout.floors(layout.rooms(house))


def test_the_command_prints_and_draws(house, tmp_path, monkeypatch, capsys):
    out = tmp_path / "layout.svg"
    monkeypatch.setattr("sys.argv", ["layout.py", str(tmp_path), f"--out={out}"])
    layout.main()
    assert capsys.readouterr().out.splitlines() == [
        "3 rooms on 3 floors, 3 arrows",
        "  3  top",
        "  2  middle",
        "  1  low",
    ]
    assert out.read_text() == layout.svg(house)
    monkeypatch.setattr("sys.argv", ["layout.py", str(house)])
    with pytest.raises(SystemExit, match="no package"):
        layout.main()
