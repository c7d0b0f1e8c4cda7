"""Anyone's photos as a data set: whose they are, where their joints land, what is left out."""

import numpy as np
import pytest
from PIL import Image

from pgjax import data, keypoints
from pgjax.data import store
from pgjax.keypoints import make_pose

SIZE = (128, 64)
NAME = "custom_128x64"
COLOURS = np.random.default_rng(0).integers(60, 256, (18, 3))


def person(size, seed=0):
    """A photo of 18 coloured squares on black and where they are; right and left are told by colour."""
    height, width = size
    random = np.random.default_rng(seed)
    # A grid, so that no square covers another.
    rows, columns = np.divmod(random.permutation(18), 3)
    step = np.array([height / 7, width / 4])
    points = np.floor((np.stack([rows, columns], 1) + 1) * step)
    image = np.zeros((*size, 3), np.uint8)
    reach = max(2, min(size) // 40)
    for (y, x), colour in zip(points.astype(int), COLOURS, strict=True):
        image[y - reach : y + reach + 1, x - reach : x + reach + 1] = colour
    return image, make_pose(points, size=size)


class Photos:
    """Photos of `people` in `raw`, each of another size, and their keypoints."""

    def __init__(self, raw, people=("anna", "ben", "carl", "dora", "eve"), count=3, folders=True):
        self.raw, self.poses = raw, {}
        raw.mkdir()
        for i, who in enumerate(people):
            for k in range(count):
                name = f"{who}/{k}.png" if folders else f"{who}_{k}.png"
                self.add(name, (200 + 40 * i, 150 + 60 * k), seed=10 * i + k)

    def add(self, name, size=(256, 128), seed=0):
        image, pose = person(size, seed)
        path = self.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=95)
        self.poses[name] = [pose]

    def write(self, format="coco17_results", to=None):
        to = to or self.raw / "keypoints.json"
        keypoints.write(to, self.poses, format)
        return to


@pytest.fixture
def photos(tmp_path):
    return Photos(tmp_path / "raw")


@pytest.fixture
def build(tmp_path):
    return lambda photos, name=NAME, **options: data.build(
        name, tmp_path / "built", photos.raw, **options
    )


def loaded(tmp_path, name=NAME):
    return {split: store.load_split(name, split, tmp_path / "built") for split in ("train", "test")}


@pytest.mark.parametrize("fit", ["letterbox", "crop", "stretch"])
@pytest.mark.parametrize("size", [(128, 64), (64, 96)])
def test_joints_stay_on_what_they_show(photos, build, tmp_path, fit, size):
    photos.write("openpose", photos.raw / "keypoints")
    name = f"custom_{size[0]}x{size[1]}"
    build(photos, name, fit=fit)
    seen = 0
    for split in loaded(tmp_path, name).values():
        assert split.store.images.shape[1:] == (*size, 3)
        for image, points, visible in zip(*split.store[:3], strict=True):
            for joint in np.flatnonzero(visible):
                y, x = np.floor(points[joint] + 0.5).astype(int).clip(0, np.array(size) - 1)
                # The right colour of 18, though resizing has mixed it with the black around.
                shown = image[y, x] / max(1, np.linalg.norm(image[y, x]))
                likeness = COLOURS @ shown / np.linalg.norm(COLOURS, axis=1)
                seen += likeness.argmax() == joint
    joints = sum(split.store.visible.sum() for split in loaded(tmp_path, name).values())
    assert joints > 150
    assert seen > 0.9 * joints


