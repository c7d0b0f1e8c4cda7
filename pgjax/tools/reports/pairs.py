"""The pairs of a run that its report shows: the best, the worst, and some between; drawn anew by the run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from pgjax.data import store as stores
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.metrics.protocols import OWN
from pgjax.nets import layers, spectral
from pgjax.progress import announce
from pgjax.scoring import result_files
from pgjax.scoring.result_files import PairScores
from pgjax.scoring.results import digest
from pgjax.scoring.scorer import higher_is_better
from pgjax.serving import export
from pgjax.tools.reports import charts, pictures
from pgjax.tools.reports.pictures import Picture, Room
from pgjax.training import model_folder
from pgjax.training.choice import read_chosen
from pgjax.training.generation import Predictor
from pgjax.training.recipe import build
from pgjax.training.state import NetworkState, State

MEMORY = 4 * 2**30


class NoPairsError(InputError):
    """A run has nothing to show of its pairs, or no pictures of them; says what to do."""


class Asked(NamedTuple):
    """What a report is to show of pairs.

    count: so many of the best and of the worst. points: of the scatter. metric: that ranks them, the first
    that was measured of every pair unless given. against: on the other axis, L1 or another one unless given.
    """

    count: int = 8
    points: int = 100
    metric: str | None = None
    against: str | None = None


class Shown(NamedTuple):
    """A pair: where it stands in the page, its rank (1 is the best), its photos and its scores."""

    anchor: str
    rank: int
    source: str
    target: str
    scores: list[tuple[str, str]]
    picture: Picture | None


class Pairs(NamedTuple):
    """The chosen ones of `total` pairs, and their scatter, of so many `points`.

    `fault` says why they have no pictures, if so.
    """

    protocol: str
    metric: str
    against: str
    total: int
    best: list[Shown]
    worst: list[Shown]
    others: list[Shown]
    scatter: Markup
    points: int
    fault: str = ""


def scored(folder: paths.Path, protocol: str) -> tuple[dict[str, Any], PairScores]:
    """A run's result under a protocol, else under the project's own, and its pairs' scores.

    Raises:
      NoPairsError: there is none, or it is of other pairs; says what to do.
      InputError: a file is damaged.
    """
    again = f"evaluate.py --workdir={folder} writes them"
    for name in dict.fromkeys([protocol, OWN.name]):
        result = result_files.read(folder / result_files.result_of(name))
        if result is None:
            continue
        path = folder / result_files.pairs_of(name)
        try:
            found = result_files.read_pairs(path)
        except FileNotFoundError:
            raise NoPairsError(f"no scores of single pairs, {path}; {again}") from None
        if result_files.digest_of(found.names) != result.get("pairs_sha256"):
            raise NoPairsError(
                f"{path}: of other pairs than {result_files.result_of(name)}; {again}"
            )
        return result, found
    raise NoPairsError(f"not evaluated under {protocol} or {OWN.name}; {again}")


def axes(scores: PairScores, asked: Asked) -> tuple[str, str]:
    """The metrics that rank pairs and that are set against it.

    Raises:
      InputError: they were not measured.
    """
    known = list(scores.scores)
    for flag, name in (("--metric", asked.metric), ("--against", asked.against)):
        if name is not None and name not in known:
            raise InputError(f"{flag}: no {name!r} of single pairs; there are {', '.join(known)}")
    metric = asked.metric or known[0]
    others = [name for name in known if name != metric]
    apart = [name for name in others if name.startswith("l1")]
    return metric, asked.against or (apart or others or known)[0]


def chosen(values: np.ndarray, better: bool, asked: Asked) -> tuple[np.ndarray, list[list[int]]]:
    """All places from the best value on, and the ranks, from 0, of the best, the worst, and some between.

    The latter are in equal distances: as many as make `asked.points` with the others.
    """
    order = np.argsort(-values if better else values, kind="stable")
    count = len(order)
    best = list(range(min(asked.count, count)))
    worst = list(range(count - 1, max(count - 1 - asked.count, len(best) - 1), -1))
    taken = {*best, *worst}
    spread = pictures.spread(count, max(0, asked.points - len(taken)))
    return order, [best, worst, [rank for rank in spread if rank not in taken]]


def of_run(
    folder: paths.Path,
    config: Mapping[str, Any],
    protocol: str,
    asked: Asked,
    data_dir: str,
    room: Room,
    anchor: str,
) -> Pairs:
    """The pairs of a run for its report; draws them where any are asked for.

    Raises:
      FileNotFoundError: the data set is not built.
      NoPairsError: the run has no scores of pairs.
      InputError: it has none of such a metric, or a file is damaged.
    """
    result, scores = scored(folder, protocol)
    metric, against = axes(scores, asked)
    order, ranks = chosen(scores.scores[metric], higher_is_better(metric) is not False, asked)
    wanted = [rank for group in ranks for rank in group]
    places, fault = order[wanted].tolist(), ""
    drawn: Iterator[Picture | None] = iter([None] * len(wanted))
    if asked.count:
        try:
            made = _pictures(folder, config, result, scores.names, places, data_dir)
            drawn = iter([room.take(picture) for picture in made])
        except NoPairsError as error:
            fault = str(error)
    groups = []
    for group in ranks:
        groups.append([])
        for rank in group:
            place = int(order[rank])
            source, target = scores.names[place]
            values = [(name, f"{found[place]:.4f}") for name, found in scores.scores.items()]
            known = f"{anchor}-pair{place}"
            groups[-1].append(Shown(known, rank + 1, source, target, values, next(drawn)))
    shown = [pair for group in groups for pair in group]
    x, y = ([float(scores.scores[m][order[p.rank - 1]]) for p in shown] for m in (metric, against))
    points = [
        charts.Point(a, b, _said(pair), f"#{pair.anchor}" if pair.picture else None)
        for a, b, pair in zip(x, y, shown, strict=True)
        if charts.finite(a) is not None and charts.finite(b) is not None
    ]
    name = result["protocol"]["name"]
    scatter = charts.scatter(points, metric, against)
    return Pairs(name, metric, against, len(order), *groups, scatter, len(points), fault)


def _said(pair: Shown) -> str:
    return f"{pair.source} to {pair.target}"


def _pictures(
    folder: paths.Path,
    config: Mapping[str, Any],
    result: Mapping[str, Any],
    names: Sequence[tuple[str, str]],
    places: Sequence[int],
    data_dir: str,
) -> Iterator[Picture]:
    """Pictures of the pairs at some places of the list that was scored, in their order."""
    recipe = build(config)
    try:
        test = stores.load_split(recipe.data.name, "test", data_dir, MEMORY)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; or --pairs=0 makes a report without their pictures"
        ) from error
    positions = {name: place for place, name in enumerate(test.names)}
    lacking = [name for place in places for name in names[place] if name not in positions]
    if lacking:
        raise InputError(
            f"{folder}: scored on photos that {recipe.data.name} in {data_dir} lacks, such as {lacking[0]}; "
            "--data_dir names the folder of another one, --pairs=0 makes a report without pictures"
        )
    pairs = np.array([[positions[name] for name in names[place]] for place in places], np.int32)
    stage = result.get("stage") or recipe.drawing_stage_of(result["step"])
    state = _state(folder, config, result, stage)
    announce(f"drawing {len(pairs)} pairs by {folder}")
    noise = bool(result.get("noise"))
    predict = Predictor(recipe, stage, noise=noise, scored=False)
    # Noise follows from a pair's place in the list; without it they may go together.
    lots = [(pairs[i : i + 1], places[i]) for i in range(len(pairs))] if noise else [(pairs, 0)]
    for lot, place in lots:
        for made in predict(state, test.store, lot, place):
            images = made.images[recipe.stages[stage].generators[-1]]
            for i in range(len(images)):
                yield pictures.pair(made.batch, images[i], i)


def _state(
    folder: paths.Path, config: Mapping[str, Any], result: Mapping[str, Any], stage: str
) -> State:
    """The generators that were scored: those of the exported model, else of the checkpoint of that step."""
    names = build(config).stages[stage].generators
    known = (result.get("checkpoint") or {}).get("sha256")
    place = folder / export.FOLDER
    if (place / model_folder.MODEL).exists():
        model = model_folder.read(place)
        state = State(
            np.int32(model.step),  # ty: ignore[invalid-argument-type]
            {
                name: NetworkState(
                    variables["params"],
                    None,
                    variables.get(spectral.COLLECTION, {}),
                    statistics=variables.get(layers.STATISTICS, {}),
                )
                for name, variables in model.variables.items()
            },
        )
        if model.step == result["step"] and _digest(state, names) == known:
            return state
    try:
        state, _ = read_chosen(folder, config, result["step"])
    except FileNotFoundError as error:
        raise NoPairsError(
            f"no pictures of pairs, since what was scored is gone: {error}"
        ) from error
    if known is not None and _digest(state, names) != known:
        raise NoPairsError(
            f"no pictures of pairs: {folder} has other weights at step {result['step']} than were scored; "
            f"evaluate.py --workdir={folder} scores them"
        )
    return state


def _digest(state: State, names: Sequence[str]) -> str:
    if not state.networks.keys() >= set(names):
        return ""
    return digest({name: state.networks[name].averaged for name in names})
