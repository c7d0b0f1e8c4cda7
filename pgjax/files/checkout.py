"""Finds configs/ of the project, which is not part of the installed package, from any working folder.

Python looks for it in the working folder. pgjax also looks beside the config file that is named, and in the
project itself if it is installed as a link (pip install --editable).
"""

import os
import pathlib
import sys
from types import ModuleType

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
WHERE = (
    "configs/ of pgjax is not part of the installed package; call this in the root of the repository, or "
    "install it by pip install --editable"
)


def config_file(named: str) -> str:
    """The text of --config, PATH or PATH:ROW, whose file is looked for in the project too; see `find`."""
    file, colon, row = named.partition(".py")
    path = pathlib.Path(f"{file}{colon}")
    if not path.is_absolute() and not path.is_file() and (ROOT / path).is_file():
        path = ROOT / path
        named = f"{path}{row}"
    if path.is_file():
        find(path)
    return named


def find(beside: pathlib.Path | None = None) -> pathlib.Path | None:
    """Sees to it that `import configs.common` finds pgjax's; returns its folder, None where there is none.

    Args:
      beside: a config file, whose folder and those above it are looked through first.
    """
    above = () if beside is None else beside.resolve().parents
    roots = [root for root in (*above, pathlib.Path.cwd(), ROOT) if _holds(root)]
    if not roots:
        return None
    folder = roots[0] / "configs"
    package = sys.modules.get("configs")
    known = [os.path.realpath(place) for place in getattr(package, "__path__", ())]
    if known[:1] != [os.path.realpath(folder)]:
        # Not by sys.path: a configs/ with an __init__.py, of another project, would come before ours.
        package = ModuleType("configs")
        package.__path__ = [os.fspath(folder), *known]
        sys.modules["configs"] = package
    return folder


def _holds(root: pathlib.Path) -> bool:
    common = root / "configs" / "common.py"
    try:
        return "pgjax" in common.read_text(encoding="utf-8")
    except OSError:
        return False
