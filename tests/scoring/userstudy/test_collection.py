"""Answers are kept once, told apart, and counted; in SQLite and in files."""

import concurrent.futures
import json
import sqlite3

import pytest

import userstudies
from pgjax.errors import InputError
from pgjax.scoring.userstudy.answers import Refused
from pgjax.scoring.userstudy.collection import Collected, Store, with_files


@pytest.fixture
def study(tmp_path):
    return userstudies.rated(tmp_path / "s")


def _otherwise(study):
    """Answers that are the opposite of the truth."""
    return lambda trial: {"real": "generated", "generated": "real"}[
        userstudies.truth(study, trial)[0]
    ]


def test_double_longer_changed_and_tampered_answers_are_told_apart(study):
    store = Store(study)
    states = [
        store.add(userstudies.sent(study, person, count))[0]
        for person, count in ((1, None), (2, 5), (1, None), (2, 7), (2, 5), (3, 1))
    ]
    assert states == ["new", "new", "again", "longer", "again", "new"]
    assert len(store.add(userstudies.sent(study, 2, 3))[1].answers) == 7  # what is kept
    tampered = userstudies.document(study, 4) | {"study": "f" * 64}
    for text in (
        userstudies.sent(study, 1, None, _otherwise(study)),
        json.dumps(tampered).encode(),
        b"?",
    ):
        with pytest.raises(Refused):
            store.add(text)
    found = Store(study).read()
    assert [len(each.answers) for each in found.persons.values()] == [12, 7, 1]
    assert found.again == 3 and found.refused == {"changed": 1, "study": 1, "form": 1}
    assert list(found.complete(study)) == [f"{1:032x}"]
    assert found.told(study) == (
        "1 complete, 2 partial, 3 sent again, 3 refused (other answers than the same person sent before: 1; "
        "not what the page sends: 1; of another study: 1)"
    )
    (answer, *_) = found.persons[f"{1:032x}"].answers
    assert answer.answer == userstudies.truth(study, 0)[0]  # not the changed one


def test_many_at_once(study):
    """Every person from two threads, through stores of their own."""
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        states = list(
            threads.map(lambda n: Store(study).add(userstudies.sent(study, n % 20))[0], range(40))
        )
    assert sorted(states) == ["again"] * 20 + ["new"] * 20
    found = Store(study).read()
    assert (len(found.complete(study)), found.again) == (20, 20)


def test_the_log_is_synchronised(study):
    store = Store(study)
    with store._connection() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_fault_while_answers_are_kept_keeps_nothing(study):
    store = Store(study)
    with store._connection() as connection:
        connection.execute(
            "CREATE TRIGGER full AFTER INSERT ON persons BEGIN SELECT RAISE(FAIL, 'disk full'); END"
        )
    with pytest.raises(sqlite3.Error, match="disk full"):
        store.add(userstudies.sent(study))
    assert store.read() == Collected({}, 0, {})


def test_files_that_are_no_store_of_this_study_are_refused(study, tmp_path):
    other = userstudies.rated(tmp_path / "t", seed=2)
    Store(other)
    with pytest.raises(InputError, match="holds the answers to another study"):
        Store(study, other.folder / "answers.sqlite")
    (tmp_path / "text").write_text("no database, but long enough to be looked at\n" * 100)
    with pytest.raises(InputError, match="text: file is not a database"):
        Store(study, tmp_path / "text")
    store = Store(study)
    with sqlite3.connect(store.path) as connection:
        connection.execute("INSERT INTO persons VALUES ('x', '{', 0, 0)")
    connection.close()
    with pytest.raises(InputError, match=r"answers.sqlite: damaged \(Expecting property name"):
        store.read()


def test_saved_files_are_added_to_what_was_sent(study, tmp_path, capsys):
    store, folder = Store(study), tmp_path / "saved"
    folder.mkdir()
    store.add(userstudies.sent(study, 1, 5))
    files = {
        "a.json": userstudies.sent(study, 1),
        "b.json": userstudies.sent(study, 2),
        "c.json": userstudies.sent(study, 2),
        "d.json": userstudies.sent(study, 2, None, _otherwise(study)),
        "e.JSON": b"{}",
        "notes.txt": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = with_files(store.read(), study, [folder])
    assert sorted(found.complete(study)) == [f"{1:032x}", f"{2:032x}"]
    assert (found.again, found.refused) == (1, {"changed": 1, "study": 1})
    told = capsys.readouterr().err
    assert f"{folder / 'd.json'}: not counted: other answers than the same person" in told
    assert f"{folder / 'e.JSON'}: not counted: of another study" in told
    assert "1 files left out" in told
    assert len(store.read().persons) == 1  # files do not get into the store
    one = with_files(Collected({}, 0, {}), study, [folder / "b.json"])
    assert list(one.persons) == [f"{2:032x}"]
    with pytest.raises(FileNotFoundError):
        with_files(one, study, [folder / "none.json"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \*\.json in it"):
        with_files(one, study, [tmp_path / "empty"])
