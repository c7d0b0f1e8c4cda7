import jax.numpy as jnp
import numpy as np
import pytest

from pgjax.checkpoint import Checkpoints, first_difference
from pgjax.errors import InputError
from pgjax.state import NetworkState, State

WHO = {"row": "market1501/g1_l1", "networks": {"g1": {"features": 4}}}


def _state(step: int, width: int = 3) -> State:
    params = {"kernel": jnp.full((2, width), float(step)), "bias": jnp.arange(width) + 0.5}
    moments = (jnp.asarray(step, jnp.int32), {"kernel": jnp.ones((2, width))})
    return State(jnp.asarray(step, jnp.int32), {"g1": NetworkState(params, moments)})


def test_the_latest_state_comes_back(tmp_path):
    with Checkpoints(tmp_path, WHO, keep=2) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(_state(step))
    with Checkpoints(tmp_path, WHO) as checkpoints:
        assert checkpoints.latest_step() == 3
        restored = checkpoints.restore(_state(0))
        assert int(restored.step) == 3 and restored.step.dtype == np.int32
        np.testing.assert_array_equal(
            restored.networks["g1"].params["kernel"], np.full((2, 3), 3.0)
        )
        assert int(restored.networks["g1"].optimizer[0]) == 3
        with pytest.raises(FileNotFoundError, match="no checkpoint of step 1"):
            checkpoints.restore(_state(0), step=1)


def test_a_half_written_checkpoint_is_not_picked_up(tmp_path):
    with Checkpoints(tmp_path, WHO) as checkpoints:
        checkpoints.save(_state(1))
    # What a killed save leaves behind (stack facts, F).
    (tmp_path / "checkpoints" / "2.orbax-checkpoint-tmp").mkdir()
    with Checkpoints(tmp_path, WHO) as checkpoints:
        assert int(checkpoints.restore(_state(0)).step) == 1
        checkpoints.save(_state(2))
    with Checkpoints(tmp_path, WHO) as checkpoints:
        assert int(checkpoints.restore(_state(0)).step) == 2


def test_a_checkpoint_of_another_row_is_refused(tmp_path):
    with Checkpoints(tmp_path, WHO) as checkpoints:
        checkpoints.save(_state(1))
    with (
        Checkpoints(tmp_path, WHO | {"row": "market1501/g1_mask"}) as checkpoints,
        pytest.raises(
            ValueError, match=r"row is 'market1501/g1_l1' there and 'market1501/g1_mask'"
        ),
    ):
        checkpoints.restore(_state(0))
    wider = {"row": WHO["row"], "networks": {"g1": {"features": 5}}}
    with (
        Checkpoints(tmp_path, wider) as checkpoints,
        pytest.raises(ValueError, match=r"networks\.g1\.features is 4 there and 5 here"),
    ):
        checkpoints.restore(_state(0, width=5))


def test_no_checkpoint_is_an_error(tmp_path):
    with (
        Checkpoints(tmp_path, WHO) as checkpoints,
        pytest.raises(FileNotFoundError, match="no checkpoint in"),
    ):
        checkpoints.restore(_state(0))


@pytest.mark.parametrize("part", ["state", "identity"])
def test_a_damaged_checkpoint_is_named(tmp_path, part):
    with Checkpoints(tmp_path, WHO) as checkpoints:
        checkpoints.save(_state(7))
    for file in (tmp_path / "checkpoints" / "7" / part).rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:10])
    with (
        Checkpoints(tmp_path, WHO) as checkpoints,
        pytest.raises(InputError, match=rf"checkpoints/7 is damaged or incomplete: its {part}"),
    ):
        checkpoints.restore(_state(0))


def test_looking_for_checkpoints_creates_nothing(tmp_path):
    with Checkpoints(tmp_path / "run", WHO) as checkpoints:
        assert checkpoints.latest_step() is None
    assert not (tmp_path / "run").exists()


def test_first_difference():
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1}}) is None
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 2}}) == ("a.b", 1, 2)
    assert first_difference({"a": 1}, {"a": 1, "c": 2}) == ("c", None, 2)
