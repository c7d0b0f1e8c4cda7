"""Exports a run's checkpoint as a model: python -m pgjax.tools.export --workdir DIR

    python -m pgjax.tools.export --workdir DIR [--step N] [--out DIR] [--onnx FILE.onnx]
    python -m pgjax.tools.export MODEL --onnx FILE.onnx

It is the best one where the config has report.keep_best, and else the last one. train.py does the same at
its end. The folder, WORKDIR/export unless --out says otherwise, holds weights, recipe and a model card, and
is all that generate.py needs; its name is printed.

--onnx also writes the model as one ONNX file, which generate.py runs without JAX (docs/onnx.md). It is
compared with JAX before. MODEL is a folder that was exported already, or a run directory.
"""

import sys

from pgjax.errors import InputError
from pgjax.progress import announce
from pgjax.tools import cli, extension_flag


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.export",
        description="Export a run's best (report.keep_best) or last checkpoint as a folder of weights, "
        "recipe and model card, and as an ONNX file.",
    )
    parser.add_argument("--workdir", metavar="DIR", help="run directory of `pgjax train`")
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        help="likewise; or a model that was exported already, of which --onnx is written",
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write (default: WORKDIR/export)")
    parser.add_argument("--step", metavar="N", type=int, help="step of the checkpoint to export")
    parser.add_argument(
        "--onnx",
        metavar="FILE",
        help="write the model also as one ONNX file, NAME.onnx, once it draws what JAX draws; needs "
        "pip install 'pgjax[onnx]'",
    )
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    if (arguments.workdir is None) == (arguments.run is None):
        parser.error("expected a run directory: one of RUN and --workdir")
    place = arguments.workdir or arguments.run
    from pgjax.serving import export

    if arguments.onnx is not None:
        from pgjax.serving.portable import writing

        writing.check(arguments.onnx)  # before a run is exported
    if not export.is_exported(place):
        place = export.export_run(place, arguments.out, arguments.step)
        print(place)
    elif arguments.onnx is None or (arguments.out, arguments.step) != (None, None):
        raise InputError(
            f"{place}: is an exported model already; expected a run directory, or --onnx alone"
        )
    if arguments.onnx is not None:
        _write_onnx(place, arguments.onnx)


def _write_onnx(folder, path: str) -> None:
    from pgjax.serving.portable import writing

    announce(f"converting {folder} to ONNX, and comparing it with JAX")
    compared = writing.write(folder, path)
    if compared.rounded is not None:
        print(f"the row computes in {compared.rounded}; its ONNX file in float32", file=sys.stderr)
    print(
        f"{compared.pictures} pictures by ONNX Runtime and by JAX: largest difference "
        f"{compared.largest} of 255 grey levels, {compared.share:.3%} of the pixels differ by more than "
        f"{writing.LEVELS}",
        file=sys.stderr,
    )
    print(path)


if __name__ == "__main__":
    cli.run(main)
