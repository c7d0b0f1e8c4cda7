"""Exports a run's checkpoint as a model: python -m pgjax.tools.export --workdir DIR

    python -m pgjax.tools.export --workdir DIR [--step N] [--out DIR]

It is the best one where the config has report.keep_best, and else the last one. train.py does the same at
its end. The folder, WORKDIR/export unless --out says otherwise, holds weights, recipe and a model card, and
is all that generate.py needs; its name is printed.
"""

from pgjax.tools import cli, extension_flag


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.export",
        description="Export a run's best (report.keep_best) or last checkpoint as a folder of weights, "
        "recipe and model card.",
    )
    parser.add_argument(
        "--workdir", metavar="DIR", required=True, help="run directory of `pgjax train`"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write (default: WORKDIR/export)")
    parser.add_argument("--step", metavar="N", type=int, help="step of the checkpoint to export")
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)

    from pgjax.serving import export

    print(export.export_run(arguments.workdir, arguments.out, arguments.step))


if __name__ == "__main__":
    cli.run(main)
