"""The runs of a study, and the tables of their results."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

from pgjax.errors import InputError
from pgjax.metrics.protocols import OWN
from pgjax.scoring.run_evaluation import TEST_PAIRS
from pgjax.tools import papers, table
from pgjax.tools.measured import Judged
from pgjax.tools.overrides import set_key, set_steps
from pgjax.training import run_directory
from pgjax.training.checkpoint import saved_steps
from pgjax.training.recipe import build


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """One run of a study: a resolved config, plain as JSON, and the pairs to score (None = all).

    `protocol` names that of its table, beside which it is scored under others (evaluation.protocols_of).
    """

    paper: str
    config: dict[str, Any]
    folder: pathlib.Path
    limit: int | None
    protocol: str = OWN.name

    def __str__(self) -> str:
        return f"{self.paper}:{self.config['row']} seed {self.config['seed']}"

    @property
    def total(self) -> int:
        return build(self.config).total_steps

    @property
    def done(self) -> int:
        """Steps up to the last checkpoint."""
        return max(saved_steps(self.folder), default=0)

    @property
    def finished(self) -> bool:
        """Whether it is trained to its end and scored as this study asks."""
        try:
            result = table.read(self.folder, self.protocol).result
        except (InputError, OSError):
            return False
        wanted = {
            "step": self.total,  # total_steps may have been raised since
            "limit": self.limit,
            "noise": False,
            "pairs_from": TEST_PAIRS,
        }
        if self.protocol == OWN.name:
            wanted["mask_radius"] = self.config["evaluation"]["mask_radius"]
        return all(result[key] == value for key, value in wanted.items())


def plan(
    rows: Sequence[str],
    seeds: int,
    workdir: pathlib.Path,
    steps: int | None = None,
    limit: int | None = None,
    changes: Sequence[str] = (),
    protocol: str | None = None,
) -> list[Plan]:
    """The runs of a study in their order; writes nothing.

    Args:
      rows: PAPER:DATASET/ROW each.
      seeds: 0 to seeds - 1 of every row.
      workdir: of all runs.
      steps: of every row, its own unless given.
      limit: of the pairs to score.
      changes: KEY=VALUE each (overrides.set_key).
      protocol: the name of that of the tables; each paper's own unless given.

    Raises:
      InputError: an unknown row, a bad change, or a run directory that holds another run.
    """
    plans = []
    for seed in range(seeds):
        for name in dict.fromkeys(rows):
            paper, colon, row = name.partition(":")
            if not colon:
                raise InputError(f"row {name!r}: expected PAPER:DATASET/ROW")
            config = papers.find(paper).get_config(row)
            for change in changes:
                set_key(config, change)
            if config.row != row or config.seed:
                raise InputError("--set: row and seed are the study's own")
            if steps is not None:
                set_steps(config, steps)
            config.seed = seed
            build(config)
            folder = workdir / paper / row / f"seed{seed}"
            run_directory.check(folder, config)
            shown = papers.protocol_of(paper, protocol).name
            plans.append(Plan(paper, run_directory.plain(config), folder, limit, shown))
    return plans


def report(plans: Sequence[Plan], judged: Sequence[Judged] = ()) -> str:
    """The tables of a study's papers and data sets, with what is finished, and with others' pictures."""
    return "\n\n".join(
        table.tables(
            paper,
            [table.read(p.folder, protocol) for p in plans if p.paper == paper and p.finished],
            names,
            protocol,
            [
                other
                for other in judged
                if (other.dataset, other.protocol) in _places(names, protocol)
            ],
        )
        for (paper, protocol), names in _sets(plans).items()
    )


def _sets(plans: Sequence[Plan]) -> dict[tuple[str, str], list[str]]:
    """The data sets of a study, by paper and protocol: of each a table."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for each in plans:
        found.setdefault((each.paper, each.protocol), {})[each.config["data"]["name"]] = None
    return {key: list(names) for key, names in found.items()}


def _places(datasets: Sequence[str], protocol: str) -> set[tuple[str, str]]:
    return {(dataset, protocol) for dataset in datasets}


def check_places(plans: Sequence[Plan], judged: Sequence[Judged]) -> None:
    """Refuses others' pictures that no table of a study has a place for, before anything is trained.

    Raises:
      InputError: names what they are of, and what the tables are of; or they are of other pairs.
    """
    places = set().union(*(_places(names, key[1]) for key, names in _sets(plans).items()))
    for other in judged:
        if (other.dataset, other.protocol) not in places:
            tables = ", ".join(
                f"{dataset} under {protocol}" for dataset, protocol in sorted(places)
            )
            raise InputError(
                f"{other.name}={other.path}: judged on {other.dataset} under protocol {other.protocol}; "
                f"the tables of this study are of {tables}"
            )
        if other.result["limit"] != plans[0].limit:
            raise InputError(
                f"{other.name}={other.path}: judged with limit {other.result['limit']}, this study "
                f"scores with {plans[0].limit}"
            )
