"""Scores a run, a folder of anyone's images, or the baselines, under a named protocol.

    python evaluate.py --workdir=runs/g1_g2_d --data_dir=data --limit=500
    python evaluate.py --images=DIR --dataset=market1501 --protocol=patn --pairs=market-pairs-test.csv
    python evaluate.py --baselines --dataset=market1501 --protocol=deformable --out=baselines.json

A run's test pairs are generated and scored beside the baselines and the published row, under the project's
own protocol and the one by which the row's paper measured: a table of each is printed, and
metrics_PROTOCOL.json (the first also as metrics.json) and evaluation.png are written into the run directory.
With --save_images every generated image goes into generated/. Scores under the protocol pgjax also go into
the card of the model that train.py exported at the same step. Several hosts evaluate together as they train:
see train.py.

Scored is the last checkpoint, or the best one where the config has report.keep_best, or the one of --step.

A folder holds one picture a pair, strips of 2 to 6 panels or single images, named SOURCE_TARGET.png,
SOURCE___TARGET_vis.png, SOURCE_2_TARGET_vis.jpg, SOURCE_to_TARGET.png or alike (docs/names.md). One line says
what was understood; --naming says whose pictures they are where that does not tell. metrics.json is written
into the folder, or to --out.

Protocols say everything that a number depends on: see docs/protocols.md. --metrics=all, or names, measures
with networks too: their weights are read from DATA_DIR/weights or fetched once; a metric whose weights
cannot be had is named with what to put where.
"""

from absl import flags

from pgjax import data
from pgjax.errors import InputError
from pgjax.files import config_files, paths
from pgjax.progress import announce
from pgjax.runtime import cpu_process, launch
from pgjax.tools import cli, extension_flag

WORKDIR = flags.DEFINE_string("workdir", None, "The run directory of `pgjax train`.")
IMAGES = flags.DEFINE_string("images", None, "A folder of pictures to score, made by any system.")
DATASET = flags.DEFINE_string("dataset", None, "The data set of --images or --baselines.")
PROTOCOL = flags.DEFINE_list(
    "protocol",
    None,
    "pgjax, pg2, pdig, deformable, kurupathi, patn, gfla, dptn, pidm, pcdms or cfld; for a run also several, "
    "such as pgjax,patn. "
    "Default for a run: pgjax and the protocol of its paper. Default for --images and --baselines: pgjax.",
)
METRICS = flags.DEFINE_list(
    "metrics",
    ["pixel"],
    "Metrics of the protocol: their names, pixel (those without a network), or all.",
)
REFERENCE = flags.DEFINE_string(
    "reference",
    None,
    "Real images for FID and KID: train (all training photos) or targets. Default: those of the protocol.",
)
BASELINES = flags.DEFINE_bool(
    "baselines", False, "Score a copy of the source, the mean training image and the real targets."
)
NAMING = flags.DEFINE_string(
    "naming",
    None,
    "The system that made the pictures of --images: "
    "patn, gfla, dptn, nted, pidm, pcdms, cfld, deformable or pgjax; or how pictures of other systems were "
    "made square: padded or stretched. Default: told by the pictures.",
)
OUT = flags.DEFINE_string("out", None, "File for the result of --images or --baselines.")
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Folder of built data sets; may be gs://...")
LIMIT = flags.DEFINE_integer("limit", None, "Score only the first N pairs of the list.")
STEP = flags.DEFINE_integer(
    "step", None, "The checkpoint. Default: the best by report.keep_best, or else the last."
)
PAIRS = flags.DEFINE_string(
    "pairs",
    None,
    "List of pairs to score in place of the test pairs: a CSV with the header from,to.",
)
SAVE_IMAGES = flags.DEFINE_bool("save_images", False, "Write every generated image as PNG.")
NOISE = flags.DEFINE_bool(
    "noise", False, "Generate with dropout and a drawn latent: they are the noise of the generator."
)
EXTEND = flags.DEFINE_multi_string("extend", [], extension_flag.WHAT)
launch.define()
flags.adopt_module_key_flags(launch)


def main(_) -> None:
    for file in EXTEND.value:
        config_files.extend(file)
    if WORKDIR.value is not None:
        _run(WORKDIR.value)
    elif IMAGES.value is not None or BASELINES.value:
        _pictures()
    else:
        raise InputError(
            "--workdir: missing; expected the run directory of `pgjax train`, or --images or --baselines"
        )


def _run(run: str) -> None:
    _refuse(
        "--workdir", images=IMAGES, dataset=DATASET, out=OUT, baselines=BASELINES, naming=NAMING
    )
    workdir = paths.of(run)
    # What is no run is to be one line.
    if paths.in_bucket(workdir) or (workdir / "config.json").is_file():
        announce(f"starting the evaluation of {workdir}")
    from pgjax.runtime import hosts
    from pgjax.scoring import run_evaluation
    from pgjax.serving import export

    launch.start()
    results = run_evaluation.evaluate_all(
        run,
        DATA_DIR.value,
        LIMIT.value,
        PAIRS.value,
        SAVE_IMAGES.value,
        NOISE.value,
        PROTOCOL.value,
        METRICS.value,
        REFERENCE.value,
        STEP.value,
    )
    if hosts.first():
        export.refresh(run)
        print("\n\n".join(map(run_evaluation.table, results)))


def _pictures() -> None:
    hosts = {name: flags.FLAGS[name] for name in launch.FLAGS}
    _refuse("--images and --baselines", save_images=SAVE_IMAGES, noise=NOISE, step=STEP, **hosts)
    if DATASET.value is None:
        raise InputError("--dataset: missing; expected the data set that the pairs are of")
    data.find(DATASET.value)
    if data.any_built(DATA_DIR.value):
        announce(f"starting to judge {IMAGES.value or 'the baselines'}")
    from pgjax.metrics import protocols
    from pgjax.scoring import picture_judging, run_evaluation

    names = PROTOCOL.value or [protocols.OWN.name]
    if len(names) > 1:
        raise InputError(f"--protocol: {', '.join(names)}: several go with --workdir alone")
    launch.start_alone()
    result = picture_judging.judge(
        DATASET.value,
        DATA_DIR.value,
        IMAGES.value,
        names[0],
        LIMIT.value,
        PAIRS.value,
        METRICS.value,
        BASELINES.value,
        OUT.value,
        REFERENCE.value,
        NAMING.value,
    )
    print(run_evaluation.table(result))


def _refuse(beside: str, **others: flags.FlagHolder | flags.Flag) -> None:
    for name, flag in others.items():
        if flag.value:
            raise InputError(f"--{name}: does not go with {beside}")


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
