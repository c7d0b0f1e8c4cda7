"""What a participant sends: which of it can be an answer to the study, and what was sent before.

The page sends, or saves as a file, one JSON object:

    {"study": DIGEST, "person": 32 random hexadecimal digits, "began": MS, "sent": MS, "answers": [...]}

with the answers so far, in the order of the trials:

    {"pictures": [TOKEN], "answer": "real", "shown": MS, "taken": MS, "views": 1}

shown: how long the pictures stood. taken: from their appearance to the answer. views: how often they were
shown, more than once where the page was closed before the answer. began and sent: since 1970.

Nothing stops a person from inventing answers that are possible. What is not possible is refused.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pgjax.errors import InputError
from pgjax.scoring.userstudy.studies import Study

COARSE = 200  # ms: browsers that guard against fingerprinting round times to 100 ms
CLOCK = 60_000  # ms by which a computer's clock may be set while somebody takes part
FORM, ANOTHER, PICTURES, TIMES, CHANGED = "form", "study", "pictures", "times", "changed"
REFUSALS = {
    FORM: "not what the page sends",
    ANOTHER: "of another study",
    PICTURES: "pictures that the study does not show there",
    TIMES: "impossible times",
    CHANGED: "other answers than the same person sent before",
}
NEW, LONGER, AGAIN = "new", "longer", "again"
_PERSON = re.compile(r"[0-9a-f]{32}")


class Refused(InputError):
    """Answers that cannot be what the page recorded; `kind` is a key of REFUSALS."""

    def __init__(self, kind: str, told: str):
        super().__init__(f"{REFUSALS[kind]}: {told}")
        self.kind = kind


class Answer(NamedTuple):
    """One of a trial: what was chosen; times in milliseconds."""

    pictures: tuple[str, ...]
    answer: str
    shown: int
    taken: int
    views: int


class Answers(NamedTuple):
    """Those of a person, in the order of the trials; fewer than these where they are partial."""

    person: str
    answers: tuple[Answer, ...]

    def json(self) -> str:
        """The answers alone, as `of_json` reads them."""
        return json.dumps([answer._asdict() for answer in self.answers])


def of_json(person: str, text: str) -> Answers:
    """What `Answers.json` wrote."""
    read = [Answer(**fields) for fields in json.loads(text)]
    return Answers(
        person, tuple(answer._replace(pictures=tuple(answer.pictures)) for answer in read)
    )


def longest(study: Study) -> int:
    """Bytes that the answers to a study take at most."""
    return 4096 + 1024 * len(study.trials)


def check(text: bytes | str, study: Study) -> Answers:
    """The answers that a participant sent.

    Raises:
      Refused: they cannot be what the page recorded.
    """
    if len(text) > longest(study):
        raise Refused(FORM, f"{len(text)} bytes; expected at most {longest(study)}")
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(FORM, f"not JSON ({' '.join(str(error).split())})") from None
    if not isinstance(sent, dict):
        raise Refused(FORM, "not an object")
    if sent.get("study") != study.plan["digest"]:
        raise Refused(ANOTHER, f"digest {str(sent.get('study'))[:64]!r}")
    person, answers = sent.get("person"), sent.get("answers")
    if not isinstance(person, str) or not _PERSON.fullmatch(person):
        raise Refused(FORM, f"person {str(person)[:64]!r}")
    if not isinstance(answers, list) or not answers:
        raise Refused(FORM, "no answers")
    if len(answers) > len(study.trials):
        raise Refused(PICTURES, f"{len(answers)} answers to {len(study.trials)} trials")
    found = tuple(_answer(answer, number, study) for number, answer in enumerate(answers))
    began, ended = (_whole(sent, name, "the whole") for name in ("began", "sent"))
    took = sum(answer.taken for answer in found)
    if took > ended - began + CLOCK:
        raise Refused(TIMES, f"the answers took {took} ms, all took {ended - began} ms")
    return Answers(person, found)


def _answer(given: Any, number: int, study: Study) -> Answer:
    what = f"answer {number + 1}"
    if not isinstance(given, dict):
        raise Refused(FORM, f"{what} is not an object")
    expected = study.trials[number]
    if given.get("pictures") != expected:
        raise Refused(PICTURES, f"{what} names {given.get('pictures')!r:.80}, not {expected}")
    if given.get("answer") not in study.plan["choices"]:
        raise Refused(FORM, f"{what} is {str(given.get('answer'))[:64]!r}")
    shown, taken, views = (_whole(given, name, what) for name in ("shown", "taken", "views"))
    if not views:
        raise Refused(TIMES, f"{what} to pictures that were never shown")
    if shown > taken:
        raise Refused(TIMES, f"{what} after {taken} ms, before its {shown} ms were over")
    if shown < 1000 * study.plan["seconds"] - COARSE:
        raise Refused(TIMES, f"{what} to pictures shown for {shown} ms")
    return Answer(tuple(expected), given["answer"], shown, taken, views)


def _whole(given: Mapping[str, Any], name: str, what: str) -> int:
    value = given.get(name)
    if type(value) is not int:
        raise Refused(FORM, f"{name} of {what} is {str(value)[:64]!r}")
    if not 0 <= value < 2**53:
        raise Refused(TIMES, f"{name} of {what} is {value}")
    return value


def compared(before: Answers | None, sent: Answers) -> str:
    """What answers are beside those that the same person sent before: NEW, LONGER or AGAIN.

    Raises:
      Refused: they contradict each other.
    """
    if before is None:
        return NEW
    shared = min(len(before.answers), len(sent.answers))
    for number, pair in enumerate(zip(before.answers, sent.answers, strict=False)):
        if pair[0] != pair[1]:
            raise Refused(CHANGED, f"answer {number + 1} of {sent.person}")
    return LONGER if len(sent.answers) > shared else AGAIN
