"""One transform of the whole feature map that can be learned.

Jaderberg 2015; docs/reference_facts.md, 1.6.
"""

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import geometry


def spatial_transformer(features: jax.Array, transforms: jax.Array) -> jax.Array:
    """Samples bilinearly; outside of the features is 0. Differentiable in both arguments.

    Coordinates run from -1, the first pixel, to 1, the last, on the side of the result, but there x
    reads column 0.5 (x + 1) w and y row 0.5 (y + 1) h, as in the reference: the identity magnifies by
    w / (w - 1) and h / (h - 1), and leaves the last row and column 0. Between the last pixel and the
    border values fade to 0, where the reference's are 0.

    Args:
      features: (B, h, w, C).
      transforms: (B, 2, 3), result (x, y, 1) to features (x, y).

    Returns:
      Like features.
    """
    count, height, width, channels = features.shape
    y, x = (np.linspace(-1, 1, length, dtype=np.float32) for length in (height, width))
    y, x = (axis.reshape(1, -1) for axis in np.meshgrid(y, x, indexing="ij"))
    # Written out: a product on the matrix unit may be rounded to bfloat16 or TF32.
    a, b, c = (transforms[:, :, i, None] for i in range(3))
    columns, rows = (
        (0.5 * length * (a[:, i] * x + b[:, i] * y + c[:, i] + 1)).clip(-geometry.FAR, geometry.FAR)
        for i, length in ((0, width), (1, height))
    )
    top, left = jnp.floor(rows), jnp.floor(columns)
    down, right = rows - top, columns - left
    flat = features.reshape(count, height * width, channels)
    total = jnp.zeros_like(flat)
    for i in (0, 1):
        for j in (0, 1):
            row, column = top + i, left + j
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = jnp.where(inside, row * width + column, 0).astype(jnp.int32)
            weight = (down if i else 1 - down) * (right if j else 1 - right)
            found = jnp.take_along_axis(flat, index[..., None], axis=1, mode="clip")
            total += found * jnp.where(inside, weight, 0)[..., None].astype(flat.dtype)
    return total.reshape(features.shape)
