"""The scores of a study, with Wilson's intervals.

Ma et al. 2017, Table 2: R2G is the share of real pictures that were rated generated, G2R that of generated
pictures that were rated real; the pictures for practice do not count. `mean` is the mean of the two.

A preference is the share of answers for the first system, with a two-sided binomial test of one half.

Intervals and test take answers for independent. Those of one person, or to one picture, are so only in part.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pgjax.scoring.userstudy.answers import Answer, Answers
from pgjax.scoring.userstudy.collection import Collected
from pgjax.scoring.userstudy.drawing import GENERATED, REAL
from pgjax.scoring.userstudy.studies import REAL_OR_GENERATED, Study

CONFIDENCE = 0.95
PAPER = "Ma et al. 2017, Table 2"
# Percent: R2G and G2R.
PUBLISHED: Mapping[str, tuple[float, float]] = {
    "DeepFashion, G1+D": (7.8, 9.3),
    "DeepFashion, G1+G2+D": (9.2, 14.9),
    "Market-1501, G1+D": (17.1, 11.1),
    "Market-1501, G1+G2+D": (11.2, 5.5),
}


class Share(NamedTuple):
    """`count` of `of`, and its interval of Wilson at CONFIDENCE; shares from 0 to 1."""

    count: int
    of: int
    share: float
    low: float
    high: float


def share(count: int, of: int) -> Share:
    """The share of a count, with Wilson's interval (without correction of continuity)."""
    from scipy.stats import binomtest

    interval = binomtest(count, of).proportion_ci(CONFIDENCE, method="wilson")
    return Share(count, of, count / of, float(interval.low), float(interval.high))


def score(study: Study, collected: Collected, partial: bool = False) -> dict[str, Any]:
    """The scores of all persons and of each, as JSON knows them.

    Args:
      partial: also those of persons who have not answered all trials, as far as there are answers.

    Returns:
      "all" and "persons", whose entries are as the kind of study asks, and None where too little that
      counts was answered; and what was collected.
    """
    persons = collected.persons if partial else collected.complete(study)
    of_kind = _rated if study.kind == REAL_OR_GENERATED else _preferred
    counted = {person: _counted(each, study) for person, each in persons.items()}
    everyone = [answer for each in counted.values() for answer in each]
    complete = len(collected.complete(study))
    return {
        "study": study.plan["digest"],
        "kind": study.kind,
        "systems": list(study.systems),
        "practice": study.practice,
        "trials": len(study.trials),
        "complete": complete,
        "partial": len(collected.persons) - complete,
        "partial_counted": partial,
        "again": collected.again,
        "refused": collected.refused,
        "seen_again": sum(answer.views > 1 for answer in everyone),
        "confidence": CONFIDENCE,
        "all": of_kind(everyone, study),
        "persons": {person: of_kind(each, study) for person, each in counted.items()},
        "published": {
            name: {"r2g": r2g / 100, "g2r": g2r / 100} for name, (r2g, g2r) in PUBLISHED.items()
        }
        if study.kind == REAL_OR_GENERATED
        else {},
    }


def _counted(answers: Answers, study: Study) -> list[Answer]:
    return list(answers.answers[study.practice :])


def _rated(answers: Iterable[Answer], study: Study) -> dict[str, Any] | None:
    """R2G, G2R and their mean; None while there are no answers to one kind of pictures."""
    shown = [(study.key[answer.pictures[0]].what, answer.answer) for answer in answers]
    real = [said for what, said in shown if what == REAL]
    generated = [said for what, said in shown if what == GENERATED]
    if not real or not generated:
        return None
    r2g = share(real.count(GENERATED), len(real))
    g2r = share(generated.count(REAL), len(generated))
    return {"r2g": r2g._asdict(), "g2r": g2r._asdict(), "mean": (r2g.share + g2r.share) / 2}


def _preferred(answers: Sequence[Answer], study: Study) -> dict[str, Any] | None:
    """The share of answers for the first system, the test of one half, and the share of answers "left"."""
    from scipy.stats import binomtest

    if not answers:
        return None
    left, _ = study.plan["choices"]
    on_left = [answer.answer == left for answer in answers]
    chosen = [
        study.key[answer.pictures[0 if said else 1]].what
        for answer, said in zip(answers, on_left, strict=True)
    ]
    first = share(chosen.count(next(iter(study.systems))), len(chosen))
    p = float(binomtest(first.count, first.of, 0.5, alternative="two-sided").pvalue)
    return {"first": first._asdict(), "p": p, "left": share(sum(on_left), len(on_left))._asdict()}


def table(result: Mapping[str, Any]) -> str:
    """The scores as a text; in percent, with the intervals in brackets."""
    people = [("all", result["all"])]
    people += [(person[:8], scores) for person, scores in result["persons"].items()]
    published: list[list[str]] = []
    if result["kind"] == REAL_OR_GENERATED:
        head = ["", "R2G %", "G2R %", "mean %"]
        rows = [
            [name, _percent(s["r2g"]), _percent(s["g2r"]), f"{100 * s['mean']:.1f}"]
            if s
            else [name, "-", "-", "-"]
            for name, s in people
        ]
        published = [
            [name, f"{100 * s['r2g']:.1f}", f"{100 * s['g2r']:.1f}", "-"]
            for name, s in result["published"].items()
        ]
    else:
        first, second = result["systems"]
        head = ["", f"{first} rather than {second} %", "p", "left %"]
        rows = [
            [name, _percent(s["first"]), f"{s['p']:.3g}", _percent(s["left"])]
            if s
            else [name, "-", "-", "-"]
            for name, s in people
        ]
    lines = [head, *rows, *published]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    if published:
        texts[-len(published) : -len(published)] = ["", f"published ({PAPER}):"]
    return "\n".join(texts)


def _percent(found: Mapping[str, Any]) -> str:
    low, value, high = (100 * found[name] for name in ("low", "share", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