@pytest.mark.parametrize("folders", [True, False], ids=["folders", "names"])
@pytest.mark.parametrize("format", ["openpose", "coco17", "csv"])
def test_people_are_told_apart_and_dealt_to_splits(tmp_path, build, folders, format):
    photos = Photos(tmp_path / "raw", folders=folders)
    to = {"openpose": "keypoints", "coco17": "keypoints.json", "csv": "keypoints.csv"}[format]
    photos.write(format, photos.raw / to)
    build(photos, test_share=0.4)
    splits = loaded(tmp_path)
    people = {split: set(found.identities) for split, found in splits.items()}
    assert people["train"] | people["test"] == {"anna", "ben", "carl", "dora", "eve"}
    assert not people["train"] & people["test"]
    assert len(people["test"]) == 2
    names = [name for split in splits.values() for name in split.names]
    assert sorted(names) == sorted(
        f"{who}_{k}.png" for who in set.union(*people.values()) for k in range(3)
    )
    # Three photos of one person make six ordered pairs.
    pairs = store.train_pairs(splits["train"], "pg2")
    assert len(pairs) == 18
    who = splits["train"].identities
    assert (who[pairs[:, 0]] == who[pairs[:, 1]]).all()


def test_the_seed_deals_and_newcomers_move_nobody(photos, tmp_path):
    def dealt(place, **options):
        data.build(NAME, tmp_path / place, photos.raw, **options)
        split = store.load_split(NAME, "test", tmp_path / place)
        return set(split.identities)

    photos.write()
    first = dealt("a", test_share=0.4)
    assert dealt("b", test_share=0.4) == first
    assert any(dealt(f"seed{seed}", test_share=0.4, seed=seed) != first for seed in (1, 2, 3))
    photos.add("frank/1.png")
    photos.write()
    again = dealt("c", test_share=0.4)
    assert len(again - {"frank"} - first) == 0


def test_folders_that_hold_everything_are_no_person(tmp_path, build):
    photos = Photos(tmp_path / "raw", people=(), count=0)
    for who in ("anna", "ben"):
        photos.add(f"2024/{who}/1.png")
    photos.write()
    build(photos)
    assert set.union(*(set(s.identities) for s in loaded(tmp_path).values())) == {"anna", "ben"}


def test_photos_of_any_kind(tmp_path, build):
    photos = Photos(tmp_path / "raw", people=("anna",))
    image, pose = person((80, 120))
    turned = Image.fromarray(np.rot90(image))  # as a camera stores it that was held sideways
    exif = turned.getexif()
    exif[0x0112] = 6
    (photos.raw / "ben").mkdir()
    turned.save(photos.raw / "ben/turned.png", exif=exif)
    photos.poses["ben/turned.png"] = [pose]
    Image.fromarray(image).convert("P").save(photos.raw / "ben/palette.png")
    photos.poses["ben/palette.png"] = [pose]
    Image.fromarray(image).convert("CMYK").save(photos.raw / "ben/cmyk.jpg", quality=95)
    photos.poses["ben/cmyk.jpg"] = [pose]
    photos.write("openpose", photos.raw / "keypoints")
    build(photos, "custom_80x120")
    (split,) = (s for s in loaded(tmp_path, "custom_80x120").values() if "ben" in s.identities)
    found = dict(zip(split.names, split.store.images, strict=True))
    np.testing.assert_array_equal(found["ben_turned.png"], image)
    for name in ("ben_palette.png", "ben_cmyk.jpg"):
        assert np.abs(found[name].astype(int) - image).mean() < 12
    np.testing.assert_array_equal(split.store.keypoints, np.stack([pose.keypoints] * 3))


def test_what_is_left_out_is_counted(photos, build, tmp_path):
    del photos.poses["anna/0.png"]
    photos.poses["anna/1.png"] = []
    photos.poses["ben/0.png"] = [make_pose(np.full((18, 2), 5000.0))]
    (big,) = photos.poses["ben/1.png"]
    small = make_pose(big.keypoints / 4, size=big.size)
    photos.poses["ben/1.png"] = [small, big, small]
    photos.write("openpose", photos.raw / "keypoints")
    metadata = build(photos).info.metadata
    assert metadata["excluded"] == {
        "photos": {"no keypoints": 1, "nobody found": 1, "no joint in the picture": 1}
    }
    assert any("1 photos show several people" in note for note in metadata["notes"])
    splits = loaded(tmp_path)
    (points,) = (
        split.store.keypoints[split.names.index("ben_1.png")]
        for split in splits.values()
        if "ben_1.png" in split.names
    )
    assert np.ptp(points[:, 0]) > 40  # the big one; the small ones span a quarter of its 52


