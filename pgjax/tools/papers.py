"""The papers whose rows can be trained: every configs/*.py that has ROWS, SETTINGS, PUBLISHED, SOURCE.

PROTOCOL says by which named protocol the published numbers were measured, MEASURED by which others some were
that a table takes over from earlier papers; "" or nothing where it is not told.

pgjax.files.config_files says where configs/ is found.
"""

import importlib
import pathlib
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pgjax.errors import InputError
from pgjax.files import config_files, folders
from pgjax.metrics import protocols
from pgjax.training import run_directory
from pgjax.training.checkpoint import differences

TABLES = ("ROWS", "SETTINGS", "PUBLISHED", "SOURCE")


def folder() -> pathlib.Path:
    """The folder configs/.

    Raises:
      InputError: there is none of pgjax.
    """
    found = config_files.find()
    if found is None:
        raise InputError(f"no configs/ of pgjax in {pathlib.Path.cwd()}: {config_files.WHERE}")
    return found


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


def protocol_of(paper: str, name: str | None = None) -> protocols.Protocol:
    """The protocol of that name, else the one by which a paper measured; the project's own if not told.

    Raises:
      InputError: an unknown paper or protocol.
    """
    own = getattr(find(paper), "PROTOCOL", "") or protocols.OWN.name
    return protocols.find(own if name is None else name)


def measured_by(paper: ModuleType, row: str, column: str) -> str:
    """The name of the protocol by which a published number was measured, "" where that is not told."""
    others = getattr(paper, "MEASURED", {}).get(row)
    return getattr(paper, "PROTOCOL", "") if others is None else others[column]


def placed(paper: ModuleType, dataset: str, row: str, shown: protocols.Protocol) -> dict[str, str]:
    """A row's published numbers as printed there, by the metric of `shown` that they are values of."""
    found = {}
    for column, value in paper.PUBLISHED.get(dataset, {}).get(row, {}).items():
        under = measured_by(paper, row, column)
        for metric in protocols.placed({column: value}, under, shown, dataset):
            found[metric] = text(paper, dataset, column, value)
    return found


def unplaced(
    paper: ModuleType, dataset: str, shown: protocols.Protocol
) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """Published numbers that are values of no metric of `shown`: rows by protocol and columns."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row, numbers in paper.PUBLISHED.get(dataset, {}).items():
        columns: dict[str, list[str]] = {}
        for column, value in numbers.items():
            under = measured_by(paper, row, column)
            if not protocols.placed({column: value}, under, shown, dataset):
                columns.setdefault(under, []).append(column)
        for under, names in columns.items():
            found.setdefault((under, tuple(names)), []).append(row)
    return found


def source(paper: ModuleType, dataset: str, row: str) -> str:
    """The table in which a row's numbers are published."""
    if row in paper.ROWS:
        return paper.get_config(f"{dataset}/{row}").published_in
    return paper.SOURCE


def published_only(paper: ModuleType, dataset: str) -> dict[str, Mapping[str, float]]:
    """What the paper's table compares with and no row trains, such as real data."""
    return {k: v for k, v in paper.PUBLISHED.get(dataset, {}).items() if k not in paper.ROWS}


def text(paper: ModuleType, dataset: str, column: str, value: float) -> str:
    """A number of a column with the most decimals in it: a float has lost its trailing zeros."""
    rows = paper.PUBLISHED[dataset].values()
    texts = (str(numbers[column]) for numbers in rows if column in numbers)
    return f"{value:.{max(len(text.partition('.')[2]) for text in texts)}f}"


def departures(paper: ModuleType, config: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Where a run's config is not what its row says now: key, value there, value in the row.

    The seed does not count, nor does what changes neither the parameters at the run's end nor its scores.
    """
    whole = run_directory.plain(paper.get_config(config["row"]))
    for key, here, there in differences(run_directory.fixed(config), run_directory.fixed(whole)):
        if key != "seed":
            yield key, here, there
    steps = sum(stage["steps"] for stage in config["stages"].values())
    if config.get("total_steps") not in (None, 0, steps):
        row = sum(stage["steps"] for stage in whole["stages"].values())
        yield "total_steps", config["total_steps"], row
    radii = [values.get("evaluation", {}).get("mask_radius") for values in (config, whole)]
    if radii[0] not in (None, radii[1]):
        yield "evaluation.mask_radius", *radii


def owner(config: Mapping[str, Any]) -> str | None:
    """The name of the paper that a run's config is of, None where no paper has its row.

    A config does not name its paper. Where several have a row of that name, it is the one whose row
    differs in the fewest keys.
    """
    dataset, _, row = config["row"].partition("/")
    known = load()  # finds configs/
    dataset = importlib.import_module("configs.common").like(dataset)
    candidates = {
        name: sum(1 for _ in departures(paper, config))
        for name, paper in known.items()
        if row in paper.ROWS and dataset in paper.SETTINGS
    }
    return min(candidates, key=candidates.__getitem__, default=None)


def title(paper: ModuleType) -> str:
    """The first paragraph of the module's docstring, without its full stop."""
    return re.split(r"\.?\n\n", paper.__doc__ or paper.__name__, maxsplit=1)[0].strip(" .\n")
