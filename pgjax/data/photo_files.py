"""Image and text files below a folder, in its subfolders and in its zips."""

import os
import zipfile
import zlib
from pathlib import Path

from pgjax.errors import InputError

PHOTOS = frozenset({".jpg", ".jpeg", ".png"})
IGNORED = "__MACOSX"  # what macOS adds to zips


class PhotoFiles:
    """The files by name, a name being the path below `root`, with "/", and below the zip it is in.

    Attributes:
      root: the folder.
      names: of the photos, told by their extensions; unpacked ones first, else sorted.
      texts: all other unpacked files, sorted.
    """

    def __init__(self, root: Path):
        """Lists what is there; hidden files and folders are passed over.

        Raises:
          InputError: a zip is damaged.
        """
        self.root = root
        self._unpacked: dict[str, Path] = {}
        self._zipped: dict[str, tuple[zipfile.ZipFile, str]] = {}
        texts = []
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(f for f in folders if not f.startswith((".", IGNORED)))
            for file in sorted(f for f in files if not f.startswith(".")):
                path = Path(folder, file)
                if path.suffix.lower() in PHOTOS:
                    self._unpacked[path.relative_to(root).as_posix()] = path
                elif path.suffix.lower() == ".zip":
                    self._list(path)
                else:
                    texts.append(path)
        self.names = (*sorted(self._unpacked), *sorted(self._zipped))
        self.texts = tuple(sorted(texts))

    def _list(self, path: Path) -> None:
        try:
            archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise InputError(
                f"{path}: a truncated or damaged zip ({error}); fetch it again"
            ) from error
        name = path.relative_to(self.root).as_posix()
        for member in archive.namelist():
            parts = member.split("/")
            hidden = parts[0] == IGNORED or parts[-1].startswith(".")
            if Path(member).suffix.lower() in PHOTOS and not hidden:
                self._zipped[f"{name}/{member}"] = archive, member

    def where(self, name: str) -> str:
        """A photo's path, for messages."""
        return str(self.root / name)

    def read(self, name: str) -> bytes:
        """A photo's bytes, checked as far as a zip can.

        Raises:
          InputError: the zip is damaged there, or encrypted.
        """
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