def test_keypoints_of_a_smaller_copy_are_scaled(photos, tmp_path):
    def joints(scale):
        poses = {}
        for name, (pose,) in photos.poses.items():
            size = tuple(round(scale * s) for s in pose.size)
            poses[name] = [make_pose((pose.keypoints + 0.5) * scale - 0.5, size=size)]
        keypoints.write(photos.raw / "keypoints.json", poses, "coco17")
        data.build(NAME, tmp_path / str(scale), photos.raw)
        return store.load_split(NAME, "train", tmp_path / str(scale)).store.keypoints

    np.testing.assert_allclose(joints(0.5), joints(1), atol=0.01)


def test_namesakes_in_two_folders_do_not_share_joints(photos, build, tmp_path):
    poses = {"anna/0.png": photos.poses["anna/0.png"], "ben/1.png": photos.poses["ben/1.png"]}
    keypoints.write(photos.raw / "keypoints.json", poses, "coco17")
    metadata = build(photos).info.metadata
    assert metadata["excluded"] == {"photos": {"no keypoints": 13}}
    (photos.raw / "keypoints.json").unlink()
    keypoints.write(photos.raw / "keypoints.json", {"0.png": photos.poses["anna/0.png"]}, "coco17")
    with pytest.raises(ValueError, match=r"keypoints of 0\.png fit both anna/0\.png and ben"):
        build(photos, "custom_64x64")


def test_people_called_as_market1501s_junk_are_people(tmp_path, build):
    photos = Photos(tmp_path / "raw", people=("0000", "0001", "0002"))
    photos.write()
    build(photos)
    found = loaded(tmp_path)
    pairs = sum(len(store.train_pairs(split, "deformable")) for split in found.values())
    assert pairs == 18


def _spoil(name, content):
    return lambda photos: (photos.raw / name).write_bytes(content)


