"""Traced programs kept on disk: found again, never a wrong one, and no run fails for them."""

import os
import pathlib
import sys
import time
import types
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.files import config_files
from pgjax.nets import NETS
from pgjax.runtime import traced_programs
from pgjax.runtime.devices import DEVICES, over_devices, place, replicate
from pgjax.training import losses
from pgjax.training.recipe import OPTIMIZERS, build
from pgjax.training.steps import make_step, step_identity


class Inner(NamedTuple):
    x: jax.Array


class Outer(NamedTuple):
    count: jax.Array
    inner: dict[str, Inner]


class Counted:
    """A function of a state and numbers that counts how often it is traced."""

    def __init__(self, factor: float = 2.0):
        self.traced, self._factor = 0, factor

    def step(self, state: Outer, numbers: jax.Array, more: jax.Array | None = None):
        self.traced += 1
        x = state.inner["a"].x * self._factor + numbers.sum()
        mean = jax.lax.pmean(x, DEVICES)
        return Outer(state.count + 1, {"a": Inner(x)}), {"mean": mean.mean()}

    def mapped(self, identity: str | None = "counted", donate: tuple[int, ...] = (0,)):
        return over_devices(self.step, donate, identity=identity)


def _state() -> Outer:
    return replicate(Outer(np.int32(0), {"a": Inner(np.arange(3.0, dtype=np.float32))}))


def _numbers(count: int = 4) -> jax.Array:
    """Other numbers for each device."""
    devices = jax.local_device_count()
    return place(np.arange(devices * count, dtype=np.float32).reshape(devices, count))


def _same(a, b) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    same = jax.tree.structure(a) == jax.tree.structure(b)
    return same and all(np.array_equal(x, y) for x, y in pairs)


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_kept_program_is_not_traced_again_and_gives_the_same(kept_programs):
    first, second = Counted(), Counted()
    expected = Counted().mapped(None)(_state(), _numbers())
    assert _same(first.mapped()(_state(), _numbers()), expected)
    assert first.traced == 1 and len(_files(kept_programs)) == 1
    mapped = second.mapped()
    state, log = mapped(_state(), _numbers())
    assert _same((state, log), expected)
    assert state.inner["a"].x.sharding == expected[0].inner["a"].x.sharding
    mapped(state, _numbers())
    assert second.traced == 0 and len(_files(kept_programs)) == 1


def test_a_kept_program_lowers_and_takes_what_is_donated(kept_programs):
    for _ in range(2):
        state = _state()
        lowered = Counted().mapped().lower(state, _numbers())
        assert "module @jit_step" in lowered.as_text()
        compiled = lowered.compile()
        moved, _ = compiled(state, _numbers())
        assert state.inner["a"].x.is_deleted()
        assert not moved.inner["a"].x.is_deleted()
    kept = _state()
    Counted().mapped(donate=())(kept, _numbers())
    assert not kept.inner["a"].x.is_deleted()


def test_nothing_is_kept_unless_asked_for(kept_programs):
    Counted().mapped(identity=None)(_state(), _numbers())
    traced_programs.keep(None)
    Counted().mapped()(_state(), _numbers())
    for nowhere in ("gs://bucket/cache", ""):
        traced_programs.keep(nowhere)
        Counted().mapped()(_state(), _numbers())
    assert _files(kept_programs) == [] and not pathlib.Path(traced_programs.FOLDER).exists()


def test_other_shapes_types_and_arguments_are_other_programs(kept_programs):
    mapped = Counted().mapped()
    mapped(_state(), _numbers(4))
    mapped(_state(), _numbers(5))
    mapped(_state(), _numbers(4).astype(jnp.int32))
    mapped(_state(), _numbers(4), _numbers(1))
    assert len(_files(kept_programs)) == 4


@pytest.fixture
def set_jax():
    """jax.config.update, undone after the test."""
    before = dict(jax.config.values)
    changed = []

    def update(name, value):
        changed.append(name)
        jax.config.update(name, value)

    yield update
    for name in changed:
        jax.config.update(name, before[name])


@pytest.mark.parametrize("changed", ["identity", "source"])
def test_what_a_function_follows_from_is_looked_at(changed, kept_programs, monkeypatch):
    Counted(2.0).mapped()(_state(), _numbers())
    if changed == "source":
        monkeypatch.setattr(traced_programs, "_source", lambda: "other")
        traced_programs.keep(kept_programs.parent)
    other = Counted(3.0)
    found = other.mapped("other" if changed == "identity" else "counted")(_state(), _numbers())
    assert other.traced == 1 and len(_files(kept_programs)) == 2
    assert _same(found, Counted(3.0).mapped(None)(_state(), _numbers()))


