"""Executes the notebooks: python notebooks/run.py [--out DIR] [NAME ...]

The notebooks are text, notebooks/NAME.py, as jupytext writes it. Each is executed from its first cell to its
last in a Jupyter kernel, in the folder notebooks/, and saved with its outputs and pictures as DIR/NAME.ipynb.
A cell that fails ends this with its error, and exit code 1. Needs the extra `notebooks`.
"""

import argparse
import pathlib
import sys
import time

import jupytext
import nbclient
import nbformat

FOLDER = pathlib.Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "run")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("names", metavar="NAME", nargs="*", help="default: all")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path, default=FOLDER / "executed")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in NAMES:
            parser.error(f"unknown notebook {name!r}; there are {', '.join(NAMES)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or NAMES:
        started = time.perf_counter()
        notebook = jupytext.read(FOLDER / f"{name}.py")
        client = nbclient.NotebookClient(
            notebook, timeout=None, resources={"metadata": {"path": str(FOLDER)}}
        )
        try:
            client.execute()
        except nbclient.exceptions.CellExecutionError as error:
            sys.exit(f"notebooks/{name}.py: {error}")
        finally:
            nbformat.write(notebook, arguments.out / f"{name}.ipynb")
        print(f"{arguments.out / name}.ipynb, {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
