"""The command userstudy: studies of folders and of data sets, and their scores."""

import json
import shutil
import sys

import numpy as np
import pytest

import pgjax.scoring.userstudy
import tiny
import userstudies
from pgjax.errors import InputError
from pgjax.images.pixels import read_image, write_png
from pgjax.scoring import run_evaluation
from pgjax.scoring.userstudy import scores, studies
from pgjax.tools import userstudy

TEST = tiny.SPLITS["test"]


def run(*arguments):
    userstudy.main(list(map(str, arguments)))


@pytest.fixture
def folders(tmp_path):
    """Photos, and what two systems drew under the same names."""
    for name, level in (("photos", 200), ("a", 100), ("b", 50)):
        for number in range(8):
            write_png(
                tmp_path / name / f"{number}.png", np.full((8, 4, 3), level + number, np.uint8)
            )
    return tmp_path


def shown(study):
    """The first grey level of every picture, by what it is."""
    found = {}
    for token, each in study.key.items():
        image = read_image(study.folder / "site" / "pictures" / f"{token}.png")
        found.setdefault(each.what, set()).add(int(image[0, 0, 0]))
    return found


def test_of_folders(folders, capsys):
    out = folders / "study"
    given = (
        "--real",
        folders / "photos",
        "--generated",
        folders / "a",
        "--count=6",
        "--practice=2",
    )
    run("make", out, *given, "--seed=3")
    told = capsys.readouterr()
    assert told.out == f"{out}/site/index.html\n"
    assert (
        f"{out}: 12 trials, of which 10 count, from seed 3; participants may see {out}/site alone"
        in told.err
    )
    study = studies.read(out)
    assert study.systems == {"real": str(folders / "photos"), "generated": str(folders / "a")}
    assert shown(study)["real"] <= set(range(200, 208)) and len(shown(study)["generated"]) == 6
    for name in ("1", "2"):
        run("make", folders / name, *given)
    seeds = {json.loads((folders / name / "key.json").read_text())["seed"] for name in ("1", "2")}
    assert len(seeds) == 2  # a new one each time
    run("make", folders / "3", *given, f"--seed={min(seeds)}")
    plans = [studies.read(folders / name).plan for name in ("1", "2", "3")]
    assert plans.count(plans[2]) == 2


def test_of_two_systems(folders, capsys):
    (folders / "b" / "0.png").unlink()
    given = ("--generated", f"OURS={folders / 'a'}", "--against", folders / "b", "--count=7")
    run(
        "make",
        folders / "s",
        *given,
        "--practice=1",
        "--question=Which is sharper?",
        "--seconds=2.5",
    )
    study = studies.read(folders / "s")
    assert "OURS: 1 left out" in capsys.readouterr().err
    assert list(study.systems) == ["OURS", str(folders / "b")]
    assert shown(study) == {"OURS": set(range(101, 108)), str(folders / "b"): set(range(51, 58))}
    assert (study.plan["question"], study.plan["seconds"]) == ("Which is sharper?", 2.5)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Strips of a data set's test pairs, whose last panel is the target, 40 levels darker."""
    tiny.use_data(monkeypatch)
    pairs = run_evaluation.choose_pairs("synthetic_people", TEST, "unused", None, None)[0]
    images = TEST.store.images
    for source, target in pairs:
        darker = images[target] // 2
        strip = np.concatenate([images[source], images[target], darker], axis=1)
        write_png(tmp_path / "drawn" / f"{TEST.names[source]}_{TEST.names[target]}.png", strip)
    return tmp_path / "drawn", {f"{TEST.names[a]} to {TEST.names[b]}": b for a, b in pairs}


