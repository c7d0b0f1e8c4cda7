"""Draws the papers' qualitative figure: python -m pgjax.tools.figure RUNS... --pairs WHICH --out FILE

One row a pair: source, target pose, target, then one column a system. RUNS are run directories, whose last
checkpoint generates, or folders of another system's pictures (as evaluate.py --images takes them, with
--dataset); TITLE=PATH says what stands above the column. All systems show the same pairs. WHICH is

    seed:N          drawn at random from the test pairs, the same for the same N
    FILE            a list, CSV from,to
    best:METRIC     of the first system, by a pixel metric such as ssim or l1
    worst:METRIC    its failures
    ends:METRIC     the best half, then the worst

The chosen pairs go to standard output as such a list, their metric to standard error.
"""

import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pgjax import data
from pgjax.data import store as stores
from pgjax.data.annotations import PAIRS_HEADER
from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.images import result_names
from pgjax.images.pixels import format_of, grid, write_image
from pgjax.metrics import of_pixels, protocols
from pgjax.metrics.records import PLAIN
from pgjax.pose.batch import Indices, fetch
from pgjax.pose.drawing import draw_skeleton
from pgjax.progress import announce
from pgjax.runtime import cpu_process, launch
from pgjax.scoring.picture_judging import pictures
from pgjax.scoring.run_evaluation import choose_pairs
from pgjax.scoring.scorer import Scorer, chosen, higher_is_better
from pgjax.tools import cli, extension_flag
from pgjax.training import run_directory
from pgjax.training.choice import read_chosen
from pgjax.training.generation import Predictor
from pgjax.training.recipe import build

ENDS = ("best", "worst", "ends")
CHUNK = 32  # pairs
MEMORY = 4 * 2**30


class System(NamedTuple):
    """A column: its title, and what makes the images (B, H, W, 3) of pairs (B, 2)."""

    title: str
    images: Callable[[np.ndarray], np.ndarray]


def read_systems(
    named: Sequence[str],
    dataset: str | None,
    data_dir: str,
    pairs_file: str | None = None,
    naming: str | None = None,
) -> tuple[str, stores.Split, list[System]]:
    """The data set's name, its test photos, and the systems, in the order in which they were named.

    Args:
      named: PATH or TITLE=PATH.
      dataset: of which folders of pictures are, where no run says it.
      data_dir: where it is.
      pairs_file: a list that folders may hold more pictures of than are wanted, as of the test pairs.
      naming: whose pictures the folders hold, as of picture_judging.judge.

    Raises:
      FileNotFoundError: names all that is not there.
      InputError: no data set is named, or runs are of several, or `naming` has no folder.
    """
    places = []
    for text in named:
        title, equals, rest = text.partition("=")
        titled = equals and not paths.of(text).exists()  # a folder's name may have a "=" in it
        path = paths.of(rest if titled else text)
        buckets.check(path)
        places.append((title if titled else path.name, path))
    faults = [
        f"{path}: no such folder of pictures, and no such run"
        for _, path in places
        if not path.is_dir()
    ]
    if faults:
        raise FileNotFoundError("; ".join(faults))
    configs = {
        p: run_directory.read_config(p) for _, p in places if (p / run_directory.CONFIG).is_file()
    }
    recipes = {path: build(config) for path, config in configs.items()}
    sets = list(dict.fromkeys([recipe.data.name for recipe in recipes.values()]))
    if dataset is not None and dataset not in sets:
        sets.append(dataset)
    if not sets:
        raise InputError(
            f"--dataset: missing; {', '.join(str(path) for _, path in places)}: no run, which would say of "
            "which data set it is"
        )
    if len(sets) > 1:
        raise InputError(f"--dataset: all systems need one data set, not {' and '.join(sets)}")
    if naming is not None and len(recipes) == len({path for _, path in places}):
        raise InputError("--naming: goes with folders of pictures, and all that are named are runs")
    test = stores.load_split(sets[0], "test", data_dir, MEMORY)
    systems = []
    for title, path in places:
        if path in recipes:
            images = _of_run(path, configs[path], recipes[path], test)
        else:
            images = _of_folder(path, sets[0], test, data_dir, pairs_file, naming)
        systems.append(System(title, images))
    return sets[0], test, systems


def _of_run(path, config, recipe, test: stores.Split) -> Callable[[np.ndarray], np.ndarray]:
    state, _ = read_chosen(path, config)
    predict = Predictor(recipe, recipe.drawing_stage_of(int(state.step)), scored=False)

    def images(pairs: np.ndarray) -> np.ndarray:
        announce(f"generating {len(pairs)} pairs by {path}")
        made = predict(state, test.store, pairs)
        return np.concatenate([list(p.images.values())[-1] for p in made])

    return images


def _of_folder(
    path,
    dataset: str,
    test: stores.Split,
    data_dir: str,
    pairs_file: str | None,
    naming: str | None,
):
    listed = stores.test_pairs(dataset, test, data_dir)
    if pairs_file is not None:
        more, _ = choose_pairs(dataset, test, data_dir, pairs_file, None)
        listed = np.concatenate([listed, more])
    frame = protocols.find("patn").frame(dataset)

    def images(pairs: np.ndarray) -> np.ndarray:
        found = pictures(path, dataset, test, pairs, listed, frame, naming=naming)
        return np.stack([panels.generated for panels in found.read(0, len(found))])

    return images


