"""Files of Python packages, downloaded by pip, so that the user's mirrors and proxies are used.

Nothing is installed.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pgjax.errors import InputError


def there() -> bool:
    """Whether this Python has pip."""
    return importlib.util.find_spec("pip") is not None


def fetch(
    package: str,
    options: Sequence[str],
    folder: Path,
    by_hand: str,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """The file that `pip download` puts into a new folder.

    Args:
      package: what is fetched, in words.
      options: of `pip download`, which say what to fetch, and of which kind.
      folder: made for it.
      by_hand: what to do where pip cannot fetch it, in words.
      environment: variables that pip gets beside those of this process.

    Raises:
      InputError: there is no pip, or it could not fetch the file; ends with `by_hand`.
    """
    if not there():
        raise InputError(f"{package}: this Python has no pip to fetch it; {by_hand}")
    print(f"fetching {package} by pip, once", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--no-deps", f"--dest={folder}", *options],
        capture_output=True,
        text=True,
        env=os.environ | (environment or {}),
    )
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    if done.returncode or not found:
        reasons = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
        reason = (reasons or done.stderr.splitlines() or ["no file came"])[-1]
        raise InputError(f"{package}: pip could not fetch it ({reason}); {by_hand}")
    return found[0]
