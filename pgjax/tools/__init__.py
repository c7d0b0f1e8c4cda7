"""The commands: each is `python -m pgjax.tools.NAME`, and `pgjax NAME` (pgjax.__main__)."""

import sys

from pgjax.runtime import interruption

if sys.argv[:1] == [
    "-m"
]:  # Python looks for the module that it is to run, and imports this on the way
    _named = (a.removeprefix("-m") for a in sys.orig_argv)
    interruption.begin(next((a for a in _named if a.startswith(__name__)), "").rpartition(".")[2])
