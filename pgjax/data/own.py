"""What a folder of own photos means: the person and the split of each photo, and the pairs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax.data import lists
from pgjax.data.layout import Layout, Told, has_splits, understand
from pgjax.data.lists import Line, Pair
from pgjax.errors import InputError
from pgjax.files import folders, paths

ORDER = ("train", "val", "test")


class Meant(NamedTuple):
    """by: what told the splits. layout: of the photos. pairs: own ones, by split. lists: the files that
    were used, by option."""

    by: str
    layout: Layout
    pairs: Mapping[str, Mapping[Pair, Line]]
    lists: Mapping[str, Path]

    @property
    def dealt(self) -> bool:
        return self.layout.photos[0].split is None


def read(
    raw: Path,
    photos: Sequence[str],
    unreadable: Sequence[str],
    given: Mapping[str, str],
    splits: str | None,
    persons: str | None,
    apart: Sequence[Path] = (),
) -> Meant:
    """Looks through a folder.

    Args:
      photos: in it, by their paths.
      unreadable: those that cannot be read, which lists may name.
      given: paths of lists by option, one of lists.OPTIONS.
      splits: as layout.understand takes it.
      persons: as layout.understand takes it.
      apart: files and folders in which no lists lie.

    Raises:
      FileNotFoundError: a list is not there.
      InputError: what is not as it should be, or can be read in two ways.
    """
    by_list = [option for option in given if option.endswith("_list")]
    if splits is not None and by_list:
        raise InputError(
            f"--splits={splits} and --{by_list[0]}: both define the splits; use only one"
        )
    if splits == "dealt" and given:
        raise InputError(f"--splits=dealt and --{min(given)}: own pairs need splits that stay")
    every = [*photos, *unreadable]
    by_folder = splits == "folders" or has_splits(photos)
    used, passed = _lists(raw, apart, given, splits, by_folder)
    listed = lists.read_splits(used, every)
    pairs = lists.read_pairs(used, every)
    if listed is None and pairs and not by_folder:
        people = understand(photos, "dealt", persons).photos
        listed = lists.splits_of_pairs(pairs, people)
    layout = understand(photos, splits, persons, listed)
    lists.check_pairs(pairs, layout, unreadable)
    by = "from folders"
    if layout.photos[0].split is None:
        by = "none, so people are divided at random"
    elif listed is not None:
        kind = "_list" if any(option.endswith("_list") for option in used) else "_pairs"
        by = f"from {' and '.join(str(p) for o, p in used.items() if o.endswith(kind))}"
    return Meant(by, layout._replace(passed=(*layout.passed, *passed)), pairs, used)


def _lists(
    raw: Path,
    apart: Sequence[Path],
    given: Mapping[str, str],
    splits: str | None,
    by_folder: bool,
) -> tuple[dict[str, Path], list[str]]:
    """The lists to read, and lines on those that are there and tell nothing."""
    used = {option: paths.local(path) for option, path in given.items()}
    for path in used.values():
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such list of photos")
    taken = [path.resolve() for path in used.values()]
    every = [
        path
        for path in folders.files(raw).found.values()
        if path.resolve() not in taken
        and not any(path == other or other in path.parents for other in apart if other != raw)
    ]
    splits_told = by_folder or any(option.endswith("_list") for option in used)
    passed = []
    for option, found in lists.found(every).items():
        first = f"{folders.few(list(map(str, found)))}: not used"
        if splits == "dealt":
            passed.append(f"{first}: people are divided at random")
        elif option in used:
            passed.append(f"{first}: --{option} names another file")
        elif option.endswith("_list") and splits_told:
            told = "folders" if by_folder else "other lists"
            passed.append(f"{first}: {told} define the splits; use --{option} to take this file")
        elif len(found) > 1:
            raise InputError(f"{found[0]} and {found[1]}: say with --{option} which is meant")
        else:
            used[option] = found[0]
    return used, passed


def people(photos: Sequence[str], unreadable: Sequence[str], persons: str | None) -> set[str]:
    """Whose photos there are, those that cannot be read among them."""
    try:
        told = understand([*photos, *unreadable], "dealt", persons).photos
    except InputError:  # what cannot be read may be called anything, and then tells nobody
        told = understand(photos, "dealt", persons).photos
    return {photo.person for photo in told}


def table(raw: Path, meant: Meant, shown: Sequence[Told]) -> list[str]:
    """What was understood, one line a split, and what was passed over.

    Args:
      shown: the photos that are used, with their splits.
    """
    rows: list[tuple[str, ...]] = [("split", "people", "photos", "person from", "example")]
    for split in dict.fromkeys(sorted((p.split for p in shown), key=ORDER.index)):
        some = [photo for photo in shown if photo.split == split]
        ways = Counter(photo.how for photo in some)
        how = (
            " and ".join(ways)
            if len(ways) < 2
            else ", ".join(f"{w} ({n})" for w, n in ways.items())
        )
        example = f"{some[0].path} is {some[0].person}"
        rows.append((str(split), str(len({p.person for p in some})), str(len(some)), how, example))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"{raw}: splits: {meant.by}"]
    for split, persons, photos, how, example in rows:
        cells = split.ljust(widths[0]), persons.rjust(widths[1]), photos.rjust(widths[2])
        lines.append("  " + "  ".join((*cells, how.ljust(widths[3]), example)))
    for split, found in meant.pairs.items():
        lines.append(f"  {len(found)} own pairs of {split}, from {meant.lists[f'{split}_pairs']}")
    count = Counter(photo.person for photo in shown)
    single = sorted(who for who, photos in count.items() if photos == 1)
    if single:
        lines.append(f"  with one photo, so in no pair: {folders.few(single)}")
    return [*lines, *(f"  {line}" for line in meant.layout.passed)]
