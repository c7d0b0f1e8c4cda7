"""How alike two images are: SSIM, in agreement with scikit-image; nearest-neighbour distance."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

SIGMA = 1.5
Moments = tuple[jax.Array, ...]
"""Mean a, mean b, sum of the variances, covariance."""


def _gaussian(size: int, sigma: float) -> np.ndarray:
    """The window's weights along one axis, sum 1."""
    taps = np.exp(-0.5 * ((np.arange(size) - size // 2) / sigma) ** 2)
    return taps / taps.sum()


def _filter(moments: Moments, axis: int, taps: np.ndarray) -> Moments:
    """Applies the window of these weights along one axis.

    The variance of a mixture is the mean of the variances plus the variance of the means, so that
    two such passes give the moments under the separable window. Deviations are taken from the
    window's middle: float32 then loses nothing where an image is bright and flat, as the mean of
    squares minus the square of the mean does, and constant windows have variance 0.
    """
    middle = len(taps) // 2
    length = moments[0].shape[axis] - len(taps) + 1

    def at(array: jax.Array, start: int) -> jax.Array:
        return jax.lax.slice_in_dim(array, start, start + length, axis=axis)

    centre_a, centre_b = at(moments[0], middle), at(moments[1], middle)
    mean_a = mean_b = 0.0
    spreads = [float(taps[middle]) * at(spread, middle) for spread in moments[2:]]
    for start, tap in enumerate(taps.tolist()):
        if start == middle:
            continue
        from_a, from_b = at(moments[0], start) - centre_a, at(moments[1], start) - centre_b
        mean_a, mean_b = mean_a + tap * from_a, mean_b + tap * from_b
        products = (from_a * from_a + from_b * from_b, from_a * from_b)
        spreads = [
            total + tap * (product + at(spread, start))
            for total, product, spread in zip(spreads, products, moments[2:], strict=True)
        ]
    squares = (mean_a * mean_a + mean_b * mean_b, mean_a * mean_b)
    spreads = [total - square for total, square in zip(spreads, squares, strict=True)]
    return centre_a + mean_a, centre_b + mean_b, *spreads


def _box(moments: Moments, axis: int, size: int) -> Moments:
    """Applies the uniform window of a size along one axis, as `_filter` does.

    It is joined of windows of 1, 2, 4, ... pixels: a window of 51 takes 8 steps in place of 51.
    """
    length = moments[0].shape[axis] - size + 1

    def at(x: Moments, start: int, stop: int) -> Moments:
        return tuple(jax.lax.slice_in_dim(one, start, stop, axis=axis) for one in x)

    joined, reach, doubled = None, 0, moments
    for bit in range(size.bit_length()):
        width = 1 << bit  # of `doubled`
        if size & width:
            part = at(doubled, reach, reach + length)
            joined = part if joined is None else _joined(joined, part, width / (reach + width))
            reach += width
        if size >> (bit + 1):
            count = doubled[0].shape[axis] - width
            halves = at(doubled, 0, count), at(doubled, width, width + count)
            doubled = _joined(*halves, 0.5)
    assert joined is not None  # a size has bits
    return joined


def _joined(one: Moments, other: Moments, share: float) -> Moments:
    """The moments of two windows together; `share` is the other's part of their pixels."""
    from_a, from_b = other[0] - one[0], other[1] - one[1]
    between = (from_a * from_a + from_b * from_b, from_a * from_b)
    spreads = (
        (1 - share) * (first + share * square) + share * second
        for first, second, square in zip(one[2:], other[2:], between, strict=True)
    )
    return one[0] + share * from_a, one[1] + share * from_b, *spreads


def _ratio(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
    positive = denominator > 0
    return jnp.where(positive, numerator / jnp.where(positive, denominator, 1.0), 1.0)


@functools.partial(jax.jit, static_argnames=("window", "size", "sigma"))
def ssim(
    a: jax.Array,
    b: jax.Array,
    data_range: jax.Array | float,
    window: str = "gaussian",
    size: int | None = None,
    sigma: float = SIGMA,
) -> jax.Array:
    """Structural similarity (Wang 2004), mean over pixels and channels (docs/reference_facts.md, 6.1).

    Equal to scikit-image's `structural_similarity(a, b, channel_axis=-1, data_range=...)` with
    `gaussian_weights=True, sigma=sigma, use_sample_covariance=False` for the window "gaussian", whose
    size there is 2 floor(3.5 sigma + 0.5) + 1, and with `win_size=size` and the sample covariance for
    "uniform". Windows that cross the border are left out.

    A data_range of 0 (a constant image under the reference's setting) gives the limit for a small
    one, never NaN: a factor whose numerator and denominator are both 0 counts as 1. Two equal
    constant images have similarity 1, a constant and a varied one 0 where the latter varies.

    Args:
      a: (B, H, W, C), in the units of data_range; uint8 is taken as it is.
      b: like a.
      data_range: the largest minus the smallest value that images can have: one number, (B,), or
        (K, B) for K settings at once.
      window: "gaussian" or "uniform".
      size: of the window in pixels, odd; by default 11 and 7.
      sigma: of the gaussian window, in pixels.

    Returns:
      (B,) float32 in [-1, 1], or (K, B).

    Raises:
      ValueError: shapes differ, the image is smaller than the window, or the window is unknown.
    """
    if window not in ("gaussian", "uniform"):
        raise ValueError(f'window must be "gaussian" or "uniform", not {window!r}')
    size = size or {"gaussian": 11, "uniform": 7}[window]
    if size < 3 or size % 2 == 0:
        raise ValueError(f"an SSIM window has an odd size of at least 3, not {size}")
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(f"ssim compares two (B, H, W, C), not {a.shape} and {b.shape}")
    count, height, width, _ = a.shape
    if min(height, width) < size:
        raise ValueError(f"an image of {height}x{width} is smaller than the {size}-pixel window")
    a, b = (jnp.moveaxis(image.astype(jnp.float32), 3, 1) for image in (a, b))
    nothing = jnp.zeros_like(a)
    moments = (a, b, nothing, nothing)
    # One image at a time stays in the cache, and XLA cannot fuse both passes into one that computes
    # the first anew for every tap of the second.
    if window == "uniform":
        average = functools.partial(_box, size=size)
    else:
        average = functools.partial(_filter, taps=_gaussian(size, sigma))
    for axis in (1, 2):
        moments = jax.lax.map(functools.partial(average, axis=axis), moments)
    mean_a, mean_b, variances, covariance = (moment[None] for moment in moments)
    # The sample covariance divides by n - 1.
    bias = size**2 / (size**2 - 1) if window == "uniform" else 1.0

    data_range = jnp.asarray(data_range, jnp.float32)
    settings = jnp.broadcast_to(data_range, (*data_range.shape[:-1], count)).reshape(-1, count)
    settings = settings[:, :, None, None, None]
    c1, c2 = jnp.square(0.01 * settings), jnp.square(0.03 * settings)
    luminance = _ratio(2 * mean_a * mean_b + c1, mean_a**2 + mean_b**2 + c1)
    structure = _ratio(2 * bias * covariance + c2, bias * variances + c2)
    means = jnp.mean(luminance * structure, axis=(2, 3, 4))
    return means if data_range.ndim == 2 else means[0]


# What lies around the reference: never the nearest, since real features are far smaller.
OUTSIDE = -1e4


def nearest_neighbour_map(generated: jax.Array, reference: jax.Array, window: int = 3) -> jax.Array:
    """Distance of every pixel to the most similar one near it in the reference (Siarohin 2018, eq. 9).

    Sum over the channels of absolute differences, smallest over the window's positions around the
    same place; the reference is padded with -10000. The published weights expect the mean of this
    map over pixels and images (docs/reference_facts.md, 1.3). Gradients reach both sides, through the nearest
    position (the first of equals). Neither pass holds window^2 copies.

    Args:
      generated: (B, H, W, C), pixels or features.
      reference: like generated; the real side.
      window: side of the square of positions in pixels, odd; 1 gives the plain L1 distance.

    Returns:
      (B, H, W) float32.

    Raises:
      ValueError: shapes differ, or the window is even.
    """
    if generated.shape != reference.shape or generated.ndim != 4:
        raise ValueError(
            f"nearest_neighbour_map compares two (B, H, W, C), not {generated.shape} and "
            f"{reference.shape}"
        )
    if window < 1 or window % 2 == 0:
        raise ValueError(f"a nearest-neighbour window has an odd size, not {window}")
    return _nearest(generated, reference, window)


def _padded(reference: jax.Array, window: int) -> jax.Array:
    reach = window // 2
    around = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    return jnp.pad(reference, around, constant_values=OUTSIDE)


def _search(generated: jax.Array, reference: jax.Array, window: int):
    """The smallest distance and the number of the position where it was found, (B, H, W) each."""
    padded = _padded(reference, window)
    generated = generated.astype(jnp.float32)

    def one(position: int, found):
        shift = (0, position // window, position % window, 0)
        shifted = jax.lax.dynamic_slice(padded, shift, reference.shape)
        distance = jnp.sum(jnp.abs(generated - shifted.astype(jnp.float32)), axis=-1)
        smallest, where = found
        return jnp.minimum(smallest, distance), jnp.where(distance < smallest, position, where)

    start = jnp.full(generated.shape[:3], jnp.inf), jnp.zeros(generated.shape[:3], jnp.int32)
    return jax.lax.fori_loop(0, window**2, one, start)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _nearest(generated, reference, window):
    return _search(generated, reference, window)[0]


def _nearest_forward(generated, reference, window):
    distance, where = _search(generated, reference, window)
    return distance, (generated, reference, where)


def _nearest_backward(window, kept, cotangent):
    generated, reference, where = kept
    _, height, width, _ = reference.shape
    padded = _padded(reference, window)
    rows = where // window + jnp.arange(height)[None, :, None]
    columns = where % window + jnp.arange(width)[None, None, :]
    found = jax.vmap(lambda values, row, column: values[row, column])(padded, rows, columns)
    sign = jnp.sign(generated.astype(jnp.float32) - found.astype(jnp.float32))
    gradient = cotangent[..., None] * sign
    frame = jnp.zeros(padded.shape, jnp.float32)
    away = jax.vmap(lambda values, row, column, added: values.at[row, column].add(added))(
        frame, rows, columns, -gradient
    )
    reach = window // 2
    away = away[:, reach : reach + height, reach : reach + width]
    return gradient.astype(generated.dtype), away.astype(reference.dtype)


_nearest.defvjp(_nearest_forward, _nearest_backward)
