"""Models on the model hub (huggingface.co): hub:OWNER/NAME or hub:OWNER/NAME@REVISION.

A repository there holds the files of an exported model, as they are. huggingface_hub fetches them once and
keeps them in its own cache; its settings (HF_HOME, HF_ENDPOINT, HF_TOKEN) hold.
"""

import importlib.util
import os
import re
from pathlib import Path

from pgjax.errors import InputError

PREFIX = "hub:"
MISSING = (
    "huggingface_hub is not installed, which fetches from the model hub; pip install 'pgjax[hub]'"
)
CARD = "README.md"  # which every repository has
FILES = ("weights.npz", "model.json", CARD, "SHA256SUMS")
"""What is fetched of a repository: an exported model's files, those of model_folder."""

_NAME = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")


def is_name(place: str | os.PathLike) -> bool:
    """Whether a place is on the hub."""
    return os.fspath(place).startswith(PREFIX)


def fetch(name: str | os.PathLike) -> Path:
    """The folder of a model of the hub, fetched where it is not in the cache.

    Args:
      name: hub:OWNER/NAME, and @REVISION: a branch, a tag or a commit. Only a commit is the same for ever.

    Raises:
      InputError: it is no such name, the hub has none of it, it can't be reached, the repository holds
        something else, or huggingface_hub is not installed.
    """
    name = os.fspath(name)
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(f"{name}: expected {PREFIX}OWNER/NAME or {PREFIX}OWNER/NAME@REVISION")
    if importlib.util.find_spec("huggingface_hub") is None:
        raise InputError(f"{name}: {MISSING}")
    import huggingface_hub

    repository, revision = match.groups()
    try:
        folder = huggingface_hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(FILES)
        )
    except Exception as error:  # of its own, of its HTTP library, of the system
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(f"{name}: can't be fetched: {reason}") from error
    found = Path(folder)
    if not any((found / file).is_file() for file in FILES if file != CARD):
        raise InputError(f"{name}: holds no model of pgjax; expected an exported model's files")
    return found
