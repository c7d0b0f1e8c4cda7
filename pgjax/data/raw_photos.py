"""Image and text files below a folder, in its subfolders and in its zips."""

import zipfile
import zlib
from pathlib import Path

from pgjax.data import records
from pgjax.errors import InputError
from pgjax.files import folders
from pgjax.files.file_types import HEAD, KINDS, READABLE, Kind, extension, kind_of
from pgjax.files.folders import Listing
from pgjax.images.photo import read_photo

VERBATIM = KINDS["jpeg"], KINDS["png"]


class PhotoFiles:
    """The files by name, a name being the path below `root`, with "/", and below the zip it is in.

    Attributes:
      root: the folder.
      names: of the photos, told by their bytes (in zips by their names, where these tell); unpacked ones
        first, else sorted.
      texts: all other unpacked files, sorted.
      listing: of what was found, and what was not taken.
    """

    def __init__(self, root: Path):
        """Lists what is there, as pgjax.files.folders does.

        Raises:
          InputError: a zip is damaged.
        """
        self.root = root
        every = folders.files(root)
        self._unpacked, apart, passing = folders.photos_among(every)
        unreadable, passed = dict(apart), dict(passing)
        self._zipped: dict[str, tuple[zipfile.ZipFile, str]] = {}
        for name in [name for name in passed if extension(name) == ".zip"]:
            unreadable |= self._list(name, every.found[name])
            del passed[name]
        self.listing = Listing(self._unpacked, unreadable, passed)
        self.names = (*self._unpacked, *sorted(self._zipped))
        taken = {*self._unpacked, *unreadable}
        self.texts = tuple(
            path
            for name, path in every.found.items()
            if name not in taken and extension(name) != ".zip"
        )

    def _list(self, name: str, path: Path) -> dict[str, Kind]:
        """Adds the photos of a zip; gives those that cannot be read."""
        try:
            archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise InputError(
                f"{path}: a truncated or damaged zip ({error}); fetch it again"
            ) from error
        unreadable = {}
        for member in folders.members(archive):
            kind = _kind(archive, member)
            if kind is None or not kind.photo:
                continue
            if kind.readable:
                self._zipped[f"{name}/{member}"] = archive, member
            else:
                unreadable[f"{name}/{member}"] = kind
        return unreadable

    def where(self, name: str) -> str:
        """A photo's path, for messages."""
        return str(self.root / name)

    def read(self, name: str) -> bytes:
        """A photo's bytes, checked as far as a zip can; of another kind than JPEG and PNG, as PNG.

        Raises:
          InputError: the zip is damaged there, or encrypted; the photo is damaged.
        """
        data = self._bytes(name)
        kind = kind_of("", data[:HEAD])
        if kind is None or not kind.readable or kind in VERBATIM:
            return data
        try:
            return records.encode(read_photo(data))
        except InputError as error:
            raise InputError(f"{self.where(name)}: {error}") from None

    def _bytes(self, name: str) -> bytes:
        if name in self._unpacked:
            return self._unpacked[name].read_bytes()
        archive, member = self._zipped[name]
        try:
            return archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise InputError(
                f"{self.where(name)}: a truncated or damaged zip ({error}); fetch it again"
            ) from error
        except RuntimeError as error:  # zipfile's, where a password is needed
            raise InputError(f"{self.where(name)}: {error}; unpack it beside the zip") from error


def _kind(archive: zipfile.ZipFile, member: str) -> Kind | None:
    """What a member is; of one that is called like a photo nothing is unpacked for that."""
    if extension(member) in READABLE:
        return next(kind for kind in KINDS.values() if extension(member) in kind.extensions)
    try:
        with archive.open(member) as file:
            return kind_of(member, file.read(HEAD))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        return None  # what else than photos lies in a zip is of no interest, damaged or not
