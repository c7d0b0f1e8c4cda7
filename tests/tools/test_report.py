"""The page of runs: what is in it, that it asks nobody, and that no text of a user becomes a part of it."""

import importlib.resources
import json
import math
import re

import numpy as np
import pytest
from PIL import Image

import pages
import runs
import tiny
from configs import pg2
from pgjax.errors import InputError
from pgjax.scoring.results import digest
from pgjax.serving import export
from pgjax.tools import report
from pgjax.tools.reports import charts, curves, pairs, pictures, training
from pgjax.tools.reports.pairs import Asked
from pgjax.tools.reports.pictures import Room
from pgjax.training import model_folder, run_directory
from pgjax.training.generation import Predictor
from pgjax.training.recipe import build
from pgjax.training.state import init_state

HOSTILE = "</script><script>alert('1')</script><img src=x onerror=alert(1)>&amp;\""
FILES = importlib.resources.files("pgjax.tools.reports")


@pytest.fixture
def drawn(monkeypatch):
    """Pretends to draw: a picture's colour tells a pair's place in the list. Returns the places."""
    asked = []

    def draw(folder, config, result, names, places, data_dir):
        asked.append(list(places))
        for place in places:
            yield pictures.encoded(Image.new("RGB", (40, 20), (6 * place, 0, 0)))

    monkeypatch.setattr(pairs, "_pictures", draw)
    return asked


def _write(out, *arguments):
    report.main([*map(str, arguments), f"--out={out}"])
    return pages.Parsed(out.read_text())


