"""gs:// paths, against fake-gcs-server on this machine."""

import gc
import json
import pathlib
import threading
import time

import gcs
import jax
import numpy as np
import pytest

import tiny
from pgjax import buckets, data, evaluation, image, lease, logbook, paths, rundir, training
from pgjax.checkpoint import Checkpoints, saved_steps
from pgjax.data import store
from pgjax.errors import InputError
from pgjax.recipe import build
from pgjax.state import state_shapes
from pgjax.tools import prepare

CONFIG = {"row": "market1501/g1_l1", "networks": {"g1": {"features": 4}}}


@pytest.fixture(scope="module", autouse=True)
def _server(tmp_path_factory):
    pytest.importorskip("gcsfs", reason="gs:// paths need the extra pgjax[gcs]")
    with gcs.server() as environment, pytest.MonkeyPatch.context() as patch:
        gcs.use(patch, environment, tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture
def home(request):
    """A folder of the bucket of this test alone."""
    return paths.of(f"gs://{gcs.BUCKET}/{request.node.name}")


def _names(folder) -> list[str]:
    bucket, name = buckets.split(folder)
    found = buckets.client().list_blobs(bucket, prefix=f"{name}/")
    return sorted(blob.name.removeprefix(f"{name}/") for blob in found)


def _put(path, text) -> None:
    bucket, name = buckets.split(path)
    buckets.client().bucket(bucket).blob(name).upload_from_string(text)


def test_an_absent_bucket_is_an_error_in_one_line(tmp_path):
    for use in (
        lambda p: rundir.check(p, CONFIG),
        rundir.read_config,
        lambda p: data.load("market1501", p),
    ):
        with pytest.raises(InputError, match=r"gs://absent/run.*: NotFound: 404"):
            use("gs://absent/run")


def test_files_are_written_found_and_added_to(home):
    image.write_png(home / "a" / "picture.png", np.full((2, 3), 7, np.uint8))
    paths.append_text(home / "log", "1\n")
    paths.append_text(home / "log", "2\n")
    assert (home / "log").read_text() == "1\n2\n"
    assert list(buckets.find(home, "picture.png")) == [home / "a" / "picture.png"]
    assert _names(home) == ["a/picture.png", "log"]


def test_a_local_copy_is_kept_mended_and_brought_up_to_date(home, monkeypatch, capsys):
    for name, text in (("a", "first"), ("b/c", "second")):
        _put(home / name, text)
    bucket, name = buckets.split(home)
    buckets.client().bucket(bucket).blob(f"{name}/b/").upload_from_string("")  # of the console
    fetched = []
    monkeypatch.setattr(
        buckets,
        "_fetch",
        lambda blob, file, was=buckets._fetch: (fetched.append(file.name), was(blob, file)),
    )
    place = buckets.fetch(home)
    assert (place / "a").read_text() == "first" and (place / "b" / "c").read_text() == "second"
    assert sorted(fetched) == ["a", "c"] and "2 files" in capsys.readouterr().err
    buckets.fetch(home)
    assert len(fetched) == 2
    (place / "b" / "c").write_text("sEcond")  # of the same size
    _put(home / "a", "other")
    buckets.fetch(home)
    assert (place / "a").read_text() == "other" and (place / "b" / "c").read_text() == "second"
    assert len(fetched) == 4


def test_what_comes_damaged_is_not_kept(home, monkeypatch):
    from google.cloud.storage import Blob

    _put(home / "a", "first")
    monkeypatch.setattr(
        Blob, "download_to_filename", lambda self, name, **_: pathlib.Path(name).write_text("fir")
    )
    with pytest.raises(InputError, match="/a: changed or damaged while it was fetched"):
        buckets.fetch(home)
    assert not [p for p in buckets.local(home).rglob("*") if p.is_file()]


@pytest.fixture
def _fast(monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(lease, "LEASE", 0.5)


@pytest.mark.usefixtures("_fast")
def test_one_process_at_a_time(home, capsys):
    with rundir.open_run(home, CONFIG) as check:
        with pytest.raises(InputError, match=rf"another process is training in {home}"):
            rundir.open_run(home, CONFIG).__enter__()
        time.sleep(1)  # longer than LEASE: it renews itself
        check()
    assert ".lock" not in _names(home)
    with rundir.open_run(home, CONFIG):
        assert json.loads((home / ".lock").read_text())["pid"]
    starts = (home / "environment.jsonl").read_text().splitlines()
    assert len(starts) == 2 and "waiting 0 s" in capsys.readouterr().err


@pytest.mark.usefixtures("_fast")
def test_what_a_killed_process_held_is_taken_over(home):
    _put(home / ".lock", "of a process that is gone")
    before = time.monotonic()
    with lease.Lease(home / ".lock") as held:
        assert time.monotonic() - before >= lease.LEASE
        held.check()
        _put(home / ".lock", "of another that took it")
        time.sleep(0.3)
        with pytest.raises(InputError, match="another process has taken over"):
            held.check()
    assert (home / ".lock").read_text() == "of another that took it"


@pytest.mark.usefixtures("_fast")
def test_of_many_that_start_at_once_one_wins(home):
    _put(home / ".lock", "of a process that is gone")
    held, refused, done = [], [], threading.Event()

    def start():
        try:
            with lease.Lease(home / ".lock") as mine:
                held.append(mine)
                done.wait(20)
                mine.check()
        except InputError as error:
            refused.append(error)
        if len(refused) == 5:
            done.set()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 5)


def test_a_lease_that_cannot_be_renewed_ends(home, monkeypatch, _fast):
    with lease.Lease(home / ".lock") as held:
        monkeypatch.setattr(held, "_put", lambda generation: 1 / 0)
        time.sleep(0.8)
        with pytest.raises(InputError, match="could not be renewed"):
            held.check()


def test_the_log_goes_on_where_the_checkpoint_is(home):
    _put(home / "metrics.jsonl", '{"step": 2, "a": 1.5}\n{"step": 4}\n{"step": 6}\n{"st')
    with logbook.Logbook(home, 4) as log:
        log.write(5, {"a": 2.5})
        assert '"step": 5' not in (home / "metrics.jsonl").read_text()
        log.publish()
        assert '"step": 5' in (home / "metrics.jsonl").read_text()
        log.write(6, {"a": 3.5})
    lines = [json.loads(x) for x in (home / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5, 6]
    (events,) = (home / "tensorboard").glob("*")
    assert b"a" in events.read_bytes() and len(events.read_bytes()) > 100
    _put(home / "metrics.jsonl", "garbage\n{}\n")
    with pytest.raises(InputError, match=rf"{home}/metrics\.jsonl, line 1"):
        logbook.Logbook(home, 4)


def test_a_built_data_set_is_copied_there_and_fetched(home, monkeypatch, tmp_path, capsys):
    name = "synthetic_people"
    first = store.load_split(name, "test", home)  # generated: built here, nothing is written there
    assert _names(home) == []
    prepare.main([name, "--data_dir", str(home)])
    place = data.path(name, home)
    assert data.is_built(name, home) and str(place).startswith(str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    again = store.load_split(name, "test", home)
    assert "fetching" in capsys.readouterr().err and again.names == first.names
    np.testing.assert_array_equal(again.store.images, first.store.images)
    (shard, *_) = (p for p in buckets.local(place).iterdir() if "array_record" in p.name)
    shard.write_bytes(shard.read_bytes()[:100])
    mended = store.load_split(name, "test", home)
    np.testing.assert_array_equal(mended.store.images, first.store.images)


def _final(workdir):
    config = rundir.read_config(workdir)
    with Checkpoints(workdir, rundir.identity(config)) as checkpoints:
        return checkpoints.restore(state_shapes(build(config)))


def _equal(a, b) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


# Where a read fails, orbax leaves coroutines behind that nothing awaits.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_in_a_bucket_is_the_run_on_a_disk(home, tmp_path, capsys):
    """Trained, damaged, gone on with, evaluated; what a killed save left is removed."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        config = tiny.config("g1_l1", steps=(4,))
        whole = training.train_and_evaluate(config, tmp_path, "unused")
        stop = iter((False, True))
        stopped = training.train_and_evaluate(config, home, "unused", lambda: next(stop))
        assert int(stopped.step) == 2
        _put(home / "checkpoints" / "4" / "state" / "d" / "half", "written")
        _equal(training.train_and_evaluate(config, home, "unused"), whole)
        assert saved_steps(home) == [2, 4] and "half" not in "".join(_names(home))
        assert _final(home).step == 4
        buckets.remove(home / "checkpoints" / "4" / "state" / "d")
        capsys.readouterr()
        _equal(training.train_and_evaluate(config, home, "unused"), whole)
        (line,) = (x for x in capsys.readouterr().err.splitlines() if x.startswith("warning"))
        assert f"{home}/checkpoints/4 is damaged" in line and line.endswith("going on from step 2")
        assert saved_steps(home) == [2, 4]
        assert any(name.startswith("checkpoints.damaged/4/") for name in _names(home))
        _equal(_final(home), whole)
        scores = [
            evaluation.evaluate(w, "unused", save_images=True)["scores"] for w in (home, tmp_path)
        ]
        assert scores[0] == scores[1]
    assert json.loads((home / "metrics.json").read_text())["scores"] == scores[0]
    assert len([n for n in _names(home) if n.startswith("generated/0000004/")]) == 6
    assert "evaluation.png" in _names(home) and "samples/0000004.png" in _names(home)
    steps = [
        [json.loads(x)["step"] for x in (w / "metrics.jsonl").read_text().splitlines()]
        for w in (home, tmp_path)
    ]
    assert steps[0] == steps[1]
    gc.collect()  # what orbax left, here and not in the middle of another test
