"""Photos of another size, as the resizing functions of OpenCV, Pillow and PyTorch make them.

The libraries agree on where a pixel's middle lies: pixel i of n is taken from (i + 1/2) N / n - 1/2. They
differ in the curve, in whether it widens where a photo becomes smaller, and in what they round.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

BILINEAR, BICUBIC = "bilinear", "bicubic"
_REACH = {BILINEAR: 1.0, BICUBIC: 2.0}  # pixels from the middle
_BITS = 22  # of Pillow's shares; a pixel has 8 of the 32 that a sum has, and 2 are spare
_SPLIT = 11


class Rule(NamedTuple):
    """What a library does.

    Attributes:
      curve: BILINEAR or BICUBIC.
      cubic: the parameter a of Keys' cubic curve (1981), of BICUBIC; 0 otherwise.
      antialias: whether the curve widens where a photo becomes smaller, so that all pixels count.
      rounded: whether the values are whole and from 0 to 255: after each axis, columns first.
    """

    curve: str
    cubic: float = 0.0
    antialias: bool = False
    rounded: bool = False


RULES: dict[str, Rule] = {
    "bilinear": Rule(BILINEAR),
    "cv2_bicubic": Rule(BICUBIC, -0.75),
    "pil_bicubic": Rule(BICUBIC, -0.5, antialias=True, rounded=True),
}
"""`bilinear` is both OpenCV's INTER_LINEAR of floats and PyTorch's `interpolate` with align_corners=False."""


def resize(images: jax.Array, size: tuple[int, int], rule: str) -> jax.Array:
    """Images as a library resizes them.

    Args:
      images: (B, H, W, C) from 0 to 255, uint8 or floating.
      size: (height, width) of what is returned.
      rule: a name in RULES.

    Returns:
      (B, height, width, C) float32. `pil_bicubic` equals the 8-bit numbers of Pillow before 13 exactly, with
      which the protocols' numbers were measured; Pillow 13 takes columns first where the height shrinks by
      more than twice what the width does. The others differ from OpenCV's and PyTorch's by the order of
      float32 sums alone. A cubic curve that is not `rounded` goes below 0 and above 255.
    """
    chosen = RULES[rule]
    x = images.astype(jnp.float32)
    for axis, after in ((2, size[1]), (1, size[0])):  # the order that rounding shows
        before = x.shape[axis]
        if before != after:
            shares = _shares(before, after, chosen)
            x = _rounded(x, shares, axis) if chosen.rounded else _weighed(x, shares, axis)
    return x


def nearest(masks: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Masks (B, H, W) of another size, each pixel that of the nearest middle."""
    rows, columns = (
        ((np.arange(after) + 0.5) * before / after).astype(int)
        for before, after in zip(masks.shape[1:3], size, strict=True)
    )
    return masks[:, rows][:, :, columns]


def _shares(before: int, after: int, rule: Rule) -> np.ndarray:
    """(after, before): how much of each pixel goes into each."""
    scale = before / after
    wide = max(scale, 1.0) if rule.antialias else 1.0
    middle = (np.arange(after)[:, None] + 0.5) * scale - 0.5
    reach = int(np.ceil(_REACH[rule.curve] * wide)) + 1
    places = np.floor(middle).astype(int) + np.arange(-reach, reach + 1)
    share = _curve((places - middle) / wide, rule)
    if rule.antialias:  # what lies beyond the border does not count; else the border goes on
        share = np.where((places >= 0) & (places < before), share, 0.0)
    found = np.zeros((after, before))
    np.add.at(found, (np.arange(after)[:, None], np.clip(places, 0, before - 1)), share)
    return found / found.sum(axis=1, keepdims=True)


def _curve(x: np.ndarray, rule: Rule) -> np.ndarray:
    x = np.abs(x)
    if rule.curve == BILINEAR:
        return np.maximum(1 - x, 0)
    a = rule.cubic
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _weighed(x: jax.Array, shares: np.ndarray, axis: int) -> jax.Array:
    taken = "yhwc,ah->yawc" if axis == 1 else "yhwc,aw->yhac"
    return jnp.einsum(taken, x, shares.astype(np.float32), precision="highest")


def _rounded(x: jax.Array, shares: np.ndarray, axis: int) -> jax.Array:
    """As Pillow: shares of _BITS bits, whole sums.

    Each share is split into two parts, so that both sums are below 2^24, where float32 is exact.
    """
    whole = np.floor(np.abs(shares) * 2**_BITS + 0.5) * np.sign(shares)
    high = np.round(whole / 2**_SPLIT)
    sums = (_weighed(x, part, axis) for part in (high, whole - high * 2**_SPLIT))
    high, low = (part.astype(jnp.int32) for part in sums)
    total = (high * 2**_SPLIT + low + 2 ** (_BITS - 1)) >> _BITS
    return jnp.clip(total, 0, 255).astype(jnp.float32)