def choose(
    which: str, count: int, among: int, dataset: str, test: stores.Split, systems, data_dir: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """The pairs (count, 2) to show, and, where a metric chose them, its values (count,).

    Args:
      which: see the module.
      count: how many pairs at most.
      among: a metric chooses from so many pairs, drawn with seed 0; 0: all test pairs.

    Raises:
      InputError: WHICH cannot be understood, or names a metric that compares no pixels.
    """
    if _is_list(which):
        return choose_pairs(dataset, test, data_dir, which, count)[0], None
    kind, _, value = which.partition(":")
    pairs, _ = choose_pairs(dataset, test, data_dir, None, None)
    if kind == "seed":
        if not value.isdecimal():
            raise InputError(f"--pairs: expected seed:N, N from 0 on, not {which!r}")
        return _drawn(pairs, count, int(value)), None
    size = test.store.images.shape[1:3]
    protocol = protocols.for_height(protocols.OWN, size[0])
    known = of_pixels(protocol.metrics)
    if value not in known:
        told = ", ".join(known)
        raise InputError(f"--pairs: no metric {value!r} to choose by; there are {told}")
    pairs = _drawn(pairs, among or len(pairs), 0)
    values = _values(value, protocol, dataset, test, pairs, systems[0])
    order = np.argsort(-values if higher_is_better(value) else values, kind="stable")
    best = {"best": count, "worst": 0, "ends": (count + 1) // 2}[kind]
    worst = min(count - best, len(order) - min(best, len(order)))
    kept = np.concatenate([order[:best], order[len(order) - worst :]])
    return pairs[kept], values[kept]


def _is_list(which: str) -> bool:
    kind, colon, _ = which.partition(":")
    return kind not in (*ENDS, "seed") or not colon


def _drawn(pairs: np.ndarray, count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return pairs[np.sort(generator.choice(len(pairs), min(count, len(pairs)), replace=False))]


def _values(metric, protocol, dataset, test, pairs, system: System) -> np.ndarray:
    names = chosen(protocol, [metric])
    scorer = Scorer(protocol, dataset, test.store, pairs, "", names)
    images = system.images(pairs)
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        scorer.add("system", {PLAIN: images[start : start + CHUNK]}, _batch(test, chunk))
    return scorer.each()["system"][metric]


def _batch(test: stores.Split, pairs: np.ndarray):
    return fetch(test.store, Indices(*pairs.T, np.zeros(len(pairs), bool)))


def draw(test: stores.Split, pairs: np.ndarray, systems: Sequence[System]) -> np.ndarray:
    """The figure, uint8 (height, width, 3)."""
    batch = _batch(test, pairs)
    columns = [system.images(pairs) for system in systems]
    rows = []
    for i in range(len(pairs)):
        black = np.zeros_like(batch.target_image[i])
        pose = draw_skeleton(black, batch.target_keypoints[i], batch.target_visible[i])
        row = [batch.source_image[i], pose, batch.target_image[i], *(c[i] for c in columns)]
        width = min(image.shape[1] for image in row)
        rows.append([_middle(image, width) for image in row])
    titles = ["source", "target pose", "target", *(system.title for system in systems)]
    return grid(rows, titles=titles, scale=max(1, 192 // rows[0][0].shape[0]))


def _middle(image: np.ndarray, width: int) -> np.ndarray:
    left = (image.shape[1] - width) // 2
    return image[:, left : left + width]


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.figure",
        description="Draw source, target pose, target and one column a system, for the same pairs.",
    )
    parser.add_argument(
        "runs",
        metavar="RUNS",
        nargs="+",
        help="run directories or folders of pictures, or TITLE=PATH",
    )
    parser.add_argument(
        "--pairs",
        metavar="WHICH",
        default="seed:0",
        help="seed:N, a CSV from,to, or best:, worst: or ends:METRIC of the first system (default: seed:0)",
    )
    parser.add_argument("--count", type=int, default=8, help="pairs at most (default: %(default)s)")
    parser.add_argument(
        "--among",
        type=int,
        default=256,
        help="a metric chooses from so many test pairs, 0: from all (default: %(default)s)",
    )
    parser.add_argument("--dataset", help="the data set of the pictures, where no run says it")
    parser.add_argument(
        "--naming",
        metavar="SYSTEM",
        help="whose pictures the folders hold, as of evaluate.py (default: told by the pictures)",
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="the picture, such as a PNG")
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    if arguments.count < 1 or arguments.among < 0:
        raise InputError("--count and --among: expected a positive number, and one from 0 on")
    if pathlib.Path(arguments.out).is_dir():
        raise InputError(f"--out: {arguments.out} is a folder; expected the name of a picture")
    format_of(arguments.out)
    result_names.find(arguments.naming)
    launch.start_alone()
    named, data_dir = arguments.runs, arguments.data_dir
    which, count, among = arguments.pairs, arguments.count, arguments.among
    pairs_file = which if _is_list(which) else None
    dataset, test, systems = read_systems(
        named, arguments.dataset, data_dir, pairs_file, arguments.naming
    )
    pairs, values = choose(which, count, among, dataset, test, systems, data_dir)
    write_image(arguments.out, draw(test, pairs, systems))
    print(PAIRS_HEADER)
    for source, target in pairs:
        print(f"{test.names[source]},{test.names[target]}")
    if values is not None:
        told = " ".join(f"{value:.4f}" for value in values)
        print(f"{which.partition(':')[2]} of {systems[0].title}: {told}", file=sys.stderr)
    print(f"{len(pairs)} pairs of {dataset} in {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
