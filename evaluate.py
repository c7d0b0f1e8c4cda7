"""Scores a run on the test pairs: see pgjax/tools/evaluate.py, or --help."""

import runpy

from pgjax.runtime import interruption
from pgjax.tools import cli

if __name__ == "__main__":
    interruption.begin("evaluate")
    cli.ArgumentParser.program = "evaluate.py"
    runpy.run_module("pgjax.tools.evaluate", run_name="__main__", alter_sys=True)
