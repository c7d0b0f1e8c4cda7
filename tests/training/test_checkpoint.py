import shutil
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from pgjax.errors import InputError
from pgjax.training.checkpoint import Checkpoints, first_difference, saved_steps
from pgjax.training.state import NetworkState, State

WHO = {"row": "market1501/g1_l1", "networks": {"g1": {"features": 4}}}


VECTORS = {"in": {"u": np.float32([0.6, 0.8]), "v": np.float32([1, 0])}}


def _state(step: int, width: int = 3) -> State:
    """One network without vectors and one with."""
    params = {"kernel": jnp.full((2, width), float(step)), "bias": jnp.arange(width) + 0.5}
    moments = (jnp.asarray(step, jnp.int32), {"kernel": jnp.ones((2, width))})
    networks = {
        "g1": NetworkState(params, moments, {}),
        "d": NetworkState(params, moments, jax.tree.map(lambda x: x + step, VECTORS)),
    }
    return State(jnp.asarray(step, jnp.int32), networks)


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
        assert jax.tree.structure(restored) == jax.tree.structure(_state(3))
        assert restored.networks["g1"].vectors == {}
        found = restored.networks["d"].vectors["in"]
        for name, vector in VECTORS["in"].items():
            np.testing.assert_array_equal(found[name], vector + 3)
        with pytest.raises(FileNotFoundError, match="no checkpoint of step 1"):
            checkpoints.restore(_state(0), step=1)


def _changed(**fields):
    state = _state(1)
    return state._replace(networks=state.networks | {"g1": state.networks["g1"]._replace(**fields)})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            _state(1, width=4),
            r"networks\.d\.optimizer\.1\.kernel is float32 \(2, 3\), expected float32 \(2, 4\)",
        ),
        (
            _changed(params={"kernel": jnp.ones((2, 3), jnp.bfloat16), "bias": jnp.ones(3)}),
            r"networks\.g1\.params\.kernel is float32 \(2, 3\), expected bfloat16 \(2, 3\)",
        ),
        (
            _changed(params={"kernel": jnp.ones((3, 2)), "bias": jnp.ones(3)}),
            r"networks\.g1\.params\.kernel is float32 \(2, 3\), expected float32 \(3, 2\)",
        ),
        (
            _changed(params={"kernel": jnp.ones((2, 3))}),
            r"networks\.g1\.params\.bias is float32 \(3,\), expected nothing of that name",
        ),
        (
            _changed(vectors=VECTORS),
            r"networks\.g1\.vectors\.in\.u is not there, expected float32 \(2,\)",
        ),
    ],
    ids=["width", "type", "order", "more", "less"],
)
def test_a_checkpoint_of_other_arrays_is_refused_by_name(tmp_path, other, message):
    with Checkpoints(tmp_path, WHO) as checkpoints:
        checkpoints.save(_state(1))
    with Checkpoints(tmp_path, WHO) as checkpoints:
        with pytest.raises(InputError, match=rf"1 is of other networks: {message}$"):
            checkpoints.restore(other)
        # It is no damage: nothing is put aside for it.
        checkpoints.save(_state(2))
    assert saved_steps(tmp_path) == [1, 2]


class Before(NamedTuple):
    """What a network's state was before spectral normalisation."""

    params: Any
    optimizer: Any


class BeforeState(NamedTuple):
    """What a state was before pools."""

    step: Any
    networks: Any


def test_a_checkpoint_from_before_vectors_is_read(tmp_path):
    state = _state(1)
    state.networks.pop("d")
    network = state.networks["g1"]
    before = BeforeState(state.step, {"g1": Before(network.params, network.optimizer)})
    # By hand, as `save` did then.
    with ocp.CheckpointManager(tmp_path / "checkpoints") as manager:
        stored = jax.tree.map(np.asarray, before)
        args = {"state": ocp.args.StandardSave(stored), "identity": ocp.args.JsonSave(WHO)}
        manager.save(1, args=ocp.args.Composite(**args))
    with Checkpoints(tmp_path, WHO) as checkpoints:
        restored = checkpoints.restore(state)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    np.testing.assert_array_equal(restored.networks["g1"].params["kernel"], np.ones((2, 3)))


def test_a_half_written_checkpoint_is_not_picked_up(tmp_path):
    with Checkpoints(tmp_path, WHO) as checkpoints:
        checkpoints.save(_state(1))
    # What a killed save leaves behind (docs/reference_facts.md, 7.1).
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
    _truncate(tmp_path / "checkpoints" / "7" / part)
    with (
        Checkpoints(tmp_path, WHO) as checkpoints,
        pytest.raises(InputError, match=rf"checkpoints/7 is damaged or incomplete: its {part}"),
    ):
        checkpoints.restore(_state(0))


def _truncate(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:10])


def _empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = {
    "truncated": _truncate,
    "no state": lambda folder: shutil.rmtree(folder / "state"),
    "no identity": lambda folder: shutil.rmtree(folder / "identity"),
    "one file less": lambda folder: (folder / "state" / "manifest.ocdbt").unlink(),
    "empty": _empty,
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", DAMAGES)
def test_the_newest_that_can_be_read_is_taken(tmp_path, damage, capsys):
    folder = tmp_path / "checkpoints"
    with Checkpoints(tmp_path, WHO) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(_state(step))
    DAMAGES[damage](folder / "2")
    _empty(folder / "3")
    with Checkpoints(tmp_path, WHO) as checkpoints:
        assert int(checkpoints.restore(_state(0)).step) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [f"{folder}/{n} is damaged" in line for n, line in zip((3, 2), lines, strict=True)]
    assert all(line.endswith("going on from step 1") for line in lines)
    assert saved_steps(tmp_path) == [1, 2, 3]
    for _ in range(2):  # the second time there is one aside already
        with Checkpoints(tmp_path, WHO) as checkpoints:
            checkpoints.restore(_state(0))
            checkpoints.save(_state(2))
        with Checkpoints(tmp_path, WHO) as checkpoints:
            assert int(checkpoints.restore(_state(0)).step) == 2
        _empty(folder / "2")
    aside = sorted(p.name for p in (tmp_path / "checkpoints.damaged").iterdir())
    assert aside == ["2", "2.1", "3"]
    _empty(folder / "1")
    with (
        Checkpoints(tmp_path, WHO) as checkpoints,
        pytest.raises(InputError, match=r"no checkpoint can be read: .*/2 is .*/1 is damaged"),
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
