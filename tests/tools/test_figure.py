"""The qualitative figure: which pairs, which columns, and that the images are the systems'."""

import numpy as np
import pytest

import tiny
from pgjax.errors import InputError
from pgjax.images.pixels import read_image, write_png
from pgjax.metrics import protocols
from pgjax.metrics.records import PLAIN
from pgjax.scoring import run_evaluation
from pgjax.scoring.scorer import Scorer
from pgjax.tools import figure
from pgjax.training import loop
from tiny import SPLITS

TEST = SPLITS["test"]
NAME = "synthetic_people"


@pytest.fixture(autouse=True)
def toy_data(monkeypatch):
    tiny.use_data(monkeypatch)


def pairs_of_test():
    return run_evaluation.choose_pairs(NAME, TEST, "unused", None, None)[0]


@pytest.fixture
def pictures(tmp_path):
    """A folder in which pair i shows its target, made worse with i."""
    rng, folder = np.random.default_rng(0), tmp_path / "others"
    for i, (source, target) in enumerate(pairs_of_test()):
        photo = TEST.store.images[target]
        made = np.clip(photo + rng.normal(0, 5 + 20 * ((5 * i) % 6), photo.shape), 0, 255)
        write_png(
            folder / f"{TEST.names[source]}___{TEST.names[target]}_vis.png", made.astype(np.uint8)
        )
    return folder


def run(*arguments):
    figure.main([*map(str, arguments), "--data_dir", "unused"])


def listed(capsys):
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "from,to"
    return [tuple(line.split(",")) for line in lines]


def scores(folder):
    """l1 of every pair's picture, by names."""
    pairs = pairs_of_test()
    system = figure.read_systems([str(folder)], NAME, "unused")[2][0]
    scorer = Scorer(protocols.OWN, NAME, TEST.store, pairs, "", ["l1"])
    scorer.add("x", {PLAIN: system.images(pairs)}, figure._batch(TEST, pairs))
    values = scorer.each()["x"]["l1"]
    return {(TEST.names[a], TEST.names[b]): v for (a, b), v in zip(pairs, values, strict=True)}


def test_a_metric_chooses_the_best_and_the_worst(pictures, tmp_path, capsys):
    out = tmp_path / "f.png"
    order = sorted(scores(pictures), key=scores(pictures).get)
    expected = {"best": order[:2], "worst": order[-2:], "ends": [order[0], order[-1]]}
    for which, pairs in expected.items():
        run(pictures, "--dataset", NAME, "--pairs", f"{which}:l1", "--count", 2, "--out", out)
        assert listed(capsys) == pairs, which
    run(pictures, "--dataset", NAME, "--pairs", "ends:l1", "--count", 50, "--out", out)
    assert listed(capsys) == order
    assert len(read_image(out)) > 6 * 128


def test_a_seed_and_its_list_give_the_same_figure(pictures, tmp_path, capsys):
    same = ["--dataset", NAME, "--count", 3, "--out"]
    run(pictures, "--pairs", "seed:1", *same, tmp_path / "a.png")
    pairs = listed(capsys)
    assert len(set(pairs)) == 3
    rows = "".join(f"{a},{b}\n" for a, b in pairs)
    (tmp_path / "list.csv").write_text(f"from,to\n{rows}")
    run(pictures, "--pairs", tmp_path / "list.csv", *same, tmp_path / "b.png")
    assert listed(capsys) == pairs
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), read_image(tmp_path / "b.png"))


def test_a_list_shorter_than_the_folder(pictures, tmp_path, capsys):
    """Pictures of pairs that are in the list alone, more of them than are shown."""
    photos, names = TEST.store.images, TEST.names
    known = {(names[a], names[b]) for a, b in pairs_of_test()}
    others = [(a, b) for a in names for b in names if a != b and (a, b) not in known][:3]
    for a, b in others:
        write_png(pictures / f"{a}_{b}.png", photos[names.index(b)])
    (tmp_path / "list.csv").write_text("from,to\n" + "".join(f"{a},{b}\n" for a, b in others))
    wanted = ["--dataset", NAME, "--pairs", tmp_path / "list.csv", "--count", 2]
    run(pictures, *wanted, "--out", tmp_path / "f.png")
    assert listed(capsys) == others[:2]