def test_the_key_tells_arguments_settings_and_machines_apart(monkeypatch, set_jax, tmp_path):
    numbers, seen = _numbers(), set()

    def new(*arguments) -> bool:
        found = traced_programs._key("identity", "source", arguments or (numbers,))
        before = len(seen)
        seen.add(found)
        return len(seen) > before

    class Device:
        platform, device_kind = "cpu", "other"

    assert new() and not new()
    assert new(numbers, None, numbers) and new(numbers, numbers, None) and new({"a": numbers})
    assert new(numbers[:, :1]) and new(numbers.astype(jnp.int32))
    assert new(jnp.float32(1)) and new(jnp.asarray(1.0))  # the latter's type is weak
    set_jax("jax_compilation_cache_dir", str(tmp_path))
    assert not new()
    monkeypatch.setitem(jax.config.values, "jax_cpu_enable_async_dispatch", "other")
    assert not new()
    for name, value in (
        ("jax_default_matmul_precision", "highest"),
        ("jax_threefry_partitionable", not jax.config.jax_threefry_partitionable),
        ("jax_enable_x64", True),
    ):
        set_jax(name, value)
        assert new()
    monkeypatch.setattr(traced_programs.sys, "version", "other")
    assert new()
    monkeypatch.setattr(traced_programs.jax, "local_device_count", lambda: 64)
    assert new()
    monkeypatch.setattr(traced_programs.jax, "local_devices", lambda: [Device])
    assert new()


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A package and a library in the places of pgjax and of all libraries."""
    home, library = tmp_path / "pgjax", tmp_path / "library"
    for path in (home / "programs.py", home / "nets" / "net.py", library / "__init__.py"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    module = types.ModuleType("library")
    module.__file__, module.__version__ = str(library / "__init__.py"), "1.0"
    monkeypatch.setattr(config_files, "PACKAGE", home)
    monkeypatch.setattr(traced_programs, "LIBRARIES", ("library",))
    monkeypatch.setattr(traced_programs, "_BEGUN", time.time() + 1000)
    monkeypatch.setitem(sys.modules, "library", module)
    return home, library, module


def test_a_changed_file_changes_the_digest_of_the_source(code):
    """Of pgjax its bytes, of a library its size and time too: a file mended in place has no version."""
    (home, library, module), seen = code, []

    def changed() -> bool:
        seen.append(traced_programs._source())
        return seen[-1] not in seen[:-1]

    assert changed() and not changed()
    (home / "nets" / "__pycache__").mkdir()
    (home / "nets" / "__pycache__" / "net.py").write_text("")
    (home / "nets" / "notes.txt").write_text("")
    (home / "nets" / ".#net.py").symlink_to("nowhere")  # Emacs's
    assert not changed()
    (home / "nets" / "net.py").write_text("x = 2\n")
    assert changed()
    (home / "nets" / "net.py").rename(home / "nets" / "other.py")
    assert changed()
    (home / "moments.npz").write_bytes(b"1")
    assert changed()
    init = library / "__init__.py"
    init.write_text("x = 10\n")
    assert changed()
    os.utime(init, ns=(0, init.stat().st_mtime_ns + 1_000_000))
    assert changed()
    module.__version__ = "1.1"
    assert changed()


def test_a_file_changed_after_it_was_imported_is_not_what_is_kept(code, kept_programs):
    traced_programs.keep(kept_programs.parent)
    mapped = Counted().mapped()
    (code[0] / "programs.py").write_text("x = 2\n")
    mapped(_state(), _numbers())
    assert _files(kept_programs) == []


def test_a_file_changed_while_others_were_imported_is_not_what_is_kept(code, kept_programs):
    traced_programs.keep(kept_programs.parent)
    assert traced_programs._folder == kept_programs
    later = traced_programs._BEGUN + 1
    os.utime(code[0] / "programs.py", (later, later))
    traced_programs.keep(kept_programs.parent)
    assert traced_programs._folder is None


def test_a_file_that_vanishes_stops_nothing(code, kept_programs):
    traced_programs.keep(kept_programs.parent)
    mapped = Counted().mapped()
    (code[0] / "nets" / "gone.py").symlink_to("nowhere")
    mapped(_state(), _numbers())
    traced_programs.keep(kept_programs.parent)
    Counted().mapped()(_state(), _numbers())
    assert _files(kept_programs) == []


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-7], lambda b: b[:10], lambda b: b"", lambda b: b + b"x"]
)
def test_a_damaged_file_is_traced_again_and_replaced(damage, kept_programs):
    expected = Counted().mapped()(_state(), _numbers())
    (path,) = _files(kept_programs)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    again = Counted()
    with pytest.warns(UserWarning, match=f"{path} is damaged; traced again"):
        found = again.mapped()(_state(), _numbers())
    assert again.traced == 1 and _same(found, expected)
    assert _files(kept_programs) == [path]
    assert Counted().mapped()(_state(), _numbers()) and len(path.read_bytes()) == len(whole)


def test_a_folder_that_cannot_be_written_stops_nothing(kept_programs):
    kept_programs.parent.write_text("a file in its place")
    with pytest.warns(UserWarning, match="is not kept"):
        found = Counted().mapped()(_state(), _numbers())
    assert _same(found, Counted().mapped(None)(_state(), _numbers()))


def _calls_python(x):
    return jax.pure_callback(lambda x: 2 * x, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def _returns_a_tuple_of_its_own(x):
    return Unnamed(2 * x)


def _returns_numbers_for_keys(x):
    return {1: 2 * x}


class Unnamed(NamedTuple):
    x: jax.Array


@pytest.mark.parametrize(
    "step", [_calls_python, _returns_a_tuple_of_its_own, _returns_numbers_for_keys]
)
def test_a_program_that_cannot_be_kept_runs_all_the_same(step, kept_programs):
    found = over_devices(step, identity="cannot be kept")(_numbers())
    assert _same(found, over_devices(step)(_numbers()))
    assert _files(kept_programs) == []


def test_weak_types_stay_weak(kept_programs):
    """Times bfloat16, a strong float32 would give float32."""

    def step(x):
        return x * jnp.ones((), jnp.bfloat16)

    weak = jnp.full((jax.local_device_count(), 1), 3.0)
    assert jax.typeof(weak).weak_type
    expected = over_devices(step)(weak)
    for _ in range(2):
        found = over_devices(step, identity="weak")(weak)
        assert found.dtype == expected.dtype == jnp.bfloat16
    assert len(_files(kept_programs)) == 1


def test_arrays_of_the_host_are_taken_as_without(kept_programs):
    def step(x, y=None):
        return 2 * x

    for kept in (False, True, True):
        mapped = over_devices(step, identity="host" if kept else None)
        found = mapped(np.asarray(_numbers()), None)
        np.testing.assert_array_equal(found, 2 * np.asarray(_numbers()))
    assert len(_files(kept_programs)) == 1


def test_an_error_of_the_function_is_its_own(kept_programs):
    def step(x):
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        over_devices(step, identity="fails")(_numbers())
    assert _files(kept_programs) == []


def test_tuples_that_nothing_has_named_are_traced_again(kept_programs, monkeypatch):
    """As in a process that has called no function yet that takes them."""
    expected = Counted().mapped()(_state(), _numbers())

    def refuse(blob):
        raise ValueError("unregistered type")

    monkeypatch.setattr(traced_programs.export, "deserialize", refuse)
    again = Counted()
    assert _same(again.mapped()(_state(), _numbers()), expected)
    assert again.traced == 1


@pytest.mark.slow
def test_a_step_read_from_disk_is_the_step_to_the_bit(kept_programs):
    recipe = build(tiny.generator_config())
    (stage,) = recipe.stages.values()
    devices = jax.local_device_count()
    batches = [place(split_over_devices(tiny.batch(seed), devices)) for seed in (3, 4)]
    ends = []
    for identity in (None, step_identity(recipe, stage), step_identity(recipe, stage)):
        mapped = over_devices(make_step(recipe, stage), donate=(0,), identity=identity)
        state, logs = replicate(tiny.init_state(recipe)), []
        for batch in batches:
            state, log = mapped(state, (batch,) * stage.batches)
            logs.append(log)
        ends.append((state, logs))
    assert len(_files(kept_programs)) == 1
    assert _same(ends[0], ends[1]) and _same(ends[1], ends[2])


def test_the_identity_of_a_step_tells_rows_stages_and_loops_apart():
    recipe = build(tiny.config())
    other = build(tiny.config("g1_g2_d_released"))
    first, second = recipe.stages.values()
    said = [
        step_identity(recipe, first),
        step_identity(recipe, second),
        step_identity(recipe, first, looped=True),
        step_identity(other, first),
    ]
    assert len(set(said)) == 4 and None not in said
    longer = tiny.config(steps=(5, 9))
    longer.report.log_every = 3
    changed = build(longer)
    assert step_identity(changed, changed.stages["stage1"]) == said[0]
    assert said[0] == step_identity(build(tiny.config()), first)
    waiting = []
    for steps in ((4, 4), (4, 9), (5, 4)):
        config = tiny.config(steps=steps)
        config.stages.stage2.generators_from = 1
        recipe = build(config)
        waiting.append(step_identity(recipe, recipe.stages["stage2"]))
    assert waiting[0] == waiting[1] != waiting[2]  # where the stage begins
    assert " at 0x" not in "".join(said)  # nothing that differs from process to process


def _mine(*_):
    return 0.0


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        (NETS, Counted),
        (OPTIMIZERS, _mine),
        (losses.TERMS, _mine),
        (losses.ADVERSARIAL, losses.Adversarial(losses.l1, _mine)),
    ],
    ids=["net", "optimizer", "term", "adversarial"],
)
def test_what_a_user_adds_to_a_table_is_not_kept(table, entry, monkeypatch):
    recipe = build(tiny.config())
    monkeypatch.setitem(table, "mine", entry)
    assert step_identity(recipe, recipe.stages["stage1"]) is None
