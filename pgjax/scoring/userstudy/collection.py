"""The answers that reached a study: kept in SQLite, or read from the files that participants saved.

An answer is acknowledged when SQLite has committed it with its log synchronised (WAL, synchronous=FULL). So
it survives the end of the process, and of the machine as far as its disk keeps what it says it kept.
"""

import collections
import contextlib
import os
import sqlite3
import sys
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.scoring.userstudy import answers
from pgjax.scoring.userstudy.answers import AGAIN, Answers, Refused
from pgjax.scoring.userstudy.studies import Study

FILE = "answers.sqlite"
WAIT = 30.0  # seconds for another process that writes
_TABLES = (
    "CREATE TABLE IF NOT EXISTS study (digest TEXT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS persons (person TEXT PRIMARY KEY, answers TEXT NOT NULL,"
    " received REAL NOT NULL, again INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS refused (kind TEXT NOT NULL, told TEXT NOT NULL, received REAL NOT NULL)",
)


class Collected(NamedTuple):
    """What has reached a study.

    persons: by their number, the longest answers of each. again: how often answers came that were there.
    refused: how often answers were refused, by a key of answers.REFUSALS.
    """

    persons: dict[str, Answers]
    again: int
    refused: dict[str, int]

    def complete(self, study: Study) -> dict[str, Answers]:
        """Those who have answered all trials."""
        return {p: a for p, a in self.persons.items() if len(a.answers) == len(study.trials)}

    def told(self, study: Study) -> str:
        """All counts in a line."""
        complete = len(self.complete(study))
        line = (
            f"{complete} complete, {len(self.persons) - complete} partial, {self.again} sent again, "
            f"{sum(self.refused.values())} refused"
        )
        kinds = [f"{answers.REFUSALS[kind]}: {count}" for kind, count in self.refused.items()]
        return f"{line} ({'; '.join(kinds)})" if kinds else line


class Store:
    """The SQLite file of a study's answers. Several processes and threads may use one file."""

    def __init__(self, study: Study, path: str | os.PathLike | None = None):
        """Opens or begins it.

        Args:
          path: STUDY/answers.sqlite unless given.

        Raises:
          InputError: the file is no SQLite file, is of another study, or lies where SQLite keeps no log.
        """
        self.path = study.folder / FILE if path is None else paths.local(path)
        self._study = study
        try:
            with self._connection() as connection:
                (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
                if mode != "wal":
                    raise InputError(
                        f"{self.path}: no log can be kept there; use a disk of this machine"
                    )
                with _transaction(connection):
                    for table in _TABLES:
                        connection.execute(table)
                    digest = study.plan["digest"]
                    connection.execute("INSERT OR IGNORE INTO study VALUES (?)", (digest,))
                    if connection.execute("SELECT count(*) FROM study").fetchone() != (1,):
                        raise InputError(f"{self.path}: holds the answers to another study")
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path}: {error}") from error

    def add(self, text: bytes) -> tuple[str, Answers]:
        """Keeps what a participant sent; it is on the disk when this returns.

        Returns:
          answers.NEW, LONGER or AGAIN; and the answers that are kept of that person.

        Raises:
          Refused: what was sent is at fault; that is counted.
          sqlite3.Error: it could not be kept.
        """
        now, refusal = time.time(), None
        with self._connection() as connection, _transaction(connection):
            try:
                sent = answers.check(text, self._study)
                before = self._before(connection, sent.person)
                state = answers.compared(before, sent)
            except Refused as refused:
                refusal = refused
                told = (refused.kind, str(refused), now)
                connection.execute("INSERT INTO refused VALUES (?, ?, ?)", told)
            else:
                if state == AGAIN:
                    query = "UPDATE persons SET again = again + 1 WHERE person = ?"
                    connection.execute(query, (sent.person,))
                else:
                    connection.execute(
                        "INSERT INTO persons (person, answers, received) VALUES (?, ?, ?) ON CONFLICT"
                        " (person) DO UPDATE SET answers = excluded.answers, received = excluded.received",
                        (sent.person, sent.json(), now),
                    )
        if refusal is not None:
            raise refusal
        return state, (before if before is not None and state == AGAIN else sent)

    def read(self) -> Collected:
        """What is kept.

        Raises:
          InputError: the file is damaged.
        """
        try:
            return self._read()
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise InputError(f"{self.path}: damaged ({error})") from error

    def _read(self) -> Collected:
        with self._connection() as connection:
            rows = connection.execute(
                "SELECT person, answers, again FROM persons ORDER BY received"
            )
            persons, again = {}, 0
            for person, text, count in rows.fetchall():
                persons[person] = answers.of_json(person, text)
                again += count
            refused = connection.execute("SELECT kind, count(*) FROM refused GROUP BY kind")
            return Collected(persons, again, dict(refused.fetchall()))

    def _before(self, connection: sqlite3.Connection, person: str) -> Answers | None:
        query = "SELECT answers FROM persons WHERE person = ?"
        row = connection.execute(query, (person,)).fetchone()
        return None if row is None else answers.of_json(person, row[0])

    @contextlib.contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA synchronous=FULL")
            yield connection


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def with_files(
    collected: Collected, study: Study, places: Iterable[str | os.PathLike]
) -> Collected:
    """What was collected, and what participants saved as files; those that are refused are told.

    Args:
      places: files, or folders of *.json.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: a folder holds no *.json.
    """
    persons, again = dict(collected.persons), collected.again
    refused = collections.Counter(collected.refused)
    for path in _files(places):
        try:
            sent = answers.check(path.read_bytes(), study)
            state = answers.compared(persons.get(sent.person), sent)
        except Refused as error:
            refused[error.kind] += 1
            print(f"{path}: not counted: {error}", file=sys.stderr)
            continue
        if state == AGAIN:
            again += 1
        else:
            persons[sent.person] = sent
    return Collected(persons, again, dict(refused))


def _files(places: Iterable[str | os.PathLike]) -> list[Path]:
    found = []
    for place in map(paths.local, places):
        if not place.is_dir():
            found.append(place)
            continue
        inside = folders.files(place).found
        saved = [path for name, path in inside.items() if name.lower().endswith(".json")]
        if not saved:
            raise InputError(f"{place}: no *.json in it, as the page of a study saves answers")
        if others := len(inside) - len(saved):
            print(f"{place}: {others} files left out, which are no *.json", file=sys.stderr)
        found += saved
    return found
