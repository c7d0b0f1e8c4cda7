"""Trains one row of a published table.

    python train.py --config=pg2:market1501/g1_g2_d --workdir=runs/g1_g2_d --data_dir=data

While it trains it writes WORKDIR/report.html anew where samples are drawn: curves, samples, the config.
At its end it exports the model that generate.py takes, with its card, to WORKDIR/export.
Any key of the config may be set: --config.batch_size=8. A run that was stopped goes on from its last
checkpoint when the same command is given again. SIGTERM (exit code 0) and Ctrl-C (130) let it save itself
first; a second Ctrl-C does not. --config.total_steps=N says where the run ends, and may be raised later.
--dry_run prints the recipe and the parameter table. --init=MODEL_OR_RUN begins a new run with the weights of
an exported model, or of a run's last checkpoint: docs/finetuning.md.

Several hosts make one run when each starts this command with the same --workdir, which they share, and
--coordinator=ADDRESS:PORT --num_hosts=N --host=0 (1, 2, ...), or --distributed where JAX can find these out.
Compiled programs are kept in ~/.cache/pgjax, or where JAX_COMPILATION_CACHE_DIR says.
"""

import sys

from absl import flags
from ml_collections import config_flags

from pgjax import data
from pgjax.errors import InputError
from pgjax.files import config_files
from pgjax.progress import announce
from pgjax.runtime import cpu_process, launch
from pgjax.runtime.interruption import Interruption
from pgjax.tools import cli, extension_flag

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The row: PAPER:DATASET/ROW, or FILE.py:DATASET/ROW."
)
WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "The run directory, or gs://...; a new one is created, an existing one is continued.",
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Folder of built data sets; may be gs://...")
DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Print the recipe and the numbers of parameters; write nothing."
)
INIT = flags.DEFINE_string(
    "init", None, "Start a new run with the weights of this exported model or run."
)
INIT_NETWORKS = flags.DEFINE_list(
    "init_networks", [], "Networks to take from --init, such as g,d. Default: all of them."
)
EXTEND = flags.DEFINE_multi_string("extend", [], extension_flag.WHAT)
launch.define()
flags.adopt_module_key_flags(launch)


def main(_) -> None:
    for file in EXTEND.value:
        config_files.extend(file)
    if CONFIG.value is None:
        raise InputError("--config: missing; expected --config=PAPER:DATASET/ROW")
    if DRY_RUN.value:
        from pgjax.tools import row_summary

        print(row_summary.describe(_config()))
        return
    if WORKDIR.value is None:
        raise InputError("--workdir: missing; expected a directory for this run")
    with Interruption() as stop:
        if _has_data():  # a data set that is missing is to be one line
            announce(f"starting {CONFIG.value.get('row')} in {WORKDIR.value}")
        from pgjax.runtime import compilation, traced_programs
        from pgjax.tools.reports import training
        from pgjax.training import loop

        launch.start()
        traced_programs.keep(compilation.folder())
        config = _config()
        state = loop.train_and_evaluate(
            config, WORKDIR.value, DATA_DIR.value, stop, after_sample=training.write
        )
        _export(config, state, WORKDIR.value)
        stop.end(int(state.step))


def _has_data() -> bool:
    known = data.DATASETS.get(CONFIG.value.get("data", {}).get("name"))
    return (known is not None and known.generated) or data.any_built(DATA_DIR.value)


def _config():
    """The row's config, with what --init says."""
    from pgjax.training import finetuning

    return finetuning.with_init(CONFIG.value, INIT.value, INIT_NETWORKS.value, WORKDIR.value)


def _export(config, state, workdir: str) -> None:
    """Exports a run that is at its end; every host calls it."""
    from pgjax.runtime import hosts
    from pgjax.serving import export
    from pgjax.training.checkpoint import need_room
    from pgjax.training.choice import read_chosen
    from pgjax.training.recipe import build

    recipe, best = build(config), None
    if int(state.step) != recipe.total_steps:
        return
    if recipe.report.keep_best:
        state, best = read_chosen(workdir, config)  # on all hosts
    if hosts.first():
        announce("exporting the model")
        with need_room(workdir):
            folder = export.export_state(config, state, workdir, best=best)
        print(f"model exported to {folder}", file=sys.stderr)


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
