"""Draws the person of a photo in another pose: see pgjax/tools/generate.py, or --help."""

import runpy

from pgjax.runtime import interruption
from pgjax.tools import cli

if __name__ == "__main__":
    interruption.begin("generate")
    cli.ArgumentParser.program = "generate.py"
    runpy.run_module("pgjax.tools.generate", run_name="__main__", alter_sys=True)
