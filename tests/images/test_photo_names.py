"""Which photo a name means: every rule, and what is told where one name may mean two photos."""

import pytest

from pgjax.images.photo_names import Names, bare

PATN = "fashionWOMENBlouses_Shirtsid0000069302_3back.jpg"


@pytest.mark.parametrize(
    ("photo", "names"),
    [
        (
            "anna/1.png",
            ["anna/1.png", "anna/1", "1.png", "1", "photos/anna/1.jpg", "./anna//1.PNG"],
        ),
        (
            "anna/1.png",
            [r"anna\1.png", r"C:\photos\anna\1.jpg", "/data/anna/1", "../anna/1", "b/../1"],
        ),
        (
            "anna/1.png",
            ["anna_1", "anna-1.jpg", "anna__1.png", "photos/anna_1.jpg"],
        ),
        ("anna_1.png", ["anna/1.png", r"photos\anna\1", "x/anna_1.jpeg"]),
        ("/photos/anna/1.png", ["photos_anna_1", "anna_1", "photos/anna-1.jpg", "photos/anna/1"]),
        ("beach_at_7.v2.jpg", ["beach_at_7.v2", "beach_at_7.v2.PNG", "p/beach_at_7.v2.jpg"]),
        ("photos/0007.jpg", ["7", "7.0", "0007", "0007.png", "photos/0007"]),
        ("7.jpg", ["7", "7.0", "7.png"]),
        ("1488_c4.jpg.jpg", ["1488_c4.jpg.jpg", "1488_c4.jpg", "1488_c4", "1488_c4.JPG.png"]),
        ("1488_c4.jpg", ["1488_c4.jpg.jpg", "query/1488_c4.jpg.jpg"]),
        ("jose\u0301.jpg", ["jos\u00e9.jpg", "jos\u00e9"]),  # as a Mac writes é, and others do
        (PATN, [PATN.replace(".jpg", ".png"), PATN.replace("fash", "fas").replace("s_S", "sS")]),
        (PATN, ["WOMEN/Blouses_Shirts/id_00000693/02_3_back.jpg"]),
        (PATN, [r"img\WOMEN\Blouses_Shirts\id_00000693\02_3_back"]),
        (PATN, ["WOMEN-Blouses_Shirts-id_00000693-02_3_back.png", f"test/{PATN}"]),
        (
            f"train/{PATN}",
            ["img/WOMEN/Blouses_Shirts/id_00000693/02_3_back.jpg", PATN, f"train/{PATN}"],
        ),
    ],
)
def test_names_of_one_photo(photo, names):
    others = [
        "ben/2.png",
        "8.jpg",
        "fashionWOMENDressesid0000069302_3back.jpg",
        "anna.jpg",
        "x_1.jpg",
    ]
    for name in names:
        assert Names([photo, *others]).closest(name) == (photo,), name
        assert Names([name, *others]).closest(photo) == (name,), name


@pytest.mark.parametrize(
    ("photo", "names"),
    [
        (
            "anna/1.png",
            ["ben/1.png", "photos/ben/1", "anna/2", "1/anna.png", "anna_2", "ben_1", "na_1"],
        ),
        ("anna/1.png", ["Anna/1.png", "anna", "", "anna/", "01", "anna/01.png"]),
        ("7.jpg", ["07.jpg", "007", "70", "p/007.jpg", "7.5"]),
        ("anna/1.png", ["photos_anna_1"]),
        ("a.v1.jpg", ["a", "a.jpg", "a.v2.jpg"]),
        (PATN, [PATN.replace("3back", "2side"), PATN.replace("WOMEN", "MEN"), f"x{PATN}"]),
        (f"train/{PATN}", [f"test/{PATN}"]),
    ],
)
def test_names_of_other_photos(photo, names):
    for name in names:
        assert Names([photo]).closest(name) == (), name
        assert Names([name]).closest(photo) == (), name


@pytest.mark.parametrize(
    ("photos", "name", "closest"),
    [
        (["a.jpg", "a.png"], "a.png", ["a.png"]),
        (["a.jpg", "a.png"], "p/a.PNG", ["a.png"]),
        (["a.jpg", "a.png"], "a", ["a.jpg", "a.png"]),
        (["p/a.jpg", "q/a.jpg"], "a.jpg", ["p/a.jpg", "q/a.jpg"]),
        (["p/a.jpg", "q/a.jpg"], "x/q/a", ["q/a.jpg"]),
        (["q/a.jpg", "p/q/a.jpg"], "p/q/a.png", ["p/q/a.jpg"]),
        (["7.jpg", "007.jpg"], "7", ["7.jpg"]),
        (["07.jpg", "007.jpg"], "7", ["07.jpg", "007.jpg"]),
        (["a.jpg", "a.jpg.jpg"], "a.jpg", ["a.jpg"]),
        (["a.jpg", "a.jpg.jpg"], "a.jpg.jpg", ["a.jpg.jpg"]),
        (["a.jpg.jpg", "a.png"], "a.jpg", ["a.jpg.jpg"]),
        (["anna/1.jpg", "anna_1.jpg"], "anna_1", ["anna_1.jpg"]),
        (["anna/1.jpg", "anna_1.jpg"], "anna/1", ["anna/1.jpg"]),
        (["anna/1.jpg", "anna-1.jpg"], "anna_1", ["anna/1.jpg"]),
        (
            [PATN, PATN.replace("fash", "fas")],
            PATN.replace("fash", "fas"),
            [PATN.replace("fash", "fas")],
        ),
    ],
)
def test_the_closest_is_meant_and_a_tie_is_told(photos, name, closest):
    assert sorted(Names(photos).closest(name)) == sorted(closest)


def test_a_name_without_folders_and_extensions():
    assert bare(r"p\q/a.v1.JPG") == "a.v1"
    assert bare("a.jpg.jpg") == "a"
    assert (bare(".jpg"), bare(""), bare("..")) == (".jpg", "", "..")
    assert bare("9" * 10_000 + ".png") == "9" * 10_000
