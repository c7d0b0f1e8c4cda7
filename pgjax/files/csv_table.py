"""Text files with a header and one record in each line, as people and pandas write them.

These variants are read too: an index in the first column, with or without a header; columns in another
order; fields in quotes; blank lines; ":", ",", ";" or a tab between fields; CRLF; the encodings of
pgjax.files.text_files.
"""

import csv
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from pgjax.errors import InputError
from pgjax.files import paths, text_files

SEPARATORS = (":", ",", ";", "\t")
LONGEST = 1000  # characters of a header
_INDEX = re.compile(r"(index|level_0|unnamed: [0-9.]+)?")


def read(
    path: str | os.PathLike,
    header: str,
    separator: str,
    columns: Mapping[str, Collection[str]],
    optional: Collection[str] = (),
    hint: str = "",
) -> list[tuple[int, list[str]]]:
    """The records: the number of its (first) line, and its fields in the order of `columns`, stripped.

    Args:
      header: the first line as it is published, for messages; with `separator` between its fields.
      columns: by name, each with its other names; in lower case.
      optional: the columns whose fields may be empty.
      hint: what to do where the header is another one, for its message.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: another header, a line of another number of fields, an empty field; names file and line.
    """
    path = paths.local(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a text file headed {header!r}")
    try:
        lines = text_files.read(path).splitlines()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise InputError(f"{path}, line 1: expected the header {header!r}, found an empty file")
    told = _header(lines[first], separator, columns)
    if told is None:
        raise InputError(
            f"{path}, line {first + 1}: expected the header {header!r}, found "
            f"{lines[first][:80]!r}{hint}"
        )
    used, width, places = told
    records = []
    for number, row in _rows(lines[first + 1 :], used, path, first + 2):
        if len(row) == width + 1 and row[0].isdecimal():
            row = row[1:]  # an index without a header
        line = used.join(row)[:80]
        if len(row) != width:
            raise InputError(
                f"{path}, line {number}: expected {width} fields as in {header!r}, found "
                f"{len(row)}: {line!r}"
            )
        fields = [row[place] for place in places]
        if any(not f and name not in optional for f, name in zip(fields, columns, strict=True)):
            raise InputError(f"{path}, line {number}: empty field in {line!r}")
        records.append((number, fields))
    if not records:
        raise InputError(f"{path}: no line follows the header")
    return records


def headed(start: bytes, separator: str, columns: Mapping[str, Collection[str]]) -> bool:
    """Whether a file that starts so has the columns' header."""
    lines = text_files.decoded(start, errors="replace").splitlines()
    first = next((line for line in lines if line.strip()), "")
    return _header(first, separator, columns) is not None


def _header(
    line: str, separator: str, columns: Mapping[str, Collection[str]]
) -> tuple[str, int, list[int]] | None:
    """What stands between a header's fields, how many there are and where each column is."""
    for used in (separator, *(s for s in SEPARATORS if s != separator)):
        row = next(csv.reader([line[:LONGEST]], delimiter=used), [])
        cells = [cell.strip().lower() for cell in row]
        places = _places(cells, columns)
        if places is not None:
            return used, len(cells), places
    return None


def _places(cells: Sequence[str], columns: Mapping[str, Collection[str]]) -> list[int] | None:
    """Where each column is; None where one is missing or twice, or there are others than an index."""
    places = []
    for name, others in columns.items():
        found = [place for place, cell in enumerate(cells) if cell == name]
        found = found or [place for place, cell in enumerate(cells) if cell in others]
        if len(found) != 1:
            return None
        places += found
    rest = [cell for place, cell in enumerate(cells) if place not in places]
    return places if all(_INDEX.fullmatch(cell) for cell in rest) else None


def _rows(
    lines: Sequence[str], separator: str, path: str | os.PathLike, start: int
) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, stripped, each with the number of its first line."""
    reader = csv.reader([f"{line}\n" for line in lines], delimiter=separator, skipinitialspace=True)
    number = start
    try:
        for row in reader:
            row = [field.strip() for field in row]
            if any(row):
                yield number, row
            number = start + reader.line_num
    except csv.Error as error:
        raise InputError(f"{path}, line {number}: {error}") from None
