"""Every row of every paper, and the stored numbers of parameters of each.

`python tests/counted_rows.py --update` writes tests/training/parameter_counts.json anew.
"""

import functools
import json
import pathlib
import sys

from pgjax.tools import papers
from pgjax.training.recipe import build
from pgjax.training.state import parameter_counts, state_shapes

PAPERS = papers.load()
SPECS = [
    f"{name}:{dataset}/{row}"
    for name, paper in PAPERS.items()
    for dataset in paper.SETTINGS
    for row in paper.ROWS
]
FILE = pathlib.Path(__file__).parent / "training" / "parameter_counts.json"
CHANGED = (
    "the rows or their networks have changed: if that was meant, run python tests/counted_rows.py "
    "--update in the root of the repository, and look at what git diff shows"
)


def config_of(spec: str):
    paper, _, row = spec.partition(":")
    return PAPERS[paper].get_config(row)


@functools.cache
def _shapes(networks: str, spec: str):
    """Of all rows with these networks; the first one's."""
    return state_shapes(build(config_of(spec)))


def shapes(spec: str):
    config = config_of(spec)
    options = [(n.net, n.options.to_dict()) for _, n in sorted(config.networks.items())]
    # Rates are no arrays of a state, and rows differ in them.
    optimizers = [n.optimizer.to_dict() | {"learning_rate": 0} for n in config.networks.values()]
    key = json.dumps([config.data.name, sorted(config.networks), options, optimizers])
    return _shapes(key, _first.setdefault(key, spec))


_first: dict[str, str] = {}


def text(counts: dict[str, dict[str, int]]) -> str:
    """What the file holds."""
    return json.dumps(counts, indent=1) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: python tests/counted_rows.py --update")
    FILE.write_text(
        text({spec: parameter_counts(shapes(spec)) for spec in SPECS}), encoding="utf-8"
    )
