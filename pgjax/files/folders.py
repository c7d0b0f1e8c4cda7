"""The files of a folder that a user names: one reader for every command.

    listing = folders.photos("photos")  # .found: {"anna/1.jpg": Path, ...}, in the order of names
    folders.tell("photos", listing)  # prints what was left out on standard error, one line for each kind

Files and folders of systems and programs are ignored (`is_hidden`). The folder itself may have any name.
Linked files and folders are followed, and a file has every name that leads to it. There are two exceptions:
a link to a folder that contains the link is ignored; and inside a linked folder, of several links to the
same folder only the first one is followed.
"""

import os
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.files.file_types import HEAD, PHOTOS, Kind, extension, kind_of

# In lower case.
_SYSTEMS = frozenset(
    {
        *(".ds_store", ".localized", ".spotlight-v100", ".fseventsd", ".trashes"),  # macOS
        *("__macosx", "icon\r", "network trash folder", "temporary items"),
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),  # Windows
        *("$recycle.bin", "recycler", "system volume information"),
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),  # Synology, QNAP
        *(".directory", "lost+found", "picasa.ini", "zbthumbnail.info", "__pycache__"),
    }
)
SHOWN = 3  # names in a line
BROKEN = Kind("a link that leads nowhere", (), photo=False)
TWIN = Kind("of a kind that cannot be read, but a converted photo lies beside it", (), photo=False)


class Listing(NamedTuple):
    """What a folder holds, by name: the path below the folder, with "/"; in the order of names.

    found: the files asked for. unreadable: photos of kinds that cannot be read. passed: what else somebody
    may miss.
    """

    found: Mapping[str, Path]
    unreadable: Mapping[str, Kind]
    passed: Mapping[str, Kind]


def is_of_system(name: str) -> bool:
    """Whether a file or folder is one that a system leaves in every folder, empty ones too."""
    return name.startswith("._") or name.lower() in _SYSTEMS


def is_hidden(name: str) -> bool:
    """Whether any part of a name (with "/" between) is hidden, or what systems and programs leave behind."""
    return any(part.startswith((".", "~$")) or is_of_system(part) for part in name.split("/"))


def files(folder: str | os.PathLike, below: bool = True) -> Listing:
    """The files of a folder; links that lead nowhere are passed over.

    Args:
      below: also those of the folders in it.

    Raises:
      FileNotFoundError: there is no such folder.
      OSError: a folder cannot be read; names it.
    """
    folder = paths.local(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    found, broken = {}, {}
    above = (os.path.realpath(folder),)
    for name, entry in _entries(str(folder), "", below, above, set()):
        if os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file():
            found[name] = Path(entry.path)
        elif not os.path.exists(entry.path):
            broken[name] = BROKEN
    return Listing(_sorted(found), {}, _sorted(broken))


def photos(folder: str | os.PathLike, below: bool = True) -> Listing:
    """The photos of a folder, whatever their names: each file's first bytes are looked at.

    Damaged ones (empty, or called like photos while their bytes are none's) are among those found: reading
    them says what is wrong, where they are wanted.

    Args, raises: as `files`.
    """
    return photos_among(files(folder, below))


def photos_among(listing: Listing) -> Listing:
    """The photos among files that `files` found."""
    found, unreadable, passed = {}, {}, dict(listing.passed)
    for name, path in listing.found.items():
        try:
            with open(path, "rb", buffering=0) as file:
                kind = kind_of(name, file.read(HEAD))
        except OSError as error:
            meant = extension(name) in ("", *PHOTOS)
            kind = Kind(f"closed to us ({error.strerror})", (), "allow reading it", meant)
        if kind is None:
            continue
        if kind.readable or kind.damaged:
            found[name] = path
        else:
            (unreadable if kind.photo else passed)[name] = kind
    # Cameras write RAW and JPEG at once, and who has converted photos keeps the old ones.
    stems = {os.path.splitext(name)[0] for name in found}
    twins = {n for n in unreadable if n in stems or os.path.splitext(n)[0] in stems}
    passed |= dict.fromkeys(twins, TWIN)
    unreadable = {name: kind for name, kind in unreadable.items() if name not in twins}
    return Listing(found, unreadable, _sorted(passed))


def members(archive: zipfile.ZipFile) -> list[str]:
    """The files of a zip, in its order, without what systems leave behind."""
    return [m for m in archive.namelist() if not m.endswith("/") and not is_hidden(m)]


def lines(listing: Listing) -> list[str]:
    """What was not taken: a line for all files of one kind, naming the first of them."""
    of_kind: dict[Kind, list[str]] = {}
    for name, kind in (*listing.unreadable.items(), *listing.passed.items()):
        of_kind.setdefault(kind, []).append(name)
    told = []
    for kind, names in of_kind.items():
        told.append(f"{len(names)} left out ({few(names)}): {kind}")
    return told


def few(names: Sequence[str]) -> str:
    """The first names, for a line."""
    shown = [name if name.isprintable() else ascii(name) for name in names[:SHOWN]]
    return ", ".join(shown) + (", ..." if len(names) > SHOWN else "")


def tell(folder: str | os.PathLike, listing: Listing) -> None:
    """Prints `lines` on standard error."""
    for line in lines(listing):
        print(f"{folder}: {line}", file=sys.stderr)


def some(folder: str | os.PathLike, listing: Listing, what: str = "photo") -> Mapping[str, Path]:
    """What was found.

    Raises:
      InputError: nothing; says what is there instead.
    """
    if not listing.found:
        raise InputError(
            "; ".join([f"{folder}: no {what} that can be read in it", *lines(listing)])
        )
    return listing.found


def _entries(
    folder: str, prefix: str, below: bool, passed: tuple[str, ...], linked: set[str]
) -> Iterator[tuple[str, os.DirEntry]]:
    """All that is no folder, with its name.

    passed: the real paths of the folders that lead here. linked: of those that links led to, from the first
    link on; each counts once, as folders that link to each other would have millions of names.
    """
    with os.scandir(folder) as entries:
        inside = [entry for entry in entries if not is_hidden(entry.name)]
    for entry in sorted(inside, key=lambda entry: entry.name):
        name = prefix + entry.name
        # Of a link that leads to itself DirEntry's own would raise.
        if not (os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()):
            yield name, entry
        elif below:
            own = os.path.join(passed[-1], entry.name)
            real = os.path.realpath(
                own
            )  # of junctions of Windows the entry does not say that they are links
            inner = linked
            if real != own:
                if real in linked or any(_holds(real, other) for other in passed):
                    continue
                inner = linked or set()
                inner.add(real)
            yield from _entries(entry.path, f"{name}/", below, (*passed, real), inner)


def _holds(folder: str, other: str) -> bool:
    """Whether a folder is the other one, or above it."""
    return os.path.join(other, "").startswith(os.path.join(folder, ""))


def _sorted(names: Mapping) -> dict:
    return dict(sorted(names.items()))
