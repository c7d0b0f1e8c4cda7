"""What runs logged over their steps, as charts."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from pgjax.tools.reports import charts

MOST = 200  # points of a line
HELD_OUT, NORM = "held_out/", "gradient_norm"


class Chart(NamedTuple):
    """A logged value of all runs that have it."""

    name: str
    svg: Markup


class Group(NamedTuple):
    """Charts under one heading; `folded` are shown when they are asked for."""

    title: str
    charts: list[Chart]
    folded: bool


def groups(logs: Sequence[Sequence[Mapping[str, Any]]]) -> list[Group]:
    """The charts of runs' logs (logbook.lines), each with a line a run; a run's place is its colour."""
    names = dict.fromkeys(key for log in logs for line in log for key in line if key != "step")
    held_out = [name for name in names if name.startswith(HELD_OUT)]
    norms = [name for name in names if name.endswith(NORM)]
    losses = sorted(name for name in names if "/" in name and name not in (*held_out, *norms))
    rest = [name for name in names if name not in (*held_out, *norms, *losses)]
    found = (
        ("Held-out pairs", sorted(held_out), False),
        ("Losses and their terms", losses, False),
        ("Gradients and speed", [*sorted(norms), *rest], True),
    )
    return [
        Group(title, [Chart(name, _chart(name, logs)) for name in chosen], folded)
        for title, chosen, folded in found
        if chosen
    ]


def _chart(name: str, logs: Sequence[Sequence[Mapping[str, Any]]]) -> Markup:
    drawn = []
    for place, log in enumerate(logs):
        points = [(line["step"], line[name]) for line in log if name in line]
        if points:
            drawn.append(charts.Line(place % charts.COLORS, thinned(points)))
    return charts.lines(drawn, "step", name)


def thinned(
    points: Sequence[tuple[float, float]], most: int = MOST
) -> list[tuple[float, float | None]]:
    """At most so many points: means of neighbours, of as many each as there is need for.

    Where one of them is not finite, or too large for a chart, there is None, a gap.
    """
    size = -(-len(points) // most)
    starts = np.arange(0, len(points), size)
    counts = np.diff(starts, append=len(points))
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(np.array(points, float), starts) / counts[:, None]
    return [(step, charts.finite(value)) for step, value in means.tolist()]
