"""The arguments of `pgjax sample`; tests/training/test_pdig_run.py draws."""

import pytest

from pgjax.errors import InputError
from pgjax.tools import sample


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out=x.png", "--persons=0"], "--persons and --seed"),
        (["--out=x.png", "--seed=-1"], "--persons and --seed"),
        (["--out=persons.xyz"], "persons.xyz: no format of images has the extension '.xyz'"),
        (["--out=."], "--out: . is a folder"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        sample.main(["run", *arguments])


def test_no_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model here"):
        sample.main([str(tmp_path / "none"), f"--out={tmp_path / 'x.png'}"])
