"""Convolutions, largest and average of windows without gradients, against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import arrays
from pgjax.nets.convolution import frozen, tiles, windows


def _case(size, channels, taps, features):
    random = np.random.default_rng(size)
    x = random.normal(0, 1, (2, size, size + 3, channels)).astype(np.float32)
    kernel = random.normal(0, 1, (*taps, channels, features)).astype(np.float32)
    return x, kernel


def _expected(x, kernel, stride, padding):
    found = [
        arrays.convolve(
            image.transpose(2, 0, 1).astype(np.float64),
            kernel.transpose(3, 2, 0, 1).astype(np.float64),
            stride,
            padding,
        )
        for image in x
    ]
    return np.stack(found).transpose(0, 2, 3, 1)


@pytest.mark.parametrize(
    ("taps", "stride", "padding"),
    [
        ((3, 3), 1, (1, 1)),
        ((3, 3), 2, (0, 0)),
        ((1, 7), 1, (0, 3)),
        ((7, 1), 1, (3, 0)),
        ((5, 5), 1, (2, 2)),
    ],
)
def test_rounded_factors_and_exact_sums(taps, stride, padding):
    x, kernel = _case(9, 4, taps, 5)
    x, kernel = (np.asarray(jnp.asarray(a, jnp.bfloat16), np.float32) for a in (x, kernel))
    # Halves of a step of bfloat16, lost again when rounded.
    given = x * np.float32(1 + 2**-10)
    pads = tuple((n, n) for n in padding)
    found = frozen.convolve(given, kernel, stride, pads, rounded=True)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, _expected(x, kernel, stride, padding), rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("taps", "padding"),
    [
        ((3, 3), (0, 0)),
        ((3, 3), (1, 1)),
        ((5, 5), (2, 2)),
        ((1, 7), (0, 3)),
        ((7, 1), (3, 0)),
        ((1, 3), (2, 1)),
        ((2, 4), (1, 2)),
    ],
)
def test_tiles(taps, padding):
    x, kernel = _case(11, 6, taps, 5)
    found = jax.jit(lambda x: tiles.convolve(x, kernel, tuple((n, n) for n in padding)))(x)
    expected = _expected(x, kernel, 1, padding)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_sums_of_tiles_are_those_of_the_paper():
    """Lavin & Gray 2016, eq. 13 and what follows it: F(4, 3) at 0, 1, -1, 2, -2 and infinity."""
    found = tiles.sums(3)
    assert found.inputs[0] == (4, 0, -5, 0, 1, 0) and found.inputs[3] == (0, -2, -1, 2, 1, 0)
    assert found.kernel[0] == (1 / 4, 0, 0) and found.kernel[4] == (1 / 24, -1 / 12, 1 / 6)
    assert found.outputs[3] == (0, 1, -1, 8, -8, 1)


def test_wide_maps_are_convolved_alike(monkeypatch):
    x, kernel = _case(7, 32, (3, 3), 2)
    plain = frozen.convolve(x, kernel, 1, "SAME")
    monkeypatch.setattr(frozen, "_WIDE", 7)
    np.testing.assert_allclose(frozen.convolve(x, kernel, 1, "SAME"), plain, atol=1e-3)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_windows(backend, monkeypatch):
    x, _ = _case(9, 2, (1, 1), 1)
    pictures = [image.transpose(2, 0, 1) for image in x]
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    for found, expected in (
        (windows.largest(x, 3, 2), lambda image: arrays.largest(image, 3, 2)),
        (windows.largest(x, 3, 1, 1), lambda image: arrays.largest(image, 3, 1, padding=1)),
        (windows.average(x, 3, padded=False), arrays.average_inside),
        (
            windows.average(x, 3, padded=True),
            lambda image: arrays.average_inside(np.pad(image, [(0, 0), (1, 1), (1, 1)]))[
                :, 1:-1, 1:-1
            ],
        ),
    ):
        theirs = np.stack([expected(image) for image in pictures]).transpose(0, 2, 3, 1)
        np.testing.assert_allclose(found, theirs, rtol=0, atol=1e-6)
