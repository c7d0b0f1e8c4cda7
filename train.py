"""Trains one row of a published table: see pgjax/tools/train.py, or --help."""

import runpy

from pgjax.runtime import interruption
from pgjax.tools import cli

if __name__ == "__main__":
    interruption.begin("train")
    cli.ArgumentParser.program = "train.py"
    runpy.run_module("pgjax.tools.train", run_name="__main__", alter_sys=True)
