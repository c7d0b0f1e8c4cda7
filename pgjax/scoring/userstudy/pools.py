"""Where the pictures of a study come from: any folders, or a data set and what systems drew for its pairs."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pgjax.errors import InputError
from pgjax.files import folders, paths
from pgjax.images.photo import read_photo

LOSSY = (".jpg", ".jpeg", ".webp")
MEMORY = 4 * 2**30  # bytes that a split's photos may take


class Pictures(NamedTuple):
    """Some pictures, uint8 (H, W, 3), and how many of them are of file formats that change pixels."""

    images: list[np.ndarray]
    lossy: int


class Pool(NamedTuple):
    """Pictures to draw from: what they are called in messages and scores, the names of all, and a reader."""

    title: str
    names: Sequence[str]
    read: Callable[[Sequence[str]], Pictures]


def of_folder(folder: str | os.PathLike, title: str) -> Pool:
    """The pictures of a folder and of those in it, by their names below it, without extensions.

    Raises:
      FileNotFoundError: no such folder.
      InputError: there is no picture, or two differ only in their extension.
    """
    listing = folders.photos(folder)
    folders.tell(folder, listing)
    found: dict[str, Path] = {}
    for name, path in folders.some(folder, listing, "picture").items():
        stem = os.path.splitext(name)[0]
        if stem in found:
            raise InputError(
                f"{folder}: {found[stem].name} and {path.name} differ only in their extension; keep one"
            )
        found[stem] = path

    def read(names: Sequence[str]) -> Pictures:
        chosen = [found[name] for name in names]
        return Pictures([read_photo(path) for path in chosen], _lossy(chosen))

    return Pool(title, list(found), read)


def of_dataset(
    dataset: str,
    data_dir: str,
    generated: Mapping[str, str | os.PathLike],
    pairs_file: str | None = None,
    naming: str | None = None,
) -> tuple[Pool, list[Pool]]:
    """The targets of a data set's test pairs, and for every system what it drew for these pairs.

    Args:
      dataset: a built data set.
      data_dir: where it is.
      generated: by title, folders of pictures (pgjax.images.generated_folders).
      pairs_file: CSV `from,to`; the data set's own test pairs unless given.
      naming: whose pictures the folders hold (result_names.NAMINGS); told by the pictures unless given.

    Raises:
      FileNotFoundError: no such data set.
      InputError: faults of the list of pairs. Faults of a folder are told when its pictures are read.
    """
    # They import JAX, which takes its time and is not needed for folders.
    from pgjax.data import store as stores
    from pgjax.scoring.picture_judging import pictures
    from pgjax.scoring.run_evaluation import choose_pairs

    test = stores.load_split(dataset, "test", data_dir, MEMORY)
    listed, _ = choose_pairs(dataset, test, data_dir, pairs_file, None)
    pairs = {f"{test.names[a]} to {test.names[b]}": (a, b) for a, b in listed.tolist()}
    targets = {test.names[b]: b for _, b in pairs.values()}

    def photos(names: Sequence[str]) -> Pictures:
        return Pictures([np.asarray(test.store.images[targets[name]]) for name in names], 0)

    def drawn(title: str, folder: str | os.PathLike) -> Pool:
        def read(names: Sequence[str]) -> Pictures:
            asked = np.array([pairs[name] for name in names])
            outputs = pictures(folder, dataset, test, asked, listed, None, True, naming)
            panels = outputs.read(0, len(outputs))
            return Pictures([each.generated for each in panels], _lossy(outputs.paths))

        return Pool(title, list(pairs), read)

    real = Pool("real", list(targets), photos)
    return real, [drawn(title, folder) for title, folder in generated.items()]


def of_both(first: Pool, second: Pool) -> list[str]:
    """The names that both have, in order; how many others there are is told.

    Raises:
      InputError: there is none.
    """
    theirs = set(second.names)
    shared = [name for name in first.names if name in theirs]
    for pool in (first, second):
        if others := len(pool.names) - len(shared):
            print(
                f"{pool.title}: {others} left out: the other system has no picture of that name",
                file=sys.stderr,
            )
    if not shared:
        raise InputError(
            f"{first.title} and {second.title}: no picture of one has the name of one of the other, such as "
            f"{first.names[0]} and {second.names[0]}"
        )
    return shared


def read_folder(text: str) -> tuple[str, Path]:
    """The title and the folder of TITLE=FOLDER, or of a FOLDER, which is then the title."""
    title, equals, rest = text.partition("=")
    if equals and title and not paths.local(text).exists():
        return title, paths.local(rest)
    return text, paths.local(text)


def _lossy(files: Sequence[Path]) -> int:
    return sum(path.suffix.lower() in LOSSY for path in files)
