"""Strict settings for every test, and the fixtures that reach the real data."""

import pathlib

import jax
import pytest

# Two CPU devices, so that every pmapped step is tested as a multi-device one.
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_rank_promotion", "raise")

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder ../shared: real data, weights and golden arrays."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the real data in {folder}, which is not part of the project")
    return folder
