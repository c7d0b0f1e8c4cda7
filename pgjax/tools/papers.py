"""The papers whose rows can be trained: every configs/*.py that has ROWS, SETTINGS, PUBLISHED, SOURCE.

configs/ is not part of the installed package: it is found where Python looks for modules, which for
`python -m` is the working directory, the root of the repository.
"""

import importlib
import importlib.util
import pathlib
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pgjax import folders, rundir
from pgjax.checkpoint import differences
from pgjax.errors import InputError

TABLES = ("ROWS", "SETTINGS", "PUBLISHED", "SOURCE")


def folder() -> pathlib.Path:
    """The folder configs/.

    Raises:
      InputError: there is none, or it is another project's.
    """
    try:
        found = importlib.util.find_spec("configs.common")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise InputError(
            f"no configs/ of pgjax in {pathlib.Path.cwd()}: it is not part of the installed package; "
            "run this in the root of the repository"
        )
    return pathlib.Path(found.origin).parent


def load() -> dict[str, ModuleType]:
    """Every paper's module by name, in the names' order.

    Raises:
      InputError: as `folder`.
    """
    files = folders.files(folder(), below=False).found
    names = [name.removesuffix(".py") for name in files if name.endswith(".py")]
    modules = {name: importlib.import_module(f"configs.{name}") for name in names}
    return {
        name: module
        for name, module in modules.items()
        if all(hasattr(module, table) for table in TABLES)
    }


def find(name: str) -> ModuleType:
    """The module of the paper `name`.

    Raises:
      InputError: there is none, or no configs/.
    """
    papers = load()
    if name not in papers:
        raise InputError(f"unknown paper {name!r}; there are {', '.join(papers)}")
    return papers[name]


def metrics(paper: ModuleType, dataset: str) -> list[str]:
    """The metrics that the paper publishes on a data set, in its tables' order."""
    rows = paper.PUBLISHED.get(dataset, {}).values()
    return list(dict.fromkeys(metric for numbers in rows for metric in numbers))


def published_only(paper: ModuleType, dataset: str) -> dict[str, Mapping[str, float]]:
    """What the paper's table compares with and no row trains, such as real data."""
    return {k: v for k, v in paper.PUBLISHED.get(dataset, {}).items() if k not in paper.ROWS}


def decimals(paper: ModuleType, dataset: str, metric: str) -> int:
    """The most decimals that the paper's tables give a metric: a float has lost its trailing zeros."""
    rows = paper.PUBLISHED.get(dataset, {}).values()
    texts = (str(numbers[metric]) for numbers in rows if metric in numbers)
    return max((len(text.partition(".")[2]) for text in texts), default=3)


def departures(paper: ModuleType, config: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Where a run's config is not what its row says now: key, value there, value in the row.

    The seed does not count, nor does what leaves the parameters alone (rundir.FREE).
    """
    row = rundir.fixed(rundir.plain(paper.get_config(config["row"])))
    for key, here, there in differences(rundir.fixed(config), row):
        if key != "seed":
            yield key, here, there


def owner(config: Mapping[str, Any]) -> str | None:
    """The name of the paper that a run's config is of, None where no paper has its row.

    A config does not name its paper. Where several have a row of that name, it is the one whose row
    differs in the fewest keys.
    """
    dataset, _, row = config["row"].partition("/")
    dataset = importlib.import_module("configs.common").like(dataset)
    candidates = {
        name: sum(1 for _ in departures(paper, config))
        for name, paper in load().items()
        if row in paper.ROWS and dataset in paper.SETTINGS
    }
    return min(candidates, key=candidates.get, default=None)


def title(paper: ModuleType) -> str:
    """The first paragraph of the module's docstring, without its full stop."""
    return re.split(r"\.?\n\n", paper.__doc__ or paper.__name__, maxsplit=1)[0].strip(" .\n")