def test_a_page_has_the_numbers_and_parts_of_its_runs(tmp_path, drawn, capsys):
    config = pg2.get_config("market1501/g1_l1")
    config.report.score_pairs = 5
    scores = [pages.run(tmp_path / "runs" / f"s{i}", i, config=config) for i in range(2)]
    page = _write(tmp_path / "report.html", tmp_path / "runs")
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    assert {"tables", "curves", "run1", "run2"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    # The paper's table: means over seeds beside the published number.
    heads, *rows = page.tables[0]
    rows = {(row[0], row[1]): dict(zip(heads, row, strict=True)) for row in rows}
    results = [json.loads((tmp_path / f"runs/s{i}/metrics_pg2.json").read_text()) for i in range(2)]
    values = [result["scores"]["model"]["ssim_uniform"] for result in results]
    spread = f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"
    assert rows["", "measured"]["ssim_uniform ^"] == spread
    assert rows["g1_l1", "published"]["ssim_uniform ^"] == "0.304"
    for number, (result, found) in enumerate(zip(results, scores, strict=True), 1):
        heads, model, *_ = page.tables[2 * number - 1]
        means = dict(zip(heads, model, strict=True))
        for name, value in result["scores"]["model"].items():
            (cell,) = (c for head, c in means.items() if head.split()[:1] == [name])
            assert cell == f"{value:.4f}" == f"{found[name].mean(dtype=float):.4f}"
    # What the user changed: seed 1 and the key of the config.
    changes = [["key", "this run", "the row"], ["report.score_pairs", "5", "64"]]
    assert page.tables[2] == changes
    assert page.tables[4] == [*changes, ["seed", "1", "0"]]
    assert page.text.count("6 of 10 grids of samples.") == 2
    for step in (100, 1000):
        assert page.text.count(f"step {step} ") == 2
    names = re.findall(r"held_out/ssim|g1/loss|g1/gradient_norm|steps_per_second", page.text)
    assert sorted(names) == sorted(set(names)) and len(names) == 4


def test_pairs_are_the_best_and_the_worst_and_points_open_them(tmp_path, drawn):
    scores = pages.run(tmp_path / "run")
    given = ("--pairs=3", "--points=10", "--metric=l1_255", "--against=psnr")
    page = _write(tmp_path / "report.html", tmp_path / "run", *given)
    order = np.argsort(scores["l1_255"], kind="stable").tolist()  # lower is better
    (places,) = drawn
    assert places[:3] == order[:3] and places[3:6] == order[:-4:-1]
    assert len(places) == len(set(places)) <= 10
    shown = [name for name in page.ids if "-pair" in name]
    assert shown == [f"run1-pair{place}" for place in places]
    links = [a["href"] for a in page.all("a") if "-pair" in a["href"]]
    assert sorted(links) == sorted(f"#{name}" for name in shown)
    circles = page.all("circle")
    assert len(circles) == len(links)
    # Points lie as their scores do.
    x = scores["l1_255"][[int(link.rpartition("pair")[2]) for link in links]]
    np.testing.assert_array_equal(np.argsort(x), range(len(x)))
    drawn_at = [float(circle["cx"]) for circle in circles]
    fit = np.polyfit(x, drawn_at, 1)
    np.testing.assert_allclose(np.polyval(fit, x), drawn_at, atol=0.2)  # one decimal is written
    for place, rank in ((order[0], 1), (order[-1], pages.PAIRS)):
        told = f"{rank} of {pages.PAIRS}: {2 * place:03d}.png to {2 * place + 1:03d}.png"
        assert told in page.text
        assert f"l1_255 {scores['l1_255'][place]:.4f}" in page.text
    assert f"{pages.PAIRS - len(places)} are left out" in page.text


def test_a_page_asks_no_host_and_runs_its_own_script_alone(tmp_path, drawn):
    pages.run(tmp_path / "run")
    page = _write(tmp_path / "report.html", tmp_path / "run")
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("src", "href", "srcset", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    (policy,) = (a["content"] for a in page.all("meta") if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; ") and "unsafe" not in policy
    (script,) = page.scripts
    assert script == FILES.joinpath("page.js").read_text()
    assert "http" not in FILES.joinpath("page.css").read_text() + script


def test_what_users_wrote_stays_text(tmp_path, drawn, monkeypatch):
    folder = tmp_path / HOSTILE.replace("/", "|") / "run"
    config = pg2.get_config("market1501/g1_l1")
    config.published_in = HOSTILE
    bad = {"published_in": HOSTILE, "not_measured": {HOSTILE: HOSTILE}}
    pages.run(folder, name=HOSTILE + "{}", config=config, **bad)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": 600, f"g1/{HOSTILE}": 1.0}) + "\n")
    (folder / "environment.jsonl").write_text(json.dumps({"python": HOSTILE}) + "\n")
    other = tmp_path / "other"
    pages.run(other, config=config)
    said = json.loads((other / "config.json").read_text()) | {"row": f"market1501/{HOSTILE}"}
    (other / "config.json").write_text(json.dumps(said))
    page = _write(tmp_path / "report.html", folder, other)
    assert len(page.scripts) == 1 and len(page.all("script")) == 1
    assert not [a for _, a in page.elements if "onerror" in a]
    sources = {a["src"].partition(",")[0] for a in page.all("img")}
    assert sources == {"data:image/webp;base64"}
    # The folder, a chart, the config twice, the environment, a metric and why not, the row, photos.
    assert page.text.count("alert('1')") > 10
    assert "no paper has a row" in page.text


def test_a_name_that_is_no_text_is_spelt_out(tmp_path, drawn):
    pages.run(tmp_path / "run\udc80")
    text = _write(tmp_path / "report.html", tmp_path / "run\udc80").text
    assert "run\\udc80" in text


def test_the_same_runs_give_the_same_page(tmp_path, drawn):
    pages.run(tmp_path / "run")
    for name in "ab":
        _write(tmp_path / name, tmp_path / "run")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_run_that_is_not_evaluated_has_what_there_is(tmp_path, drawn):
    pages.run(tmp_path / "a")
    for file in (tmp_path / "a").glob("metrics*.[jc]*"):
        if file.suffix != ".jsonl":
            file.unlink()
    page = _write(tmp_path / "report.html", tmp_path / "a")
    assert "Not in the table: " in page.text and "no metrics.json; train it" in page.text
    assert "Pairs: not evaluated under pg2 or pgjax; evaluate.py --workdir=" in page.text
    assert "up to step 500 of 22000" in page.text and not drawn


def test_scores_of_other_pairs_are_not_shown(tmp_path, drawn):
    pages.run(tmp_path / "a", pairs_sha256="0" * 64)
    page = _write(tmp_path / "report.html", tmp_path / "a")
    assert "metrics_pg2_pairs.csv: of other pairs than metrics_pg2.json" in page.text and not drawn


def test_without_pictures_there_are_points_alone(tmp_path, drawn):
    pages.run(tmp_path / "a")
    page = _write(tmp_path / "report.html", tmp_path / "a", "--pairs=0")
    assert not drawn and len(page.all("circle")) == pages.PAIRS
    assert not [a for a in page.all("a") if "pair" in a["href"]]


def test_pictures_that_are_too_many_are_counted(tmp_path, drawn, monkeypatch):
    pages.run(tmp_path / "a")
    whole = _write(tmp_path / "whole.html", tmp_path / "a", "--pairs=2", "--points=8")
    size = sum(len(a["src"]) for a in whole.all("img"))
    monkeypatch.setattr(Room.__init__, "__defaults__", (size - 1,))
    page = _write(tmp_path / "less.html", tmp_path / "a", "--pairs=2", "--points=8")
    assert len(page.all("img")) == len(whole.all("img")) - 1
    assert "1 pictures are left out, for the size of the page" in page.text
    assert len(page.all("circle")) == len(whole.all("circle"))


def test_other_systems_pictures_are_in_the_table(tmp_path, drawn):
    pages.run(tmp_path / "a")
    sha = json.loads((tmp_path / "a/metrics_pg2.json").read_text())["pairs_sha256"]
    told = {"pairs": pages.PAIRS, "pairs_sha256": sha}
    theirs = runs.write_judged(tmp_path / "theirs.json", **told)
    page = _write(tmp_path / "report.html", tmp_path / "a", f"<b>={theirs}")
    assert [row[0] for row in page.tables[0]][-1] == "<b>"
    other = runs.write_judged(tmp_path / "other.json", "deepfashion", **told)
    with pytest.raises(InputError, match="no run has a table of that"):
        _write(tmp_path / "report.html", tmp_path / "a", f"x={other}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: no such folder"),
        (["."], ": no run in it"),
        (["x=y.json"], "no run; expected"),
        (["run", "--metric=fid"], "--metric: no 'fid' of single pairs; there are ssim_uniform, "),
        (["run", "--against=fid"], "--against: no 'fid'"),
        (["run", "--pairs=-1"], "--pairs and --points: expected a number from 0 on"),
        (["run", "--protocol=none"], "--protocol: unknown 'none'"),
        (["run", "--data_dir=none"], "or --pairs=0 makes a report without their pictures"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    if arguments[0] == "run":
        pages.run(tmp_path / "run")
    with pytest.raises((InputError, FileNotFoundError), match=re.escape(message)):
        report.main([*arguments, "--out=report.html"])
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("metrics_pg2_pairs.csv", "from,to,ssim\na,b\n", "line 2: expected 3 fields, found 2"),
        ("metrics_pg2_pairs.csv", "from,to,ssim\na,b,x\n", "line 2: could not convert"),
        ("metrics_pg2_pairs.csv", "from,ssim\n", "line 1: expected the header from,to,METRIC"),
        ("metrics_pg2.json", "{}", "not what evaluate.py writes"),
        ("environment.jsonl", "{\n", "its last line is not what a run writes"),
        ("metrics.jsonl", "{\n{}\n", "line 1: not a line of a log"),
        ("metrics.jsonl", '{"step": 7, "g/loss": null}\n', "step 7: g/loss is no number: None"),
        ("config.json", '{"row": 3, "networks": {}}', "not the config of a run"),
        ("samples/0000100.png", "", "not a readable image"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, drawn, file, text, message):
    pages.run(tmp_path / "run")
    (tmp_path / "run" / file).write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as raised:
        _write(tmp_path / "report.html", tmp_path / "run")
    assert str(tmp_path / "run" / file) in str(raised.value)


@pytest.mark.parametrize("count", [1, 2, 5, 9, 100])
def test_no_pair_is_chosen_twice(count):
    values = np.random.default_rng(count).random(count).astype(np.float32)
    order, ranks = pairs.chosen(values, True, Asked(3, 20))
    assert np.all(np.diff(values[order]) <= 0)
    best, worst, others = ranks
    flat = [*best, *worst, *others]
    assert len(flat) == len(set(flat)) and set(flat) <= set(range(count))
    assert best == list(range(min(3, count))) and len(worst) == min(3, count - len(best))
    assert worst == sorted(worst, reverse=True) and worst[:1] == [count - 1][: len(worst)]
    assert len(flat) == count or 14 <= len(flat) <= 20


def test_long_curves_are_means_of_neighbours():
    rng = np.random.default_rng(0)
    points = [(10 * i, rng.random()) for i in range(1000)]
    found = curves.thinned(points, 200)
    expected = np.array(points).reshape(200, 5, 2).mean(axis=1)
    np.testing.assert_allclose(found, expected)
    assert curves.thinned(points[:200], 200) == points[:200]
    points[7] = (70, math.nan)
    assert [i for i, (_, value) in enumerate(curves.thinned(points, 200)) if value is None] == [1]


def test_a_chart_has_room_for_a_single_value_and_for_gaps():
    gap = [(0.0, 1.0), (1.0, None), (2.0, 1.0), (3.0, 1.0)]
    drawn = [charts.Line(3, [(5.0, 2.0)]), charts.Line(4, gap)]
    svg = pages.Parsed(charts.lines(drawn, "step", '"<b>'))
    assert svg.all("svg")[0]["aria-label"] == '"<b> by step'
    (dot,) = svg.all("circle")
    width, height = charts.SIZE
    assert 0 <= float(dot["cx"]) < width and 0 <= float(dot["cy"]) < height
    classes = [a["class"] for a in svg.all("g") if "color-" in a.get("class", "")]
    assert classes == ["series dots color-3", "series lines color-4"]
    assert len(svg.all("path")) == 2  # before the gap and after it


@pytest.mark.parametrize(
    "values",
    [
        (2e-4, 2e-4 + 3e-20),  # means of one constant
        (1.0, 1.0 + 1e-12, 1.0 - 1e-12),
        (-1e24, 1e24),
        (5e-324, 0.0),
    ],
)
def test_a_chart_of_nearly_equal_or_large_values_has_its_points(values):
    points = list(enumerate(values))
    svg = pages.Parsed(charts.scatter([charts.Point(*p, "", None) for p in points], "a", "b"))
    assert len(svg.all("circle")) == len(points)
    assert all(0 <= float(dot["cy"]) <= charts.SIZE[1] for dot in svg.all("circle"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e30, 1.7e308])
def test_values_that_no_chart_has_room_for_are_gaps(value):
    assert curves.thinned([(1, value), (2, value), (3, 1.0)], 2) == [(1.5, None), (3.0, 1.0)]
    (group,) = curves.groups([[{"step": 1, "g/loss": value}], [{"step": 1, "g/loss": 1.0}]])
    page = pages.Parsed(group.charts[0].svg)
    assert [a["class"] for a in page.all("g") if "color-" in a.get("class", "")] == [
        "series dots color-1"
    ]
    (group,) = curves.groups([[{"step": 1, "g/loss": value}]])
    assert "No finite value." in group.charts[0].svg
    assert "No finite value." in charts.scatter([], "a", "b")


def test_no_fault_of_a_page_stops_a_training(tmp_path, capsys, monkeypatch):
    pages.run(tmp_path / "run")

    def broken(*_):
        raise ArithmeticError("of a library")

    monkeypatch.setattr(charts, "lines", broken)
    training.write(tmp_path / "run", tmp_path / "run" / "metrics.jsonl")
    assert "ArithmeticError('of a library')" in capsys.readouterr().err


def test_training_writes_a_small_page_and_is_not_stopped_by_it(tmp_path, capsys):
    folder = tmp_path / "run"
    pages.run(folder)
    log = tmp_path / "log"
    log.write_text('{"step": 7, "g1/loss": 1.0}\n{"st')
    training.write(folder, log)
    page = pages.Parsed((folder / run_directory.REPORT).read_text())
    assert "up to step 7 of 22000" in page.text and "4 of 10 grids" in page.text
    assert "run1" in page.ids and not capsys.readouterr().err
    before = (folder / run_directory.REPORT).read_bytes()
    log.write_text("{\n{}\n")
    training.write(folder, log)
    assert (folder / run_directory.REPORT).read_bytes() == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: no report.html of {folder}: {log}, line 1: not a line of")


def test_pictures_are_drawn_by_what_was_scored(tmp_path, monkeypatch):
    """Each pair by the noise of its place in the list, as evaluate.py --noise draws it."""
    tiny.use_data(monkeypatch)
    config = tiny.generator_config()
    recipe, test = build(config), tiny.SPLITS["test"]
    state = init_state(recipe)._replace(step=np.int32(4))
    listed = np.array([[0, 1], [3, 5], [4, 3], [7, 8]], np.int32)
    (made,) = Predictor(recipe, "stage1", noise=True, scored=False)(state, test.store, listed)
    folder = tmp_path / "run"
    runs.write(folder, config=config)
    scored = {"g": state.networks["g"].averaged}
    result = {"step": 4, "noise": True, "stage": "stage1"}
    result |= {"checkpoint": {"sha256": digest(scored)}}
    model_folder.write(folder / "export", export.model_of(config, state), "card")
    shown = []
    monkeypatch.setattr(pictures, "pair", lambda batch, image, i: shown.append((batch, image)))
    names = [tuple(test.names[i] for i in pair) for pair in listed]
    plain = json.loads((folder / "config.json").read_text())
    list(pairs._pictures(folder, plain, result, names, [2, 0], "unused"))
    for place, (batch, image) in zip([2, 0], shown, strict=True):
        np.testing.assert_array_equal(batch.target_image[0], test.store.images[listed[place, 1]])
        apart = image.astype(int) - made.images["g"][place]
        assert np.abs(apart).max() <= 1
    assert np.abs(made.images["g"][2].astype(int) - made.images["g"][0]).max() > 20
    result["checkpoint"]["sha256"] = digest({})  # of other weights, whose checkpoint is gone
    with pytest.raises(pairs.NoPairsError, match="since what was scored is gone"):
        list(pairs._pictures(folder, plain, result, names, [2, 0], "unused"))


@pytest.mark.slow
def test_a_browser_shows_it_without_a_request_or_a_message(page, tmp_path, drawn):
    console, asked = [], []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    pages.run(tmp_path / "run")
    out = tmp_path / "report.html"
    _write(out, tmp_path / "run", "--pairs=2", "--points=10")
    page.goto(out.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.querySelector('nav ul')).display") == "flex"
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    points, shown = page.locator(".scatter a"), page.locator("#shown")
    links = [points.nth(i).get_attribute("href") for i in range(points.count())]
    texts = [page.locator(f"{link} figcaption").text_content() for link in links]

    def opened(i):
        return shown.is_visible() and shown.locator("figcaption").text_content() == texts[i]

    points.nth(3).locator("circle").click()
    assert opened(3)
    page.keyboard.press("ArrowRight")
    assert opened(4)
    page.keyboard.press("Escape")
    assert not shown.is_visible()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('href')") == links[2]
    page.keyboard.press("Enter")
    assert opened(2)
    page.get_by_role("button", name="Close").click()
    assert not shown.is_visible()
    assert console == []
    assert {url for url in asked if not url.startswith("data:")} == {out.as_uri()}
