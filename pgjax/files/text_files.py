"""Text files as users' programs write them.

UTF-8, with or without a byte order mark; and UTF-16 with one, as Windows PowerShell's `>` and Excel's
"Unicode text" write it.
"""

import codecs
from pathlib import Path

from pgjax.errors import InputError


def read(path: Path) -> str:
    """The whole text of a file.

    Raises:
      InputError: it is no such text; the message does not name the file.
    """
    data = path.read_bytes()
    try:
        return decoded(data)
    except UnicodeDecodeError as error:
        raise InputError(f"not a text file in UTF-8: {error}") from None


def decoded(data: bytes, errors: str = "strict") -> str:
    """The text of bytes, by their byte order mark; errors: as bytes.decode takes it."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", errors=errors)
