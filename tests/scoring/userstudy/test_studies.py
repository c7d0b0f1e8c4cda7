"""Studies: the same from one seed, and nothing that participants get says which picture is real."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

import userstudies
from pgjax.errors import InputError
from pgjax.images.pixels import read_image, write_image
from pgjax.scoring.userstudy import drawing, pools, studies


def files(study):
    return {
        path.relative_to(study.folder).as_posix(): path.read_bytes()
        for path in study.folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("made", [userstudies.rated, userstudies.preferred])
def test_a_seed_makes_one_study_and_another_seed_another(made, tmp_path):
    one, same, other = (
        made(tmp_path / name, seed=seed) for name, seed in (("1", 1), ("2", 1), ("3", 2))
    )
    assert files(one) == files(same)
    assert one.plan["digest"] != other.plan["digest"]
    assert not set(one.key) & set(other.key)
    order = [[userstudies.truth(s, i) for i in range(len(s.trials))] for s in (one, other)]
    assert order[0] != order[1]


def test_the_default_is_the_papers(tmp_path):
    assert (studies.COUNT, studies.PRACTICE) == (55, 10)
    draw = drawing.Draw(0)
    of = [userstudies.pool(name, 90, 0) for name in "rg"]
    trials = drawing.real_or_generated(*of, studies.COUNT, draw)
    shown = [each for (each,) in trials]
    assert len(set(shown)) == 110
    assert [sum(each.what == what for each in shown) for what in ("real", "generated")] == [55, 55]
    study = studies.write(
        tmp_path / "s",
        "real_or_generated",
        trials,
        dict(zip(("real", "generated"), of, strict=True)),
        draw,
        0,
    )
    assert (study.practice, study.plan["seconds"], len(study.trials)) == (10, 1.0, 110)


def test_pictures_are_those_of_the_key(tmp_path):
    study = userstudies.rated(tmp_path / "s")
    for token, shown in study.key.items():
        image = read_image(study.folder / "site" / "pictures" / f"{token}.png")
        assert (image[0, 0] == int(shown.name)).all()
        assert (image[1] == {"real": 200, "generated": 100}[shown.what]).all()
    assert study.systems == {"real": "photos", "generated": "drawn"}
    (folder,) = {path.parent for path in study.folder.rglob("*.png")}
    assert {path.stem for path in folder.iterdir()} == set(study.key) == set(study.plan["files"])


def test_nothing_that_is_served_tells_them_apart(tmp_path):
    """The plan is the same but for tokens and digests if all pictures change their kind."""
    study = userstudies.rated(tmp_path / "s")
    site = study.folder / "site"
    assert {p.relative_to(site).parts[0] for p in site.rglob("*")} == {
        "index.html",
        "study.css",
        "pictures",
    }
    (plan,) = re.findall(
        r'<script type="application/json" id="study">(.*)</script>',
        (site / "index.html").read_text(),
    )
    assert json.loads(plan) == study.plan
    rest = {k: v for k, v in study.plan.items() if k not in ("trials", "files", "digest")}
    swapped = userstudies.rated(tmp_path / "t", seed=2).plan
    assert rest == {k: swapped[k] for k in rest}
    assert all(re.fullmatch("[0-9a-f]{16}", token) for token in study.key)
    written = sorted(site.rglob("*.png"), key=lambda path: path.stat().st_mtime_ns)
    assert [path.stem for path in written] == [token for (token,) in study.trials]


def test_the_page_asks_no_other_host_and_runs_its_own_script_alone(tmp_path):
    page = (userstudies.rated(tmp_path / "s").folder / "site" / "index.html").read_text()
    assert not re.findall(r"(?:https?:)?//[\w.]+\.\w+", re.sub(r"^\s*//.*", "", page, flags=re.M))
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.S)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", page) == ["data:,", "study.css"]


def test_a_question_cannot_end_the_script(tmp_path):
    question = "</script><script>alert(1)</script>"
    study = userstudies.rated(tmp_path / "s", question=question)
    page = (study.folder / "site" / "index.html").read_text()
    assert study.plan["question"] == question and "alert(1)</script>" not in page
    assert page.count("<script") == 2


def test_each_system_is_on_each_side_equally_often(tmp_path):
    for count in (6, 7):
        study = userstudies.preferred(tmp_path / str(count), count=count)
        order = [userstudies.truth(study, trial) for trial in range(count)]
        assert order.count(["a", "z"]) == 3 and order.count(["z", "a"]) == count - 3
        names = [{study.key[token].name for token in trial} for trial in study.trials]
        assert all(len(both) == 1 for both in names)  # both of the same pair
    assert list(study.systems) == ["z", "a"]  # as they were named


def test_sizes_are_made_alike_only_when_asked(tmp_path):
    of = {
        "real": userstudies.pool("r", 5, 9, (8, 8)),
        "generated": userstudies.pool("g", 5, 9, (8, 4)),
    }
    draw = drawing.Draw(1)
    trials = drawing.real_or_generated(of["real"], of["generated"], 3, draw)
    given = ("real_or_generated", trials, of, draw, 1, 0)
    with pytest.raises(InputError, match=r"\(real\) has 8x8 pixels and .* 8x4 pixels: .*--size"):
        studies.write(tmp_path / "s", *given)
    assert list(tmp_path.iterdir()) == []
    study = studies.write(tmp_path / "s", *given, size=(8, 4))
    shapes = {read_image(path).shape for path in study.folder.rglob("*.png")}
    assert shapes == {(8, 4, 3)}
    assert (study.plan["height"], study.plan["width"]) == (256, 128)  # enlarged by 32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 21}, "--count: 21 pictures wanted of photos, which has 20"),
        ({"practice": 12}, "--practice: after 12 of 12 trials nothing .* of generated and real"),
        ({"count": 1, "practice": 1}, "--practice: after 1 of 2 trials nothing"),
    ],
)
def test_too_few_pictures(options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        userstudies.rated(tmp_path / "s", **options)


def test_a_study_is_never_overwritten(tmp_path):
    study = userstudies.rated(tmp_path / "s")
    before = files(study)
    with pytest.raises(InputError, match="holds something already"):
        userstudies.rated(tmp_path / "s", seed=2)
    assert files(study) == before


def test_a_study_may_be_made_in_the_folder_where_one_stands(tmp_path, monkeypatch):
    (tmp_path / "s").mkdir()
    monkeypatch.chdir(tmp_path / "s")
    assert userstudies.rated(".").folder == tmp_path / "s"


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_changed_files_are_noticed(tmp_path):
    with pytest.raises(FileNotFoundError, match="no study in it"):
        studies.read(tmp_path)
    study = userstudies.rated(tmp_path / "s")
    studies.check_site(studies.read(study.folder))
    token = study.trials[3][0]
    picture = study.folder / "site" / "pictures" / f"{token}.png"
    other = study.folder / "site" / "pictures" / f"{study.trials[4][0]}.png"
    picture.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match=f"{token}.png: was changed"):
        studies.check_site(study)
    _edit(study.folder / "study.json", '"practice": 4', '"practice": 0')
    with pytest.raises(InputError, match=r"study.json: was changed"):
        studies.read(study.folder)
    _edit(study.folder / "study.json", '"practice": 0', '"practice": 4')
    _edit(study.folder / "key.json", f'"{token}"', f'"{token[::-1]}"')
    with pytest.raises(InputError, match=r"key.json: was changed"):
        studies.read(study.folder)
    (study.folder / "key.json").write_text("[]")
    with pytest.raises(InputError, match="not what pgjax userstudy make writes"):
        studies.read(study.folder)
    (study.folder / "key.json").write_text("{")
    with pytest.raises(InputError, match=r"key.json: not JSON"):
        studies.read(study.folder)


def test_folders_of_pictures(tmp_path, capsys):
    for name in ("1.png", "in/2.jpg", "3.png"):
        (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "a" / name, np.full((4, 4, 3), int(name[-5]), np.uint8))
    (tmp_path / "a" / "notes.txt").write_text("mine")
    found = pools.of_folder(tmp_path / "a", "A")
    assert found.names == ["1", "3", "in/2"]
    images, lossy = found.read(["in/2", "3"])
    assert [int(image.mean()) for image in images] == [2, 3] and lossy == 1
    other = pools.Pool("B", ["in/2", "9", "1"], found.read)
    assert pools.of_both(found, other) == ["1", "in/2"]
    told = capsys.readouterr().err
    assert "A: 1 left out: the other" in told and "B: 1 left out" in told
    with pytest.raises(InputError, match="no picture of one has the name"):
        pools.of_both(found, pools.Pool("C", ["x"], found.read))
    write_image(tmp_path / "a" / "1.jpg", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"1\.jpg and 1\.png differ only in their extension"):
        pools.of_folder(tmp_path / "a", "A")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture"):
        pools.of_folder(tmp_path / "empty", "E")


def test_traces_of_jpeg_are_warned_of(tmp_path, capsys):
    draw, png = drawing.Draw(1), userstudies.pool("photos", 5, 9)
    jpeg = png._replace(read=lambda names: pools.Pictures(png.read(names).images, len(names)))
    for what, of in (("real", (jpeg, png)), (None, (jpeg, jpeg))):
        pools_of = dict(zip(("real", "generated"), of, strict=True))
        trials = drawing.real_or_generated(*of, 4, draw)
        studies.write(tmp_path / str(what), "real_or_generated", trials, pools_of, draw, 1, 0)
        told = capsys.readouterr().err
        assert ("only real is JPEG" in told) == (what is not None)
