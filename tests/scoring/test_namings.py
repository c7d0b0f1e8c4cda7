"""Folders as other systems write them: what is understood of them, and which pixels are judged."""

import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

import tiny
from pgjax.data.store import Split
from pgjax.errors import InputError
from pgjax.images.photo import read_photo
from pgjax.metrics import protocols
from pgjax.pose.batch import Store
from pgjax.scoring import picture_judging, run_evaluation

FASHION = (
    "fashionWOMENBlouses_Shirtsid0000337203_3back",
    "fashionWOMENBlouses_Shirtsid0000337202_2side",
    "fashionMENDenimid0000008001_1front",
    "fashionMENDenimid0000008001_2side",
)
# The last photo of Market-1501 whose name ends twice.
MARKET = (
    "0003_c1s1_000001_00",
    "0003_c2s1_000001_00",
    "1488_c3s3_071344_02",
    "1488_c4s6_022291_05.jpg",
)
PAIRS = np.array([(0, 1), (1, 0), (2, 3)])
SIZES = {"market1501": (128, 64), "deepfashion": (256, 256), "deepfashion_256x176": (256, 176)}
SIZES["deepfashion_512x352"] = (512, 352)
CROP = (256, 176)


def person(seed, size=CROP):
    """A figure of two colours on a bright ground."""
    rng = np.random.default_rng(seed)
    height, width = size
    image = np.full((*size, 3), rng.integers(220, 250), np.uint8)
    left = width // 4 + 3 * seed
    colours = rng.integers(0, 160, (2, 3))
    image[height // 8 : height // 2, left : left + width // 3] = colours[0]
    image[height // 2 : -height // 8, left + 2 : left + width // 4] = colours[1]
    return image


def padded(image):
    return np.pad(image, ((0, 0), (40, 40), (0, 0)), constant_values=255)


def stretched(image):
    return resized(image, (256, 256))


def resized(image, size):
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC))


def as_is(image):
    return image


def photos(dataset):
    """The test photos of a data set."""
    size = SIZES[dataset]
    people = [person(seed, CROP if size[0] == 256 else size) for seed in range(4)]
    images = np.stack([padded(image) if size == (256, 256) else image for image in people])
    names = tuple(f"{name}.jpg" for name in (MARKET if dataset == "market1501" else FASHION))
    store = Store(images, np.zeros((4, 18, 2), np.float32), np.ones((4, 18), bool))
    return Split(store, names, np.array(["0", "0", "1", "1"]))


def write(folder, dataset, name, strip, framed=as_is, pairs=PAIRS, extensions=False):
    """The pictures of a system. A strip's letters are: source, pose, target, and what was generated.

    Returns what the system generated.
    """
    folder.mkdir(exist_ok=True)
    size = SIZES[dataset] if dataset == "market1501" else CROP
    made = []
    names = MARKET if dataset == "market1501" else FASHION
    for a, b in pairs:
        other = person(b, size) + np.array([9, -12, 7])
        generated = np.clip(other, 0, 255).astype(np.uint8)
        made.append(generated)
        pose = np.full((*size, 3), [0, 40, 200], np.uint8)
        parts = {"s": person(a, size), "p": pose, "t": person(b, size), "g": generated}
        picture = np.concatenate([framed(parts[letter]) for letter in strip], axis=1)
        written = (f"{names[x]}.jpg" if extensions else names[x] for x in (a, b))
        path = folder / name.format(*written)
        Image.fromarray(picture).save(path, quality=100, subsampling=0)
    return np.stack(made)


def read(folder, dataset, naming=None, protocol="patn", progress=False):
    frame = protocols.find(protocol).frame(dataset)
    return picture_judging.pictures(
        folder, dataset, photos(dataset), PAIRS, PAIRS, frame, progress, naming
    )


