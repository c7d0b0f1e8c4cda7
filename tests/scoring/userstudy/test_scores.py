"""R2G, G2R, preferences and their intervals, beside hand calculations and published ones."""

import json

import pytest

import places
import userstudies
from pgjax.scoring.userstudy import answers, scores
from pgjax.scoring.userstudy.collection import Collected

# Newcombe 1998, "Two-sided confidence intervals for the single proportion", Table I, method 3.
NEWCOMBE = {
    (81, 263): (0.2553, 0.3662),
    (15, 148): (0.0624, 0.1605),
    (0, 20): (0.0000, 0.1611),
    (1, 29): (0.0061, 0.1718),
}
WRONG = {"real": "generated", "generated": "real"}


@pytest.mark.parametrize(("counts", "interval"), NEWCOMBE.items())
def test_wilsons_interval_is_the_published_one(counts, interval):
    found = scores.share(*counts)
    assert (round(found.low, 4), round(found.high, 4)) == interval
    assert found.share == counts[0] / counts[1]


def collected(study, *documents):
    found = [answers.check(json.dumps(each), study) for each in documents]
    return Collected({each.person: each for each in found}, 0, {})


def wrong_in(study, trials):
    """What to say in each trial to be wrong in these alone."""

    def said(trial):
        (what,) = userstudies.truth(study, trial)
        return WRONG[what] if trial in trials else what

    return said


def counted(study, what):
    """The trials after practice whose picture is that."""
    return [
        i for i in range(study.practice, len(study.trials)) if userstudies.truth(study, i) == [what]
    ]


def test_r2g_and_g2r_by_hand(tmp_path):
    study = userstudies.rated(tmp_path / "s", count=12, practice=4)
    real, generated = counted(study, "real"), counted(study, "generated")
    assert len(real) + len(generated) == 20
    one = wrong_in(study, [*real[:2], *generated[:3]])
    two = wrong_in(study, [*real[:1], *generated])
    found = scores.score(
        study,
        collected(
            study,
            userstudies.document(study, 1, said=one),
            userstudies.document(study, 2, said=two),
        ),
    )
    r, g = len(real), len(generated)
    everyone, (first, second) = found["all"], found["persons"].values()
    for part, wrong, of in (
        (first["r2g"], 2, r),
        (first["g2r"], 3, g),
        (second["r2g"], 1, r),
        (second["g2r"], g, g),
        (everyone["r2g"], 3, 2 * r),
        (everyone["g2r"], 3 + g, 2 * g),
    ):
        assert (part["count"], part["of"], part["share"]) == (wrong, of, wrong / of)
        # Wilson's roots of (share - p)^2 = z^2 p (1 - p) / n, with 1.96 for 95 %.
        z = 1.959964
        middle, n = wrong / of, of
        centre = (middle + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * (middle * (1 - middle) / n + z**2 / (4 * n**2)) ** 0.5
        assert part["low"] == pytest.approx(centre - half, abs=1e-6)
        assert part["high"] == pytest.approx(centre + half, abs=1e-6)
    assert everyone["mean"] == (3 / (2 * r) + (3 + g) / (2 * g)) / 2


def test_practice_never_counts(tmp_path):
    study = userstudies.rated(tmp_path / "s", count=12, practice=4)
    right = collected(study, userstudies.document(study))
    practice = wrong_in(study, range(4))
    wrong = collected(study, userstudies.document(study, said=practice))
    assert scores.score(study, right) == scores.score(study, wrong)
    assert scores.score(study, wrong)["all"]["mean"] == 0
    fifth = collected(study, userstudies.document(study, said=wrong_in(study, [4])))
    assert scores.score(study, fifth)["all"]["mean"] > 0


def test_partial_answers_count_only_when_asked(tmp_path):
    study = userstudies.rated(tmp_path / "s", count=12, practice=4)
    sent = [
        userstudies.document(study, 1),
        userstudies.document(study, 2, 20),
        userstudies.document(study, 3, 4),
    ]
    found = scores.score(study, collected(study, *sent))
    assert (found["complete"], found["partial"], len(found["persons"])) == (1, 2, 1)
    found = scores.score(study, collected(study, *sent), partial=True)
    sizes = [s and s["r2g"]["of"] + s["g2r"]["of"] for s in found["persons"].values()]
    assert sizes == [20, 16, None]  # the last one has only practised
    assert found["all"]["r2g"]["of"] + found["all"]["g2r"]["of"] == 36
    lines = scores.table(found).splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["all", *["00000000"] * 3]
    assert lines[4].split() == ["00000000", "-", "-", "-"]


def test_preferences_by_hand(tmp_path):
    study = userstudies.preferred(tmp_path / "s", count=12, practice=2)
    sides = ["left", "right"]

    def said(trial):
        """For z in 9 of the 10 trials that count, and for a in practice."""
        return sides[userstudies.truth(study, trial).index("a" if trial < 3 else "z")]

    found = scores.score(study, collected(study, userstudies.document(study, said=said)))["all"]
    assert (found["first"]["count"], found["first"]["of"]) == (9, 10)
    assert found["p"] == pytest.approx(2 * (10 + 1) / 2**10)  # 9 or 10 of 10, and as far below
    left = sum(said(trial) == "left" for trial in range(2, 12))
    assert (found["left"]["count"], found["left"]["of"]) == (left, 10)


def test_the_table_stands_beside_the_published_one(tmp_path):
    study = userstudies.rated(tmp_path / "s", count=12, practice=4)
    real, generated = counted(study, "real"), counted(study, "generated")
    said = wrong_in(study, [real[0], *generated])
    result = scores.score(study, collected(study, userstudies.document(study, 10**31, said=said)))
    head, everyone, person, empty, title, *published = scores.table(result).splitlines()
    assert head.split() == ["R2G", "%", "G2R", "%", "mean", "%"]
    r2g, g2r = 100 / len(real), 100.0
    assert everyone.startswith("all ") and f" {r2g:.1f} [" in everyone and " 100.0 [" in everyone
    assert (
        everyone.endswith(f" {(r2g + g2r) / 2:.1f}") and person.split()[1:] == everyone.split()[1:]
    )
    assert (empty, title) == ("", "published (Ma et al. 2017, Table 2):")
    assert [line.split()[-3:] for line in published] == [
        ["7.8", "9.3", "-"],
        ["9.2", "14.9", "-"],
        ["17.1", "11.1", "-"],
        ["11.2", "5.5", "-"],
    ]
    study = userstudies.preferred(tmp_path / "p", count=12, practice=2)
    result = scores.score(study, collected(study, userstudies.document(study)))
    head, everyone, person = scores.table(result).splitlines()
    assert "z rather than a %" in head and "100.0 [" in everyone  # all are "left"
    json.dumps(result)


def test_published_numbers_are_the_papers():
    shared = places.ROOT.parent / "shared" / "published.json"
    if not shared.exists():
        pytest.skip("needs ../shared")
    rows = json.loads(shared.read_text())["ma2017_table2"]["rows"]
    names = {"deepfashion": "DeepFashion", "market1501": "Market-1501"}
    rules = {"g1_d": "G1+D", "g1_g2_d": "G1+G2+D"}
    assert {
        f"{names[dataset]}, {rules[row]}": (found["r2g"], found["g2r"])
        for row, of in rows.items()
        for dataset, found in of.items()
    } == scores.PUBLISHED
