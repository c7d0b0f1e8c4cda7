"""Makes a model of the weights that a system's authors released: python -m pgjax.tools.import SYSTEM FILE...

    python -m pgjax.tools.import deformable generator-warp-mask.h5 --row=market1501/dsc_released --out=MODEL

The folder holds weights, recipe and a model card, as that of `pgjax export`; its name is printed. Systems,
their rows and files: see --help. Nothing that a file holds is executed. A missing array, one that no network
has and one of another shape are errors that name it.
"""

import argparse

from pgjax.runtime import cpu_process
from pgjax.tools import cli, overrides


def main(argv: list[str] | None = None) -> None:
    from pgjax.serving import published

    systems = "\n".join(
        f"  {name}: {system.repository}\n    files: {', '.join(system.files)}; the first is needed\n"
        f"    rows: {', '.join(system.rows)}"
        for name, system in published.SYSTEMS.items()
    )
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.import",
        description="Make an exported model of the weights that a system's authors released.",
        epilog=f"systems:\n{systems}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("system", metavar="SYSTEM", help="whose weights, see below")
    parser.add_argument("files", metavar="FILE", nargs="+", help="files of it, in the order below")
    parser.add_argument(
        "--row", metavar="DATASET/ROW", required=True, help="what the weights were trained for"
    )
    parser.add_argument("--out", metavar="DIR", required=True, help="folder to write")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change a key of the row's config, where networks of another width were trained with the "
        "authors' code (repeatable): networks.*.options.features=32",
    )
    arguments = parser.parse_args(argv)
    config = published.config_of(arguments.system, arguments.row)
    for change in arguments.set:
        overrides.set_key(config, change)
    print(published.import_model(arguments.system, config, arguments.files, arguments.out))


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
