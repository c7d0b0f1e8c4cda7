"""Finds configs/, the papers' rows, from any working folder, and the config that a text names.

The folder configs/ is at the top of the repository; the wheel installs it inside the package. The files in it
import one another as `configs.NAME`, and a user's own file may do so too. They are looked for beside the
config file that is named, in the working folder, and last where pgjax itself is.
"""

import importlib
import importlib.util
import inspect
import os
import pathlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pgjax.errors import InputError, known

if TYPE_CHECKING:
    from ml_collections import ConfigDict

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
HOMES = (PACKAGE, PACKAGE.parent)
"""In which of them configs/ is: of an installed wheel, of the repository."""

WHERE = (
    "the folder configs/ of pgjax is neither here nor where pgjax is installed; install pgjax again, or call "
    "this in the root of the repository"
)


def load(named: str) -> "ConfigDict":
    """The config of a row, which train_and_evaluate takes; its keys may then be changed.

    Args:
      named: as --config takes it: "PAPER:DATASET/ROW", such as "deformable:market1501/full", or a file's
        path and what its get_config is given, such as "mine.py:synthetic_people/dsc".

    Raises:
      FileNotFoundError: there is no such file.
      InputError: an unknown paper, data set or row, or a file without get_config.
    """
    file, row = _parted(config_file(named))
    module = _module(file)
    if not callable(get_config := getattr(module, "get_config", None)):
        raise InputError(f"{file}: no config file: it has no function get_config")
    given = () if row is None else (row,)
    try:
        inspect.signature(get_config).bind(*given)
    except TypeError:
        raise InputError(f"{file}: {wrong_row(row is not None)}") from None
    return get_config(*given)


def wrong_row(given: bool) -> str:
    """What is wrong where a file's get_config cannot be called with the row of --config, or without one."""
    if given:
        return "its get_config cannot be given the row; write it as get_config(spec)"
    return "no row: its get_config takes one: --config=FILE.py:DATASET/ROW"


def config_file(named: str) -> str:
    """The text of --config with its file's path; PAPER:ROW is that paper's file in configs/.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: no paper has that name.
    """
    file, row = _parted(named)
    end = "" if row is None else f":{row}"
    if file.suffix != ".py":
        file = _paper(named.partition(":")[0])
    elif not file.is_file() and file.parts[0] == "configs":
        # As in the repository, wherever this is called.
        own = [home / file for home in HOMES if _holds(home) and (home / file).is_file()]
        file = own[0] if own else file
    if not file.is_file():
        raise FileNotFoundError(f"--config: there is no file {file}")
    find(file)
    _look_beside(file)
    return f"{file}{end}"


def extend(file: str | os.PathLike) -> None:
    """Executes a user's own file, which adds to NETS, TERMS, ADVERSARIAL, METRICS or DATASETS.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: it is no Python file.
    """
    path = pathlib.Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"--extend: there is no file {path}")
    _look_beside(path)
    _module(path)


def _look_beside(file: pathlib.Path) -> None:
    """Lets a user's own file import what lies beside it, last of all: a data set's builder, say."""
    folder = os.path.realpath(file.parent)
    if folder not in sys.path and not _holds(pathlib.Path(folder).parent):
        sys.path.append(folder)


def find(beside: pathlib.Path | None = None) -> pathlib.Path | None:
    """Sees to it that `import configs.common` finds pgjax's; returns its folder, None where there is none.

    Args:
      beside: a config file, whose folder and those above it are looked through first.
    """
    above = () if beside is None else beside.resolve().parents
    homes = [home for home in (*above, pathlib.Path.cwd(), *HOMES) if _holds(home)]
    if not homes:
        return None
    folder = homes[0] / "configs"
    package = sys.modules.get("configs")
    places = [os.path.realpath(place) for place in getattr(package, "__path__", ())]
    if places[:1] != [os.path.realpath(folder)]:
        # Not by sys.path: a configs/ with an __init__.py, of another project, would come before ours.
        made: Any = ModuleType("configs")
        made.__path__ = [os.fspath(folder), *places]
        sys.modules["configs"] = made
    return folder


def _parted(named: str) -> tuple[pathlib.Path, str | None]:
    """The file of "FILE.py:ROW" and its row; of "PAPER:ROW" the paper's name and the row."""
    before, ending, after = named.partition(".py")
    if not ending:
        before, _, after = named.partition(":")
        after = named.removeprefix(before)
    return pathlib.Path(f"{before}{ending}"), after[1:] if after.startswith(":") else None


def _paper(name: str) -> pathlib.Path:
    """The file in configs/ of that name."""
    folder = find()
    if folder is None:
        raise InputError(f"--config={name}: {WHERE}")
    papers = {
        file.stem: file
        for file in sorted(folder.glob("*.py"))
        if not file.name.startswith(".") and "def get_config(" in file.read_text(encoding="utf-8")
    }
    if name not in papers:
        own = f"{name}.py" if pathlib.Path(f"{name}.py").is_file() else "FILE.py"
        raise InputError(
            f"unknown paper {name!r} in --config; there are {known(name, papers)}; or name a file: "
            f"--config={own}:DATASET/ROW"
        )
    return papers[name]


def _module(file: pathlib.Path) -> ModuleType:
    """The module that a file is: that of configs/ where it lies there, else executed anew."""
    folder = find(file)
    if folder is not None and file.resolve().parent == folder.resolve():
        return importlib.import_module(f"configs.{file.stem}")
    spec = importlib.util.spec_from_file_location(f"_config_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _holds(home: pathlib.Path) -> bool:
    common = home / "configs" / "common.py"
    try:
        return "pgjax" in common.read_text(encoding="utf-8")
    except OSError:
        return False