FAULTS = {
    "no person in a name": (
        lambda p: p.add("snap.png"),
        {},
        "photo snap.png: which person\\? Expected a folder of the person's photos, or a name",
    ),
    "one person": (
        lambda p: [path.unlink() for path in p.raw.glob("[!a]*/*.png")],
        {},
        "one person .* in all photos: training and test need people of their own",
    ),
    "alike": (
        lambda p: p.add("anna_0.jpg"),
        {},
        "photos anna/0.png and anna_0.jpg: give one of them another name",
    ),
    "damaged photo": (_spoil("anna/0.png", b"no photo"), {}, "anna/0.png: not an image"),
    "empty photo": (_spoil("ben/0.png", b""), {}, r"ben/0.png: is empty \(0 bytes\)"),
    "damaged keypoints": (_spoil("keypoints.json", b"{"), {}, "keypoints.json: .*JSON"),
    "other photos' keypoints": (
        _spoil("keypoints.json", b"[]"),
        {},
        r"no keypoints of the 15 photos in .*raw, such as anna/0.png \(15 no keypoints\); "
        "the names in the keypoints: none",
    ),
    "another shape": (
        lambda p: keypoints.write(
            p.raw / "keypoints.json", {"anna/0.png": [person((100, 300))[1]]}, "coco17"
        ),
        {},
        "anna/0.png: is 200 high and 150 wide, but its keypoints are of a photo 100 high and 300",
    ),
    "two keypoint files": (
        lambda p: p.write("csv", p.raw / "keypoints.csv"),
        {},
        "both keypoints.json and keypoints.csv here",
    ),
    "no keypoint file": (
        lambda p: (p.raw / "keypoints.json").unlink(),
        {},
        "no keypoints here; expected one of keypoints.json, .*pgjax.tools.keypoints makes",
    ),
    "unknown fit": (lambda p: None, {"fit": "squeeze"}, "--fit squeeze: expected one of letterbox"),
    "no share": (lambda p: None, {"test_share": 1.0}, "--test_share 1.0: expected a share above 0"),
    "no threshold": (lambda p: None, {"threshold": -1.0}, "threshold -1.0: expected a confidence"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_stops_the_build(photos, build, tmp_path, fault):
    photos.write()
    spoil, options, message = FAULTS[fault]
    spoil(photos)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        build(photos, **options)
    assert not data.is_built(NAME, tmp_path / "built")


def test_other_options_are_another_data_set(photos, build):
    photos.write()
    build(photos, seed=3)
    build(photos, seed=3)
    with pytest.raises(ValueError, match="built already, with seed 3, not 4; remove it"):
        build(photos, seed=4)
    with pytest.raises(ValueError, match="data set market1501 takes no seed"):
        build(photos, "market1501", seed=4)


@pytest.mark.parametrize(
    "name", ["custom_0x64", "custom_128", "custom_128x64x3", "custom_", "customs"]
)
def test_names_that_are_no_size(name):
    with pytest.raises(ValueError, match=f"unknown data set '{name}'; there are .*custom_HEIGHT"):
        data.find(name)
    assert data.find("custom").size == (256, 256)


def test_sizes_that_no_memory_holds():
    assert data.find("custom_4096x1").size == (4096, 1)
    for name in ("custom_99999x99999", "custom_1x4097"):
        with pytest.raises(
            ValueError, match=f"data set {name}: expected a size of at most 4096x40"
        ):
            data.find(name)


def test_photos_that_cannot_be_read_are_told_and_junk_is_not_seen(photos, build, tmp_path):
    """HEIC, an empty file, a person who has nothing else, what systems leave behind, linked folders."""
    photos.poses["gone/1.png"] = photos.poses["anna/1.png"]
    photos.write()
    (photos.raw / "anna" / "3.HEIC").write_bytes(
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
    )
    (photos.raw / "zoe").mkdir()
    (photos.raw / "zoe" / "1.dng").write_bytes(b"II*\0")
    photos.add("fay/1.png")
    for name in ("__MACOSX/._1.png", "ben/.ipynb_checkpoints/1.png", "@eaDir/1.png"):
        path = photos.raw / name
        path.parent.mkdir()
        path.write_bytes((photos.raw / "ben" / "1.png").read_bytes())
    (photos.raw / "eve").rename(tmp_path / "elsewhere")
    (photos.raw / "eve").symlink_to(tmp_path / "elsewhere")
    (photos.raw / "loop").symlink_to("..")
    (photos.raw / "ben" / "1.png").rename(photos.raw / "ben" / "1.jfif")
    build(photos)
    names = [name for split in loaded(tmp_path).values() for name in split.names]
    assert len(names) == 15 and "eve_0.png" in names and "ben_1.jfif" in names
    metadata = data.load(NAME, tmp_path / "built").info.metadata
    assert metadata["excluded"] == {"photos": {"unreadable": 2, "no keypoints": 1}}
    notes = "; ".join(metadata["notes"])
    assert "1 left out (anna/3.HEIC): HEIC; convert it to JPEG" in notes
    assert "photos with no keypoints: fay/1.png" in notes
    assert "2 people of whom no photo is used: fay, zoe" in notes
    assert "1 names in the keypoints that are no photo's: gone/1.png" in notes


def test_only_photos_that_cannot_be_read(photos, build):
    for path in photos.raw.glob("*/*.png"):
        path.with_suffix(".cr2").write_bytes(b"II*\0")
        path.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no photo here; 15 left out .*camera RAW; develop"
    ):
        build(photos)


def test_distractors_of_market_make_no_pairs_and_are_told(photos, build, tmp_path):
    for k in range(3):
        photos.add(f"0000/0000_c1s1_00000{k}_00.png")
        photos.add(f"00003/00003_c1s1_00000{k}_00.png")
    photos.write()
    build(photos, test_share=0.01)
    split = loaded(tmp_path)["train"]
    names = np.array(split.names)
    made = store.train_pairs(split, "pg2")
    who = {names[i].partition("_")[0] for i in made.ravel()}
    assert "0000" not in who and "00003" in who
    notes = "; ".join(data.load(NAME, tmp_path / "built").info.metadata["notes"])
    assert (
        "3 photos that make no pairs, named as Market-1501's junk and distractors: 0000_c1s1"
        in notes
    )
