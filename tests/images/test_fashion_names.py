"""Names of DeepFashion, against the recipes of the released scripts (docs/reference_facts.md, 5.4)."""

import re

import pytest

from pgjax.images import fashion_names
from pgjax.images.fashion_names import parse

PATH = "img/WOMEN/Blouses_Shirts/id_00000693/02_3_back.jpg"
PATN = "fashionWOMENBlouses_Shirtsid0000069302_3back.jpg"
SIAROHIN = "fasionWOMENBlousesShirtsid0000069302_3back.jpg"


def released(path: str, root: str, keep_category: bool) -> str:
    """The flattening as the released scripts do it: parts joined, underscores dropped on the way."""
    _, gender, category, item, file = path.split("/")
    if not keep_category:
        category = category.replace("_", "")
    return root + gender + category + item.replace("_", "") + file[:3] + file[3:].replace("_", "")


@pytest.fixture(scope="module")
def names(shared):
    lines = (shared / "data/deepfashion/fasion-resize-annotation-test.csv").read_text().splitlines()
    return [line.split(":")[0] for line in lines[1:]]


def test_both_conventions_round_trip_on_all_published_names(names):
    assert len(set(names)) == 4_038
    paths = set()
    for name in names:
        parsed = parse(name)
        assert parsed.patn() == name
        path = parsed.path()
        paths.add(path)
        assert parse(path) == parse(f"some/where/{path}") == parsed
        assert parse(parsed.siarohin()) == parsed
        assert parse(parsed.siarohin()).patn() == name
        assert released(path, "fashion", keep_category=True) == name
        assert released(path, "fasion", keep_category=False) == parsed.siarohin()
        # The conversion that docs/reference_facts.md, 5.4 gives: no prefix, no underscore before the id.
        front, middle, end = re.fullmatch(r"fashion(.*)(id\d+)(_.*)", name).groups()
        assert parsed.siarohin() == "fasion" + front.replace("_", "") + middle + end
    assert len(paths) == 4_038


def test_the_three_names_of_one_photo():
    assert parse(PATH) == parse(PATN) == parse(SIAROHIN)
    assert (parse(SIAROHIN).path(), parse(PATH).patn(), parse(PATN).siarohin()) == (
        PATH,
        PATN,
        SIAROHIN,
    )
    assert parse(f"images/{PATN.replace('.jpg', '.png')}") == parse(PATN)


def test_photos_of_an_outfit_have_one_identity():
    assert fashion_names.identity(PATN) == "fashionWOMENBlouses_Shirtsid0000069302"
    for name in (PATN, PATH, PATH.replace("img/", "").replace("/", "-")):
        other = name.replace("3_back", "2_side").replace("3back", "2side")
        assert name != other and fashion_names.identity(name) == fashion_names.identity(other)
    assert fashion_names.identity(PATH) != fashion_names.identity(PATH.replace("/02_", "/03_"))


def test_more_spellings():
    for name in (
        PATH.replace("/", "\\"),
        PATH.replace("img/", "").replace("/", "-"),
        f"flat/{PATH.replace('img/', '').replace('/', '_')}",
        PATH.replace("img/", "img_highres\\"),
        PATN.replace(".jpg", ""),
    ):
        assert parse(name) == parse(PATN), name


@pytest.mark.parametrize(
    "name",
    [
        "0002_c1s1_000451_03.jpg",
        "fashionWOMENBlouses_Shirtsid000006930_3back.jpg",
        "WOMENBlouses_Shirtsid0000069302_3back.jpg",
        "img/WOMEN/Blouses_Shirts/00000693/02_3_back.jpg",
        "img/CHILDREN/Shorts/id_00000693/02_3_back.jpg",
        "fashionWOMENBlouses_Shirtsid0000069302_3back___fashionWOMENDressesid0000069302_3back.jpg",
    ],
)
def test_other_names_are_not_taken_for_ours(name):
    assert parse(name) is None


def test_an_unknown_category_has_no_path():
    with pytest.raises(ValueError, match=r"no category 'Hats' for MEN; there are Denim, Jackets"):
        parse("fasionMENHatsid0000069302_3back.jpg").path()
