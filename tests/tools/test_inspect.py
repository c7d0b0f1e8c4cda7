import numpy as np
import pytest

import tiny
from pgjax.errors import InputError
from pgjax.images.pixels import read_image
from pgjax.tools import inspect


def test_equal_poses_leave_the_source_where_it_is(tmp_path):
    batch = tiny.batch(3, size=2)
    still = batch._replace(
        target_keypoints=batch.source_keypoints, target_visible=batch.source_visible
    )
    picture = inspect.draw(still)
    height, width = tiny.SIZE
    shown = picture[-4 - 4 * height : -4 : 4, -4 - 4 * width : -4 : 4]
    np.testing.assert_array_equal(shown, batch.source_image[-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs=0", "--out=x.png"], "--pairs"),
        (["--out=."], "is a folder"),
        (["--out=pairs.xyz"], "no format of images has the extension '.xyz'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        inspect.main(["synthetic_people", *arguments])


@pytest.mark.slow
def test_draws_a_data_set(tmp_path):
    out = tmp_path / "pairs.jpg"
    inspect.main(["synthetic_people", f"--data_dir={tmp_path}", f"--out={out}", "--pairs=3"])
    assert read_image(out).shape[0] > 3 * 256
    assert out.read_bytes().startswith(b"\xff\xd8")  # JPEG, as its name says
