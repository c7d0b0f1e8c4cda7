"""Names of pictures as the systems of the field write them: which pair each tells."""

import pathlib
import re

import pytest

import pgjax
from pgjax.errors import InputError
from pgjax.images.result_names import ENDINGS, NAMINGS, SEPARATORS, ResultNames, find

MARKET = ("0003_c1s1_000001_00.jpg", "0003_c2s1_000001_00.jpg")
TWICE = ("1488_c4s6_022291_05.jpg.jpg", "1488_c3s3_071344_02.jpg.jpg")
FASHION = (
    "fashionWOMENBlouses_Shirtsid0000337203_3back.jpg",
    "fashionWOMENBlouses_Shirtsid0000337202_2side.jpg",
)
FASION = tuple(name.replace("fash", "fas").replace("Blouses_S", "BlousesS") for name in FASHION)
HERE = "WOMEN/Blouses_Shirts/id_00003372/03_3_back", "WOMEN/Blouses_Shirts/id_00003372/02_2_side"
FLAT = tuple(name.replace("/", "-") for name in HERE)
NAMES = ResultNames(
    [MARKET, MARKET[::-1], TWICE, FASHION, ("x_2_y.png", "y.png"), ("7.jpg", "0012.jpg")]
)


@pytest.mark.parametrize("pair", [MARKET, TWICE, FASHION])
@pytest.mark.parametrize(
    "name",
    [
        "{0}_{1}.png",  # DEF, SPGNet
        "{0}.jpg_{1}.jpg.png",
        "{0}.jpg___{1}.jpg_vis.png",  # PATN
        "{0}___{1}_vis.JPG",
        "{0}_2_{1}_vis.jpg",  # GFLA, DPTN
        "{0}_2_{1}_vis.png",  # NTED, PIDM, PoCoLD
        "{0}_2_{1}.PNG",
        "{0}_2_{1}",
        "{0}.jpg_2_{1}.jpg_VIS.jpeg",
        "{0}.png_2_{1}.png.png",
        "{0}.jpg.jpg_2_{1}.jpg.jpg_vis.jpg.jpg",
        "{0}_2_{1}_vis.jpg.png",
        "{0}_{1}_vis.jpg",  # PISE
        "{0}_to_{1}.webp",  # PCDMs, evaluate.py
        "{0}-to-{1}.png",
        "epoch_00200/{0}_2_{1}_vis.png",
        "results/test/{0}.jpg_to_results/test/{1}.jpg.png",
    ],
)
def test_spellings(pair, name):
    bare = [photo.removesuffix(".jpg").removesuffix(".jpg") for photo in pair]
    assert list(NAMES.pairs(name.format(*bare))) == [pair]
    # GFLA takes one extension off the source's name and off the target's.
    assert list(NAMES.pairs(name.format(*(photo.removesuffix(".jpg") for photo in pair)))) == [pair]


@pytest.mark.parametrize("between", ["_2_", "_", "___", "_to_"])
@pytest.mark.parametrize(
    "called", [FASHION, FASION, HERE, FLAT, (FASHION[0], f"img/{HERE[1]}.jpg")]
)
def test_names_of_deepfashion_in_every_spelling(called, between):
    assert list(NAMES.pairs(f"{between.join(called)}_vis.png")) == [FASHION]
    assert list(NAMES.pairs(f"{between.join(called)}.jpg")) == [FASHION]


def test_every_cut_is_tried():
    assert list(NAMES.pairs("x_2_y_2_y_vis.png")) == [("x_2_y.png", "y.png")]
    assert list(NAMES.pairs("x_2_y_y.png")) == [("x_2_y.png", "y.png")]
    assert list(NAMES.pairs("7_2_12.png")) == [("7.jpg", "0012.jpg")]
    several = ResultNames([("x", "y_2_z"), ("x_2_y", "z"), ("x", "2_y_2_z")])
    assert len(several.pairs("x_2_y_2_z.png")) == 3
    assert list(several.pairs("x___y_2_z.png")) == [("x", "y_2_z")]


def test_extensions_count_before_they_are_taken_off():
    pairs = [("a.jpg", f"b{extension}") for extension in (".jpg", ".jpg.jpg")]
    names = ResultNames(pairs)
    assert list(names.pairs("a.jpg_2_b.jpg.png")) == pairs[:1]
    assert list(names.pairs("a.jpg_2_b.jpg.jpg.png")) == pairs[1:]
    assert sorted(names.pairs("a_2_b.png")) == pairs


def test_other_pictures_are_of_no_pair():
    for name in (
        "x.png",
        "x_2_.png",
        "_2_y.png",
        "y_2_x_2_y.png",
        "0003_c1s1_000001_00_2_x_2_y.png",
    ):
        assert not NAMES.pairs(name)


def test_separator_and_ending_are_told():
    ends = {"_vis": "_vis", "_all": "_all", "_ref": "_ref", "_gt": "_gt", "_GEN": "_gen", "": ""}
    for written, told in ends.items():
        for between in SEPARATORS:
            found = NAMES.pairs(f"x_2_y{between}y{written}.png")
            assert found == {("x_2_y.png", "y.png"): (between, told)}
        # What stands behind a name of DeepFashion may look like its extension.
        found = NAMES.pairs(f"{FASHION[0]}_2_{FASHION[1]}{written}.jpg")
        assert found == {FASHION: ("_2_", told)}


def test_namings_are_among_what_is_read():
    for naming in NAMINGS.values():
        assert set(naming.between) <= set(SEPARATORS) and set(naming.endings) <= set(ENDINGS)
        assert any(ending.counts for ending in naming.endings.values())
    assert NAMINGS["patn"].example() == "SOURCE___TARGET_vis.jpg"
    assert NAMINGS["pcdms"].example() == "SOURCE_to_TARGET.png"


def test_the_option_lists_every_naming():
    assert find(None) is None
    with pytest.raises(InputError, match="--naming: unknown 'x'; expected one of patn, gfla, "):
        find("x")
    command = pathlib.Path(pgjax.__file__).parent / "tools" / "evaluate.py"
    told = command.read_text().partition('"naming"')[2].partition("Default")[0]
    for name in NAMINGS:
        assert re.search(rf"\b{name}\b", told)
