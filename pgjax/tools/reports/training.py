"""The small report of a run that trains, report.html in its directory."""

import sys

from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.tools.reports import curves, page, runs
from pgjax.tools.reports.pictures import Room
from pgjax.training.run_directory import REPORT

GRIDS = 4


def write(folder: paths.Path, log: paths.Path) -> None:
    """Writes the run's curves, samples and config as they are now, whole or not at all.

    What goes wrong is told in a line, and stops no training.

    Args:
      folder: the run directory.
      log: where its metrics.jsonl is up to date.
    """
    try:
        run, room = runs.read(folder, log), Room()
        section = runs.section(run, 1, GRIDS, room)
        section = section._replace(title=f"{run.row}, seed {run.config['seed']}")
        html = page.render(
            f"{run.row}: step {section.step} of {section.total}",
            [section],
            curves.groups([run.log]),
            left_out=room.left_out,
        )
        page.write(folder / REPORT, html)
    except Exception as error:  # a page is not worth a training of days
        told = error if isinstance(error, InputError | OSError) else repr(error)
        print(f"warning: no {REPORT} of {folder}: {told}", file=sys.stderr, flush=True)