CASES = {
    # system, or several that write the same: data set, name, strip, square, column of the strip
    "patn market": (["patn"], "market1501", "{}___{}_vis.jpg", "sptpg", as_is, "5_of_5"),
    "patn": (["patn"], "deepfashion_256x176", "{}___{}_vis.jpg", "sptpg", as_is, "5_of_5"),
    "gfla market": (["gfla", "dptn"], "market1501", "{}_2_{}_vis.jpg", "g", as_is, "1_of_1"),
    "gfla": (["gfla"], "deepfashion_256x176", "{}_2_{}_vis.jpg", "g", stretched, "1_of_1"),
    "gfla all": (["gfla"], "deepfashion_256x176", "{}_2_{}_all.jpg", "sgt", stretched, "2_of_3"),
    "dptn": (["dptn"], "deepfashion_256x176", "{}_2_{}_vis.jpg", "g", as_is, "1_of_1"),
    "nted": (["nted"], "deepfashion_256x176", "{}_2_{}_vis.png", "g", as_is, "1_of_1"),
    "pidm": (["pidm"], "deepfashion_256x176", "{}_2_{}_vis.png", "g", stretched, "1_of_1"),
    "pidm whole": (["pidm"], "deepfashion", "{}_2_{}_vis.png", "g", stretched, "1_of_1"),
    "pcdms": (["pcdms"], "deepfashion_256x176", "{}_to_{}.png", "g", stretched, "1_of_1"),
    "pgjax": (["pgjax"], "deepfashion_256x176", "{}_to_{}.png", "g", padded, "1_of_1"),
    "deformable": (["deformable"], "deepfashion_256x176", "{}_{}.png", "stg", padded, "3_of_3"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_folder_of_each_system(case, tmp_path):
    systems, dataset, name, strip, framed, column = CASES[case]
    generated = write(tmp_path, dataset, name, strip, framed, extensions="___" in name)
    for naming in (None, *systems):
        outputs = read(tmp_path, dataset, naming)
        found = np.stack([panels.generated for panels in outputs.read(0, 3)]).astype(int)
        assert np.abs(found - generated).mean() < 2  # JPEG, and resized twice
        record = outputs.record()
        assert record["systems"] == systems and record["naming"] == naming
        assert record["pictures"] == 3 and record["columns"] == {column: 3}
        shown = name.replace("{}", "SOURCE", 1).replace("{}", "TARGET")
        assert record["names"] == {shown: 3}
        assert record["made"] == (None if framed is as_is else framed.__name__)
        assert outputs.understood().startswith(f"3 pictures named {shown} (")
    if framed is stretched:  # bicubic, and to the pixel
        picture = read_photo(outputs.paths[0])
        panel = picture[:, :256] if len(strip) == 1 else picture[:, 256:512]
        np.testing.assert_array_equal(found[0], resized(panel, CROP))
    wrong = "nted" if "_to_" in name else "pcdms"
    with pytest.raises(InputError, match=f"--naming={wrong} does not fit: 3 of 3 pictures are not"):
        read(tmp_path, dataset, wrong)


def test_what_was_understood_is_one_line(tmp_path, capsys):
    write(tmp_path / "a", "deepfashion_256x176", "{}___{}_vis.jpg", "sptpg", extensions=True)
    read(tmp_path / "a", "deepfashion_256x176", progress=True)
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"{tmp_path / 'a'}: 3 pictures named SOURCE___TARGET_vis.jpg (as patn writes them); judged is "
        "column 5 of 5 of a strip, 256x176 pixels"
    )
    write(tmp_path / "b", "deepfashion_256x176", "{}_2_{}_vis.png", "g", stretched)
    assert read(tmp_path / "b", "deepfashion_256x176", "pidm").understood() == (
        "3 pictures named SOURCE_2_TARGET_vis.png (--naming=pidm); judged is the generated image alone, "
        "256x256 pixels, stretched: resized to 256x176"
    )
    write(tmp_path / "b", "deepfashion_256x176", "{}_2_{}.png", "g", stretched, PAIRS[:1])
    (tmp_path / "b" / f"{FASHION[0]}_2_{FASHION[1]}_vis.png").unlink()
    assert (
        read(tmp_path / "b", "deepfashion_256x176")
        .understood()
        .startswith(
            "3 pictures named SOURCE_2_TARGET.png (1), SOURCE_2_TARGET_vis.png (2); judged is the gen"
        )
    )


def test_padded_pictures_of_a_data_set_of_padded_photos_stay_as_they_are(tmp_path):
    generated = write(tmp_path, "deepfashion", "{}_to_{}.png", "g", padded)
    outputs = read(tmp_path, "deepfashion", protocol="pgjax")
    assert outputs.record()["systems"] == ["pgjax"]
    for panels, image in zip(outputs.read(0, 3), generated, strict=True):
        np.testing.assert_array_equal(panels.generated, padded(image))
    assert outputs.understood().endswith("256x256 pixels")


def test_stretched_pictures_need_the_crop(tmp_path):
    write(tmp_path, "deepfashion", "{}_to_{}.png", "g", stretched)
    with pytest.raises(
        InputError, match="are stretched to 256x256, the photos of deepfashion are not; give --pr"
    ):
        read(tmp_path, "deepfashion", protocol="pgjax")


def test_a_system_is_refused_where_the_pictures_contradict_it(tmp_path):
    write(tmp_path, "deepfashion", "{}_to_{}.png", "g", padded)
    with pytest.raises(
        InputError,
        match=r"--naming=pcdms does not fit: its pictures are stretched, but 0 of 3 look stretched beside "
        r".*; leave --naming out, or give --naming=stretched",
    ):
        read(tmp_path, "deepfashion", "pcdms")
    assert read(tmp_path, "deepfashion", "stretched").made == "stretched"  # as the user says


@pytest.mark.parametrize("naming", ["padded", "stretched"])
def test_what_squares_are_belongs_to_squares(naming, tmp_path, capsys):
    market, crops = tmp_path / "market", tmp_path / "crops"
    write(market, "market1501", "{}_2_{}.png", "g")
    with pytest.raises(
        InputError, match=f"--naming={naming}: belongs to squares .*; pictures of market1501 are"
    ):
        read(market, "market1501", naming)
    write(crops, "deepfashion_256x176", "{}_2_{}.png", "g")
    read(crops, "deepfashion_256x176", naming, progress=True)
    assert f"no picture has 256x256 pixels, so --naming={naming} has" in capsys.readouterr().err


@pytest.mark.parametrize(("made", "systems"), [("stretched", ["pcdms"]), ("padded", ["pgjax"])])
def test_squares_of_512_rows(made, systems, tmp_path):
    test = photos("deepfashion_512x352")
    wide = {
        "stretched": lambda image: resized(image, (512, 512)),
        "padded": lambda image: np.pad(image, ((0, 0), (80, 80), (0, 0)), constant_values=255),
    }[made]
    for a, b in PAIRS:
        name = f"{FASHION[a]}_to_{FASHION[b]}.png"
        Image.fromarray(wide(test.store.images[b])).save(tmp_path / name)
    outputs = picture_judging.pictures(tmp_path, "deepfashion_512x352", test, PAIRS, PAIRS, None)
    assert outputs.made == made and outputs.systems() == systems
    found = [panels.generated for panels in outputs.read(0, 3)]
    apart = np.abs(np.stack(found).astype(int) - test.store.images[PAIRS[:, 1]])
    assert apart.mean() < (1 if made == "stretched" else 1e-9)


def test_a_few_that_look_otherwise_are_told(tmp_path, capsys):
    dataset = "deepfashion_256x176"
    write(tmp_path, dataset, "{}_to_{}.png", "g", padded, PAIRS[:2])
    write(tmp_path, dataset, "{}_to_{}.png", "g", stretched, PAIRS[2:])
    assert read(tmp_path, dataset, progress=True).made == "padded"
    assert "1 of 3 look stretched beside the photos of their targets: all are taken for padded" in (
        capsys.readouterr().err
    )


def test_two_readings_are_asked_about(tmp_path):
    dataset = "deepfashion_256x176"
    write(tmp_path, dataset, "{}_to_{}.png", "g", padded, PAIRS[:1])
    write(tmp_path, dataset, "{}_to_{}.png", "g", stretched, PAIRS[1:])
    with pytest.raises(
        InputError,
        match=r"256x256 pixels may be stretched or padded: 2 of 3 look .*; give --naming=stretched, "
        r"--naming=padded, or the system",
    ):
        read(tmp_path, dataset)
    assert read(tmp_path, dataset, "pcdms").made == "stretched"
    assert read(tmp_path, dataset, "padded").made == "padded"


def test_a_strip_tells_by_its_target_how_it_was_made(tmp_path):
    """However bad the generated image is."""
    dataset = "deepfashion_256x176"
    write(tmp_path, dataset, "{}_{}.png", "stp", padded)
    assert read(tmp_path, dataset).record()["systems"] == ["deformable"]
    write(tmp_path, dataset, "{}_{}.png", "stp", stretched)
    assert read(tmp_path, dataset).made == "stretched"


@pytest.mark.parametrize("framed", [padded, stretched])
@pytest.mark.parametrize("blur", [0, 4])
def test_real_photos_tell_how_they_were_made(shared, framed, blur, tmp_path):
    """Of good systems nearly every picture does."""
    paths = sorted((shared / "data" / "deepfashion" / "images").glob("*.png"))[:24]
    images = np.stack([read_photo(path)[:, 40:216] for path in paths])
    store = Store(images, np.zeros((24, 18, 2), np.float32), np.ones((24, 18), bool))
    test = Split(store, tuple(f"{path.stem}.jpg" for path in paths), np.array(["0"] * 24))
    pairs = np.stack([np.arange(24), np.roll(np.arange(24), 1)], axis=1)
    for a, b in pairs:
        made = Image.fromarray(images[b]).filter(ImageFilter.GaussianBlur(blur))
        Image.fromarray(framed(np.asarray(made))).save(
            tmp_path / f"{paths[a].stem}_to_{paths[b].stem}.png"
        )
    outputs = picture_judging.pictures(tmp_path, "deepfashion_256x176", test, pairs, pairs, None)
    assert outputs.made == framed.__name__


def test_cfld_writes_no_names_of_its_own(tmp_path):
    dataset = "deepfashion_256x176"
    generated = write(tmp_path, dataset, "{}_2_{}.png", "g")
    for naming in (None, "cfld"):
        outputs = read(tmp_path, dataset, naming)
        assert outputs.record()["systems"] == []
        np.testing.assert_array_equal([p.generated for p in outputs.read(0, 3)], generated)
    write(tmp_path, dataset, "{}_2_{}.png", "stg")
    with pytest.raises(
        InputError, match=r"256x528 pixels; expected one panel of .* width\), as --naming=cfld"
    ):
        read(tmp_path, dataset, "cfld")


@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_the_photo_whose_name_ends_twice(ending, tmp_path):
    """In a list, and in the names of pictures of every system."""
    test = photos("market1501")
    path = tmp_path / "pairs.csv"
    path.write_text(f"from,to\n{MARKET[2]}.jpg,1488_c4s6_022291_05.jpg{ending}\n")
    pairs, _ = run_evaluation.choose_pairs("market1501", test, "unused", str(path), None)
    np.testing.assert_array_equal(pairs, PAIRS[2:])
    last = f"1488_c4s6_022291_05{ending}"
    names = [
        f"{MARKET[2]}_2_{last}_vis.png",  # GFLA, DPTN, NTED, PIDM
        f"{MARKET[2]}.jpg___{last}.jpg_vis.png",
        f"{MARKET[2]}_to_{last}.png",
        f"{MARKET[2]}.jpg_2_{last}.jpg_vis.png",
    ]
    for place, name in enumerate(names):
        folder = tmp_path / str(place)
        folder.mkdir()
        Image.fromarray(person(3, (128, 64))).save(folder / name)
        frame = protocols.find("patn").frame("market1501")
        found = picture_judging.pictures(folder, "market1501", test, pairs, pairs, frame)
        assert [path.name for path in found.paths] == [name]


def test_names_that_tell_several_pairs_name_the_option_that_settles_them(tmp_path):
    """Of photos whose names end as a system's pictures do."""
    test = photos("market1501")
    test = test._replace(names=("a.jpg", "b_vis.jpg", "b.jpg", "c.jpg"))
    pairs = np.array([(0, 1), (0, 2)])
    Image.fromarray(person(1, (128, 64))).save(tmp_path / "a_2_b_vis.png")
    with pytest.raises(
        InputError,
        match=r"ambiguous: a_2_b_vis\.png may be of several pairs in the list: settled by --naming=gfla or "
        r"--naming=dptn or ",
    ):
        picture_judging.pictures(tmp_path, "market1501", test, pairs, pairs, None)
    found = picture_judging.pictures(
        tmp_path, "market1501", test, pairs[1:], pairs, None, naming="nted"
    )
    assert len(found) == 1


def test_pictures_that_are_not_judged_are_counted(tmp_path, capsys):
    write(tmp_path, "market1501", "{}_2_{}_vis.jpg", "g")
    write(tmp_path, "market1501", "{}_2_{}_gt.jpg", "t", pairs=PAIRS[:2])
    test = photos("market1501")
    found = picture_judging.pictures(tmp_path, "market1501", test, PAIRS[:1], PAIRS, None, True)
    assert found.record()["passed_over"] == 4 and found.record()["pictures"] == 1
    told = capsys.readouterr().err
    assert (
        "2 passed over (0003_c1s1_000001_00_2_0003_c2s1_000001_00_gt.jpg): names that end in _gt are"
        in told
    )
    assert "2 passed over (0003_c2s1_000001_00_2_0003_c1s1_000001_00_vis.jpg): the list has" in told


def test_the_result_says_what_was_understood(tmp_path, monkeypatch, capsys):
    tiny.use_data(monkeypatch)
    test = tiny.SPLITS["test"]
    for a, b in run_evaluation.choose_pairs("synthetic_people", test, "", None, None)[0]:
        picture = np.concatenate([test.store.images[x] for x in (a, a, b, b, b)], axis=1)
        name = f"{test.names[a]}___{test.names[b]}_vis.png"
        Image.fromarray(picture).save(tmp_path / name)
    result = picture_judging.judge("synthetic_people", "", tmp_path, "patn", naming="patn")
    assert result == json.loads((tmp_path / "metrics.json").read_text())
    assert result["images"]["columns"] == {"5_of_5": 6}
    assert result["images"]["sizes"] == {"64x32": 6} and result["images"]["made"] is None
    assert result["scores"]["images"]["l1"] == 0
    lines = capsys.readouterr().err
    assert lines.index("column 5 of 5 of a strip") < lines.index("judging ")
    with pytest.raises(InputError, match="--naming: goes with --images alone"):
        picture_judging.judge("synthetic_people", "", naming="patn")
    with pytest.raises(InputError, match="--naming: unknown 'gan'"):
        picture_judging.judge("synthetic_people", "", tmp_path, naming="gan")


STUDIO = np.linspace(0, 60, CROP[1], dtype=np.uint8)[:, None]
"""A wall that gets darker to one side: its border is of several colours, where no band hides it."""


def _of(made):
    """Photos of `deepfashion` in a studio, made squares in this way."""
    test = photos("deepfashion")
    images = np.stack([made(person(seed) - STUDIO) for seed in range(4)])
    return test._replace(store=test.store._replace(images=images))


@pytest.mark.parametrize("naming", [None, "pidm", "stretched"])
@pytest.mark.parametrize("protocol", ["gfla", "patn"])
def test_stretched_pictures_stay_as_they_are_beside_stretched_photos(naming, protocol, tmp_path):
    generated = write(tmp_path, "deepfashion", "{}_2_{}_vis.png", "g", stretched)
    frame = protocols.find(protocol).frame("deepfashion")
    outputs = picture_judging.pictures(
        tmp_path, "deepfashion", _of(stretched), PAIRS, PAIRS, frame, naming=naming
    )
    assert (outputs.made, outputs.record()["systems"]) == ("stretched", ["pidm"])
    assert outputs.understood().endswith("256x256 pixels")
    for panels, image in zip(outputs.read(0, 3), generated, strict=True):
        np.testing.assert_array_equal(panels.generated, stretched(image))


@pytest.mark.parametrize(
    ("made", "beside", "instead"),
    [
        (stretched, padded, "--protocol=patn, a data set of 256x176, or .* built of stretched"),
        (padded, stretched, "a data set of 256x176$"),
    ],
)
def test_squares_of_one_kind_are_refused_beside_photos_of_the_other(
    made, beside, instead, tmp_path
):
    write(tmp_path, "deepfashion", "{}_to_{}.png", "g", made)
    with pytest.raises(
        InputError, match=f"are {made.__name__} to 256x256, the photos .* are not; give {instead}"
    ):
        picture_judging.pictures(tmp_path, "deepfashion", _of(beside), PAIRS, PAIRS, None)