def test_of_a_data_set(drawn, tmp_path):
    folder, targets = drawn
    of = ("--dataset=synthetic_people", "--data_dir=unused")
    run("make", tmp_path / "s", "--generated", folder, *of, "--count=3", "--practice=0")
    study = studies.read(tmp_path / "s")
    for token, each in study.key.items():
        image = read_image(study.folder / "site" / "pictures" / f"{token}.png")
        if each.what == "real":
            assert each.name in {TEST.names[target] for target in targets.values()}
            expected = TEST.store.images[TEST.names.index(each.name)]
        else:
            expected = TEST.store.images[targets[each.name]] // 2
        np.testing.assert_array_equal(image, expected)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    run(
        "make",
        tmp_path / "p",
        "--generated",
        folder,
        "--against",
        copy,
        *of,
        "--count=4",
        "--practice=0",
    )
    found = studies.read(tmp_path / "p")
    assert sorted(found.systems) == sorted([str(folder), str(copy)]) and len(found.trials) == 4
    with pytest.raises(InputError, match="--naming=patn does not fit"):
        run(
            "make",
            tmp_path / "n",
            "--generated",
            folder,
            *of,
            "--count=2",
            "--practice=0",
            "--naming=patn",
        )


def test_scores_of_files_and_of_what_was_sent(tmp_path, capsys):
    study = userstudies.rated(tmp_path / "s")
    with pytest.raises(InputError, match=r"no answers\.sqlite, which serve writes; name files"):
        run("score", study.folder)
    for person, count in ((1, None), (2, 7)):
        (tmp_path / f"{person}.json").write_bytes(userstudies.sent(study, person, count))
    with pytest.raises(InputError, match="nobody has answered all trials"):
        run("score", study.folder, tmp_path / "2.json")
    capsys.readouterr()
    out = tmp_path / "scores.json"
    run("score", study.folder, tmp_path / "1.json", tmp_path / "2.json", "--out", out)
    told = capsys.readouterr()
    assert told.err == f"{study.folder}: 1 complete, 1 partial, 0 sent again, 0 refused\n"
    result = json.loads(out.read_text())
    assert (
        told.out == scores.table(result) + "\n"
        and "published (Ma et al. 2017, Table 2)" in told.out
    )
    assert list(result["persons"]) == [f"{1:032x}"] and result["all"]["mean"] == 0
    run("score", study.folder, tmp_path / "1.json", tmp_path / "2.json", "--partial", "--out", out)
    assert len(json.loads(out.read_text())["persons"]) == 2


def test_serving_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "pgjax.scoring.userstudy.server", raising=False)
    monkeypatch.delattr(pgjax.scoring.userstudy, "server", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "starlette"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(
        InputError, match=r"userstudy serve: needs starlette; install pgjax\[study\]"
    ):
        run("serve", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["make", "s"], "--generated: missing"),
        (
            ["make", "s", "--generated=a"],
            "--real: missing; expected a folder of photos, or --dataset",
        ),
        (["make", "s", "--generated=a", "--against=a"], "two systems of one name; give TITLE=DIR"),
        (
            ["make", "s", "--generated=a", "--against=b", "--real=c"],
            "--real: does not go with --against",
        ),
        (
            ["make", "s", "--generated=a", "--real=b", "--naming=patn"],
            "--naming: goes with --dataset",
        ),
        (["make", "s", "--generated=a", "--real=b", "--size=256"], "--size: expected HEIGHTxWIDTH"),
        (["make", "s", "--generated=a", "--real=b", "--count=0"], "--count, --practice"),
        (
            ["make", "s", "--generated=a", "--real=b", "--seconds=-1"],
            "--seconds: expected a number from 0",
        ),
        (
            ["make", "s", "--generated=a", "--real=b", "--seconds=nan"],
            "--seconds: expected a number from 0",
        ),
        (
            ["make", "s", "--generated=a", "--real=b", "--port=1"],
            "--port: belongs to userstudy serve",
        ),
        (["make", "s", "x.json"], "x.json: only score takes files of answers"),
        (["serve", "s", "--seed=1"], "--seed: belongs to userstudy make"),
        (["serve", "s", "--partial"], "--partial: belongs to userstudy score"),
    ],
)
def test_faults_of_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        run(*arguments)