def test_a_folder_with_an_equals_sign_in_its_name(pictures, tmp_path):
    place = pictures.rename(tmp_path / "rate=0.1")
    named = [str(place), f"Theirs={place}"]
    systems = figure.read_systems(named, NAME, "unused")[2]
    assert [system.title for system in systems] == ["rate=0.1", "Theirs"]


@pytest.mark.slow
def test_a_run_stands_beside_pictures(pictures, tmp_path, capsys):
    workdir = tmp_path / "mine"
    loop.train_and_evaluate(tiny.generator_config(), workdir, "unused")
    run_evaluation.evaluate(workdir, "unused", save_images=True)
    _, test, systems = figure.read_systems([str(workdir), f"Theirs={pictures}"], None, "unused")
    assert [system.title for system in systems] == ["mine", "Theirs"]
    # As many as a batch of the evaluation: in batches of another size the last bits may differ.
    pairs = pairs_of_test()[[4, 1, 5, 0]]
    mine = systems[0].images(pairs)
    for image, (source, target) in zip(mine, pairs, strict=True):
        stems = (TEST.names[i].removesuffix(".png") for i in (source, target))
        (folder,) = (workdir / "generated").iterdir()
        np.testing.assert_array_equal(image, read_image(folder / f"{'_to_'.join(stems)}.png"))
    fewer = systems[0].images(pairs[:2])
    np.testing.assert_allclose(fewer.astype(int), mine[:2].astype(int), rtol=0, atol=1)
    drawn = figure.draw(test, pairs, systems)
    assert drawn.shape[0] == 18 + 4 + 4 * (3 * 64 + 4) and drawn.shape[1] >= 5 * 3 * 32
    run(workdir, pictures, "--out", tmp_path / "f.png", "--count", 2)
    assert len(listed(capsys)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs", "best:beauty"], "no metric 'beauty' to choose by; there are ssim, "),
        (["--pairs", "seed:x"], "expected seed:N"),
        (["--count", "0"], "--count and --among: expected a positive"),
        (["--naming", "gan"], "--naming: unknown .gan.; expected one of patn, "),
    ],
)
def test_faults(pictures, tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        run(pictures, "--dataset", NAME, *arguments, "--out", tmp_path / "f.png")


def test_naming_goes_with_folders(tmp_path, monkeypatch):
    (tmp_path / "config.json").touch()
    monkeypatch.setattr(figure.run_directory, "read_config", lambda _: tiny.generator_config())
    with pytest.raises(InputError, match="--naming: goes with folders of pictures"):
        figure.read_systems([str(tmp_path)], None, "unused", naming="patn")


def test_the_extension_says_the_format(pictures, tmp_path):
    out = tmp_path / "f.jpg"
    run(pictures, "--dataset", NAME, "--count", 1, "--out", out)
    assert out.read_bytes().startswith(b"\xff\xd8")  # JPEG
    with pytest.raises(InputError, match=r"f\.txt: no format of images has the extension"):
        run(pictures, "--dataset", NAME, "--out", tmp_path / "f.txt")


def test_pictures_alone_need_a_data_set(pictures, tmp_path):
    with pytest.raises(InputError, match="--dataset: missing"):
        run(pictures, "--out", tmp_path / "f.png")
    with pytest.raises(FileNotFoundError, match="no such folder of pictures"):
        run(tmp_path / "none", "--dataset", NAME, "--out", tmp_path / "f.png")


@pytest.mark.parametrize("dataset", [[], ["--dataset", NAME]])
def test_all_that_is_not_there_is_named_before_anything_else(pictures, tmp_path, dataset):
    (tmp_path / "file").write_text("")
    named = [tmp_path / "none", pictures, f"Mine={tmp_path / 'nothing'}", tmp_path / "file"]
    with pytest.raises(FileNotFoundError) as told:
        run(*named, *dataset, "--out", tmp_path / "f.png")
    faults = str(told.value).split("; ")
    assert [fault.partition(":")[0].rpartition("/")[2] for fault in faults] == [
        "none",
        "nothing",
        "file",
    ]
