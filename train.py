"""Trains one row of a published table: see pgjax/tools/train.py, or --help."""

import runpy

from pgjax import interruption

if __name__ == "__main__":
    interruption.begin("train")
    runpy.run_module("pgjax.tools.train", run_name="__main__", alter_sys=True)
