"""Scores a run on the test pairs, beside the baselines and the published row.

    python evaluate.py --workdir=runs/g1_g2_d --data_dir=data --limit=500

Prints a table; writes metrics.json and evaluation.png into the run directory, and with --save_images
every generated image into generated/. The scores also go into the card of the model that train.py exported at
the same step. Several hosts evaluate together as they train: see train.py.
"""

from absl import flags

from pgjax import cli, launch
from pgjax.errors import InputError

WORKDIR = flags.DEFINE_string("workdir", None, "The run directory of train.py.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where the data sets are; a folder or gs://...")
LIMIT = flags.DEFINE_integer("limit", None, "Only the first N pairs, in list order.")
PAIRS = flags.DEFINE_string(
    "pairs", None, "CSV `from,to` of photo names instead of the test pairs."
)
SAVE_IMAGES = flags.DEFINE_bool("save_images", False, "Write every generated image as PNG.")
NOISE = flags.DEFINE_bool("noise", False, "Generate with dropout on: it is the noise vector.")
launch.define()
flags.adopt_module_key_flags(launch)


def main(_) -> None:
    from pgjax import evaluation, export, hosts

    if WORKDIR.value is None:
        raise InputError("--workdir: missing; expected the run directory of train.py")
    launch.start()
    result = evaluation.evaluate(
        WORKDIR.value, DATA_DIR.value, LIMIT.value, PAIRS.value, SAVE_IMAGES.value, NOISE.value
    )
    if hosts.first():
        export.refresh(WORKDIR.value)
        print(evaluation.table(result))


if __name__ == "__main__":
    cli.run_absl(main)
