"""Trains one row of a published table: see pgjax/tools/train.py, or --help."""

import runpy

from pgjax import cli, interruption

if __name__ == "__main__":
    interruption.begin("train")
    cli.ArgumentParser.program = "train.py"
    runpy.run_module("pgjax.tools.train", run_name="__main__", alter_sys=True)
