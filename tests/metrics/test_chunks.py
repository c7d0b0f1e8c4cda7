"""Images in chunks: any number of them, two chunks at a time on one device of the CPU."""

import threading

import jax
import numpy as np
import pytest

from pgjax.metrics import chunks


@pytest.fixture
def one_device(monkeypatch):
    """Chunks of three for one device, whose function is called as it is, on (1, 3, ...)."""
    monkeypatch.setattr(chunks, "CHUNK", 3)
    monkeypatch.setattr(chunks, "over_devices", lambda function, everywhere: function)
    monkeypatch.setattr(jax, "local_device_count", lambda: 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)


@pytest.mark.parametrize("count", [1, 3, 4, 9, 11, 19])
def test_nothing_is_lost_or_moved(one_device, count):
    images, others = np.arange(count) * 10, np.arange(count)
    both = chunks.Chunked(lambda x, y: {"sum": x + y, "first": x})
    for _ in range(2):  # the first call compiles
        found = both(images, others)
        np.testing.assert_array_equal(found["sum"], images + others)
        np.testing.assert_array_equal(found["first"], images)


def test_two_chunks_are_computed_at_a_time(one_device):
    meeting = threading.Barrier(2)
    compiled = threading.Event()

    def function(x):
        if compiled.is_set():
            meeting.wait(timeout=300)  # for the other one; broken where there is none
        return x

    chunked = chunks.Chunked(function)
    chunked(np.arange(3))
    compiled.set()
    np.testing.assert_array_equal(chunked(np.arange(12)), np.arange(12))


def test_the_first_chunk_is_computed_alone(one_device):
    threads = []

    def function(x):
        threads.append((threading.current_thread(), x.flat[0]))
        return x

    chunks.Chunked(function)(np.arange(15))
    assert threads[0] == (threading.main_thread(), 0)
    assert {x for thread, x in threads if thread is threading.main_thread()} == {0, 3, 9}


@pytest.mark.parametrize("bad", [0, 3, 6, 9])
def test_an_error_of_any_chunk_is_raised(one_device, bad):
    def function(x):
        if x.flat[0] == bad:
            raise ValueError(f"chunk of {bad}")
        return x

    with pytest.raises(ValueError, match=f"chunk of {bad}"):
        chunks.Chunked(function)(np.arange(12))


def test_several_devices_take_a_chunk_each():
    images = np.random.default_rng(0).normal(size=(2 * chunks.CHUNK + 5, 4)).astype("f4")
    chunked = chunks.Chunked(lambda scale, x: x * scale, (np.float32(3),))
    np.testing.assert_allclose(chunked(images), images * 3, rtol=1e-6)
