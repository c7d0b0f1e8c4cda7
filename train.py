"""Trains one row of a published table: see pgjax/tools/train.py, or --help."""

import runpy

if __name__ == "__main__":
    runpy.run_module("pgjax.tools.train", run_name="__main__", alter_sys=True)
