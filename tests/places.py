"""Where the tests and the project are, and an environment in which other processes find both."""

import os
import pathlib

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent


def environment() -> dict[str, str]:
    """This process's, in which Python also imports configs/, benchmarks/ and the helpers of tests/."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(ROOT)])}
