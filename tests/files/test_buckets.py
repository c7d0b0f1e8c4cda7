"""gs:// paths, against fake-gcs-server on this machine."""

import json
import pathlib
import threading
import time

import numpy as np
import pytest

import gcs
import tiny
from pgjax import data, keypoints
from pgjax.data import store
from pgjax.errors import InputError, NotMeasuredError
from pgjax.files import buckets, lease, paths
from pgjax.images import pixels
from pgjax.keypoints import make_pose
from pgjax.metrics import METRICS, sets
from pgjax.metrics.protocols import OWN
from pgjax.scoring import picture_judging
from pgjax.scoring.scorer import Scorer
from pgjax.tools import prepare
from pgjax.training import logbook, run_directory

CONFIG = {"row": "market1501/g1_l1", "networks": {"g1": {"features": 4}}}


@pytest.fixture(scope="module", autouse=True)
def _found(emulator, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        gcs.use(patch, emulator, tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture
def home(request):
    """A folder of the bucket of this test alone."""
    return paths.of(f"gs://{gcs.BUCKET}/{request.node.name}")


def test_an_absent_bucket_is_an_error_in_one_line(tmp_path):
    for use in (
        lambda p: run_directory.check(p, CONFIG),
        run_directory.read_config,
        lambda p: data.load("market1501", p),
    ):
        with pytest.raises(InputError, match=r"gs://absent/run.*: NotFound: 404"):
            use("gs://absent/run")


def test_files_are_written_found_and_added_to(home):
    pixels.write_png(home / "a" / "picture.png", np.full((2, 3), 7, np.uint8))
    paths.append_text(home / "log", "1\n")
    paths.append_text(home / "log", "2\n")
    assert (home / "log").read_text() == "1\n2\n"
    assert list(buckets.find(home, "picture.png")) == [home / "a" / "picture.png"]
    assert gcs.names(home) == ["a/picture.png", "log"]


def test_a_local_copy_is_kept_mended_and_brought_up_to_date(home, monkeypatch, capsys):
    for name, text in (("a", "first"), ("b/c", "second")):
        gcs.put(home / name, text)
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
    gcs.put(home / "a", "other")
    buckets.fetch(home)
    assert (place / "a").read_text() == "other" and (place / "b" / "c").read_text() == "second"
    assert len(fetched) == 4


def test_what_comes_damaged_is_not_kept(home, monkeypatch):
    from google.cloud.storage import Blob

    gcs.put(home / "a", "first")
    monkeypatch.setattr(
        Blob, "download_to_filename", lambda self, name, **_: pathlib.Path(name).write_text("fir")
    )
    with pytest.raises(InputError, match="/a: changed or damaged while it was fetched"):
        buckets.fetch(home)
    assert not [p for p in buckets.local(home).rglob("*") if p.is_file()]


@pytest.fixture
def _fast(monkeypatch):
    # Forty beats: a holder that has to wait for a busy machine is not taken to be gone.
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(lease, "LEASE", 2.0)


@pytest.mark.usefixtures("_fast")
def test_one_process_at_a_time(home, capsys):
    with run_directory.open_run(home, CONFIG) as check:
        with pytest.raises(InputError, match=rf"another process is training in {home}"):
            run_directory.open_run(home, CONFIG).__enter__()
        time.sleep(1.5 * lease.LEASE)  # it renews itself
        check()
    assert ".lock" not in gcs.names(home)
    with run_directory.open_run(home, CONFIG):
        assert json.loads((home / ".lock").read_text())["pid"]
    starts = (home / "environment.jsonl").read_text().splitlines()
    assert len(starts) == 2 and "waiting 2 s" in capsys.readouterr().err


@pytest.mark.usefixtures("_fast")
def test_what_a_killed_process_held_is_taken_over(home):
    gcs.put(home / ".lock", "of a process that is gone")
    before = time.monotonic()
    with lease.Lease(home / ".lock") as held:
        assert time.monotonic() - before >= lease.LEASE
        held.check()
        gcs.put(home / ".lock", "of another that took it")
        deadline = time.monotonic() + 300
        with pytest.raises(InputError, match="another process has taken over"):
            while time.monotonic() < deadline:
                time.sleep(0.05)
                held.check()
    assert (home / ".lock").read_text() == "of another that took it"


@pytest.mark.usefixtures("_fast")
def test_of_many_that_start_at_once_one_wins(home):
    gcs.put(home / ".lock", "of a process that is gone")
    held, refused, done = [], [], threading.Event()

    def start():
        try:
            with lease.Lease(home / ".lock") as mine:
                held.append(mine)
                done.wait(300)
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
        time.sleep(1.5 * lease.LEASE)
        with pytest.raises(InputError, match="could not be renewed"):
            held.check()


def test_the_log_goes_on_where_the_checkpoint_is(home):
    gcs.put(home / "metrics.jsonl", '{"step": 2, "a": 1.5}\n{"step": 4}\n{"step": 6}\n{"st')
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
    gcs.put(home / "metrics.jsonl", "garbage\n{}\n")
    with pytest.raises(InputError, match=rf"{home}/metrics\.jsonl, line 1"):
        logbook.Logbook(home, 4)


@pytest.mark.slow
def test_a_built_data_set_is_copied_there_and_fetched(home, monkeypatch, tmp_path, capsys):
    name = "synthetic_people"
    first = store.load_split(name, "test", home)  # generated: built here, nothing is written there
    assert gcs.names(home) == []
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


def _photos(raw, people):
    """Two photos of everyone, with their keypoints: what a custom data set is built from."""
    points, poses = np.stack([np.linspace(4, 60, 18), np.linspace(8, 24, 18)], axis=1), {}
    for name in (f"{who}/{k}.png" for who in people for k in range(2)):
        pixels.write_png(raw / name, np.full((*tiny.SIZE, 3), 90, np.uint8))
        poses[name] = [make_pose(points, size=tiny.SIZE)]
    keypoints.write(raw / "keypoints.json", poses, "coco17_results")
    return raw


def test_what_was_removed_there_is_built_of_the_new_files(home, tmp_path):
    name = "custom_64x32"
    for people in (("anna", "ben", "carl"), ("dora", "eve", "fred")):
        data.build(name, home, _photos(tmp_path / people[0], people))
        splits = [store.load_split(name, split, home) for split in ("train", "test")]
        found = {photo.partition("_")[0] for split in splits for photo in split.names}
        assert found == set(people)
        buckets.remove(data.path(name, home))


def test_metrics_read_their_weights_there(home, monkeypatch):
    gcs.put(home / "weights" / "net", "numbers")

    def told(weights, **options):
        raise NotMeasuredError((weights / "net").read_text())

    monkeypatch.setitem(sets.EXTRACTORS, METRICS["fid"].extractor, told)
    test, pairs = tiny.SPLITS["test"].store, np.zeros((1, 2), np.int32)
    scorer = Scorer(OWN, "synthetic_people", test, pairs, home / "weights", ["l1", "fid"])
    assert scorer.not_measured == {"fid": "numbers"}


def test_pictures_to_judge_have_to_be_here(home):
    with pytest.raises(InputError, match=rf"{home}: pictures are read from this machine alone"):
        picture_judging.pictures(home, "synthetic_people", tiny.SPLITS["test"], (), (), None)
