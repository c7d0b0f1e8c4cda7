"""Writes a page about runs, one file: python -m pgjax.tools.report RUNS... --out report.html

RUNS are run directories, or folders of them, finished or not. The page has their paper's table with published
numbers and protocols (as pgjax table prints it), curves, samples in time, what the user changed of the row,
and for each run that was evaluated its best and worst pairs by a metric, and a chart of pairs whose points
open the pictures. The run draws these as it was evaluated, so the data set is needed; --pairs=0 does without.
NAME=FOLDER/metrics.json is a line of another system, whose pictures evaluate.py --images scored.

The page asks no host for anything. Its pictures take at most 12 MB; it says what is left out. The same runs
give the same page.
"""

import dataclasses
import sys
from collections.abc import Sequence

from pgjax import data
from pgjax.errors import InputError
from pgjax.files import buckets, paths
from pgjax.metrics.protocols import OWN, PROTOCOLS
from pgjax.runtime import cpu_process, launch
from pgjax.scoring.results import Table
from pgjax.tools import cli, extension_flag, measured, papers, table
from pgjax.tools.measured import Judged, is_judged, read_judged
from pgjax.tools.reports import curves, page, runs
from pgjax.tools.reports.pairs import Asked, NoPairsError, of_run
from pgjax.tools.reports.pictures import Room
from pgjax.training import run_directory

GRIDS = 6  # of samples, of a run


@dataclasses.dataclass(frozen=True)
class Options:
    """What a report is made of, besides its runs.

    data_dir: where the data sets are. protocol: the name of that of the tables and pairs, each paper's own
    unless given. judged: other systems' pictures. asked: of pairs.
    """

    data_dir: str = data.DATA_DIR
    protocol: str | None = None
    judged: Sequence[Judged] = ()
    asked: Asked = dataclasses.field(default_factory=Asked)


def write(folders: Sequence[paths.Path], out: paths.Path, options: Options) -> None:
    """Writes the report of runs to `out`.

    Args:
      folders: run directories, or folders of them.
      out: the file.
      options: what else it is made of.

    Raises:
      FileNotFoundError: the data set is not built.
      InputError: a folder holds no run, a file of a run is damaged, a metric is not known.
    """
    found = [runs.read(folder) for folder in _found(folders)]
    tables, notes = _tables(found, options)
    room = Room()
    sections = []
    for number, run in enumerate(found, 1):
        section = runs.section(run, number, GRIDS, room)
        protocol = _protocol(run.paper, options.protocol)
        try:
            wanted = (run.folder, run.config, protocol, options.asked, options.data_dir, room)
            section = section._replace(pairs=of_run(*wanted, section.anchor))
        except NoPairsError as error:
            section = section._replace(notes=[f"Pairs: {error}"])
        sections.append(section)
    names = list(dict.fromkeys(run.row for run in found))
    title = names[0] if len(names) == 1 else f"{len(found)} runs of {len(names)} rows"
    groups = curves.groups([run.log for run in found])
    page.write(out, page.render(title, sections, groups, tables, notes, room.left_out))


def _found(folders: Sequence[paths.Path]) -> list[paths.Path]:
    """The run directories among folders, each once.

    Raises:
      InputError: names all folders that have none.
    """
    found, faults = {}, []
    for folder in folders:
        buckets.check(folder)
        if (folder / run_directory.CONFIG).exists():
            places = [folder]
        else:
            places = [file.parent for file in buckets.find(folder, run_directory.CONFIG)]
        if not places:
            faults.append(
                f"{folder}: no run in it" if folder.exists() else f"{folder}: no such folder"
            )
        for place in places:
            found.setdefault(place if paths.in_bucket(place) else place.resolve(), place)
    if faults:
        raise InputError("; ".join(faults))
    return list(found.values())


def _protocol(paper: str | None, name: str | None) -> str:
    if paper is None:
        return name or OWN.name
    return papers.protocol_of(paper, name).name


def _tables(found: Sequence[runs.Run], options: Options) -> tuple[list[Table], list[str]]:
    """A table of each paper and data set, and why a run is in none.

    Raises:
      InputError: other systems' pictures have no place in any.
    """
    tables, notes, placed = [], [], set()
    for paper in dict.fromkeys(run.paper for run in found if run.paper is not None):
        usable = []
        protocol = _protocol(paper, options.protocol)
        own = [run for run in found if run.paper == paper]
        for run in own:
            try:
                usable.append(measured.read(run.folder, protocol))
            except (InputError, OSError) as error:
                notes.append(f"Not in the table: {error}")
        datasets = _datasets(paper, own)
        beside = [j for j in options.judged if j.dataset in datasets and j.protocol == protocol]
        placed.update(each.name for each in beside)
        try:
            tables += table.listed(paper, usable, datasets, protocol, beside) if datasets else []
        except InputError as error:
            notes.append(f"No table of {paper}: {error}")
    for run in found:
        if run.paper is None:
            notes.append(f"Not in a table: {run.folder}: no paper has a row {run.row}")
    for other in options.judged:
        if other.name not in placed:
            raise InputError(
                f"{other.name}={other.path}: judged on {other.dataset} under protocol {other.protocol}; no "
                "run has a table of that"
            )
    return tables, notes


def _datasets(paper: str, found: Sequence[runs.Run]) -> list[str]:
    """The paper's data sets that runs are of."""
    ran = {run.config["row"].partition("/")[0] for run in found}
    return [name for name in papers.find(paper).SETTINGS if name in ran]


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.report",
        description="Write a page about runs: one HTML file that needs nothing else.",
    )
    parser.add_argument(
        "runs",
        metavar="RUNS",
        nargs="+",
        help="run directories, or folders that contain them; NAME=FOLDER/metrics.json adds the pictures of "
        "another system, scored by evaluate.py --images, to the tables",
    )
    parser.add_argument(
        "--out", metavar="FILE", required=True, help="the page to write, such as report.html"
    )
    parser.add_argument(
        "--pairs",
        metavar="N",
        type=int,
        default=Asked().count,
        help="show the N best and the N worst pairs of each run; 0: no pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--points",
        metavar="N",
        type=int,
        default=Asked().points,
        help="pairs in the chart of each run (default: %(default)s)",
    )
    parser.add_argument(
        "--metric", help="metric that ranks the pairs (default: the first of the protocol)"
    )
    parser.add_argument(
        "--against", help="metric on the other axis of the chart (default: L1 where there is one)"
    )
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        help=f"protocol of tables and pairs: {', '.join(PROTOCOLS)} (default: the paper's own, or pgjax if "
        "it is not known)",
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    extension_flag.add(parser)
    given = parser.parse_intermixed_args(argv)
    if given.pairs < 0 or given.points < 0:
        raise InputError("--pairs and --points: expected a number from 0 on")
    out = paths.of(given.out)
    if out.is_dir():
        raise InputError(f"--out: {out} is a folder; expected the name of a page")
    folders = [paths.of(text) for text in given.runs if not is_judged(text)]
    if not folders:
        raise InputError("no run; expected run directories, or folders of them")
    launch.start_alone()
    judged = [read_judged(text) for text in given.runs if is_judged(text)]
    asked = Asked(given.pairs, given.points, given.metric, given.against)
    write(folders, out, Options(given.data_dir, given.protocol, judged, asked))
    print(out)
    print(f"{out}: {len(out.read_bytes()) / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
