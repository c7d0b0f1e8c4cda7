"""What cannot be an answer to a study is refused, by kind; and what is sent twice is known."""

import json

import pytest

import userstudies
from pgjax.scoring.userstudy import answers
from pgjax.scoring.userstudy.answers import Refused


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return userstudies.rated(tmp_path_factory.mktemp("study") / "s")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return userstudies.preferred(tmp_path_factory.mktemp("study") / "p")


def check(study, document):
    return answers.check(json.dumps(document), study)


def test_the_page_s_own_answers_are_taken(study, pairs):
    for of in (study, pairs):
        found = check(of, userstudies.document(of, person=5))
        assert found.person == f"{5:032x}" and len(found.answers) == len(of.trials)
        assert answers.of_json(found.person, found.json()) == found


def _changed(document, number, **fields):
    document["answers"][number] |= fields
    return document


def _swapped(document):
    document["answers"][2:4] = document["answers"][3:1:-1]
    return document


def _without(document, name):
    del document["answers"][1][name]
    return document


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (lambda d: [d], "form", "not an object"),
        (lambda d: d | {"study": "0" * 64}, "study", "digest '000"),
        (lambda d: d | {"person": "Anna"}, "form", "person 'Anna'"),
        (lambda d: d | {"answers": []}, "form", "no answers"),
        (
            lambda d: d | {"answers": d["answers"] + d["answers"][:1]},
            "pictures",
            "13 answers to 12",
        ),
        (lambda d: _changed(d, 3, pictures=["0123456789abcdef"]), "pictures", "answer 4 names"),
        (lambda d: _changed(d, 3, pictures="\ud800"), "pictures", r"answer 4 names '\ud800'"),
        (_swapped, "pictures", "answer 3 names"),
        (lambda d: _changed(d, 0, answer="left"), "form", "answer 1 is 'left'"),
        (lambda d: _changed(d, 0, answer=["real"]), "form", "answer 1 is "),
        (lambda d: _without(d, "shown"), "form", "shown of answer 2 is 'None'"),
        (lambda d: _changed(d, 1, taken="1500"), "form", "taken of answer 2 is '1500'"),
        (lambda d: _changed(d, 1, taken=float("nan")), "form", "taken of answer 2 is 'nan'"),
        (lambda d: _changed(d, 1, taken=True), "form", "taken of answer 2 is 'True'"),
        (lambda d: _changed(d, 1, taken=-1), "times", "taken of answer 2 is -1"),
        (lambda d: _changed(d, 1, taken=2**53), "times", "taken of answer 2 is 9007"),
        (
            lambda d: _changed(d, 1, taken=900),
            "times",
            "after 900 ms, before its 1003 ms were over",
        ),
        (lambda d: _changed(d, 1, shown=700), "times", "answer 2 to pictures shown for 700 ms"),
        (lambda d: _changed(d, 1, views=0), "times", "never shown"),
        (
            lambda d: d | {"sent": d["began"] - 60_000},
            "times",
            "the answers took 18066 ms, all took -60000",
        ),
        (lambda d: d | {"sent": None}, "form", "sent of the whole is 'None'"),
    ],
)
def test_what_the_page_cannot_have_sent_is_refused(change, kind, told, study):
    with pytest.raises(Refused) as refused:
        check(study, change(userstudies.document(study)))
    assert refused.value.kind == kind
    assert told in str(refused.value) and str(refused.value).startswith(answers.REFUSALS[kind])


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", b"[" * 10_000, b"1" * 5000])
def test_other_bytes_are_refused(text, study):
    with pytest.raises(Refused) as refused:
        answers.check(text, study)
    assert refused.value.kind == "form"


def test_the_limit_of_bytes_is_far_above_what_the_page_sends(study):
    document = userstudies.document(study)
    for answer in document["answers"]:
        answer |= {"shown": 2**53 - 1, "taken": 2**53 - 1, "views": 2**53 - 1}
    assert 4 * len(json.dumps(document)) < answers.longest(study)
    with pytest.raises(Refused, match="expected at most"):
        answers.check(b" " * answers.longest(study) + b"{}", study)


def test_pictures_that_stay_until_the_answer_have_no_shortest_time(pairs):
    document = _changed(userstudies.document(pairs), 0, shown=40, taken=40)
    assert check(pairs, document).answers[0].taken == 40


def test_a_person_s_answers_grow_and_never_change(study):
    def given(count, said=None):
        return check(study, userstudies.document(study, 1, count, said))

    def otherwise(trial):
        (what,) = userstudies.truth(study, trial)
        return {"real": "generated", "generated": "real"}[what] if trial == 2 else what

    assert answers.compared(None, given(3)) == answers.NEW
    assert answers.compared(given(3), given(5)) == answers.LONGER
    assert answers.compared(given(5), given(5)) == answers.AGAIN
    assert answers.compared(given(5), given(3)) == answers.AGAIN  # a file saved before
    assert answers.compared(given(2), given(5, otherwise)) == answers.LONGER
    with pytest.raises(Refused, match="answer 3 of 0") as refused:
        answers.compared(given(5), given(6, otherwise))
    assert refused.value.kind == "changed"
