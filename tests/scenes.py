"""Scenes of noise with a person who stands straight; for tests of networks alone."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.pose import raster, warp
from pgjax.pose.scene import Scene

# (y, x) of the 18 joints, as shares of the image.
STANDING = np.array(
    [
        *[(0.14, 0.5), (0.22, 0.5)],
        *[(0.24, 0.35), (0.38, 0.28), (0.5, 0.25)],
        *[(0.24, 0.65), (0.38, 0.72), (0.5, 0.75)],
        *[(0.54, 0.4), (0.7, 0.38), (0.88, 0.36)],
        *[(0.54, 0.6), (0.7, 0.62), (0.88, 0.64)],
        *[(0.12, 0.46), (0.12, 0.54), (0.13, 0.42), (0.13, 0.58)],
    ],
    np.float32,
)


@functools.partial(jax.jit, static_argnums=4)
def _fields(source, source_visible, target, target_visible, size):
    poses = (source, source_visible, target, target_visible)
    transforms, exists = warp.part_affines(*poses)
    body, body_exists = warp.body_affine(*poses)
    return {
        "part_transforms": transforms,
        "part_exists": exists,
        "part_masks": raster.part_masks(target, target_visible, size),
        "body_transform": body,
        "body_exists": body_exists,
    }


@functools.cache
def standing(size=(64, 32), batch=2, shift=(0, 0)) -> Scene:
    """The target person is the source person moved by `shift`, (down, right) in pixels.

    Images, heat maps and stick figures are noise that shows none of it.
    """
    rng = np.random.default_rng(0)

    def noise(channels):
        return jnp.asarray(rng.normal(size=(batch, *size, channels)), jnp.float32)

    unread = {name: None for name in Scene._fields}
    source = np.float32(STANDING * np.float32(size) + rng.uniform(-1, 1, size=(batch, 18, 2)))
    target = source + np.float32(shift)
    seen = np.ones((batch, 18), bool)
    images = {
        f"{side}_{name}": noise(channels)
        for side in ("source", "target")
        for name, channels in (("image", 3), ("heatmaps", 18), ("sticks", 3))
    }
    return Scene(
        **unread
        | images
        | _fields(source, seen, target, seen, size)
        | {
            "source_keypoints": jnp.asarray(source),
            "target_keypoints": jnp.asarray(target),
            "source_visible": jnp.asarray(seen),
            "target_visible": jnp.asarray(seen),
            "background": noise(3),
            "target_view": jnp.eye(3)[jnp.arange(batch) % 3],
        }
    )


def spec(size) -> Scene:
    """A Scene of shapes alone, batch 1: nothing is computed."""
    return jax.eval_shape(lambda: standing.__wrapped__(size, 1))


def count(tree) -> int:
    """How many numbers a tree of arrays or shapes holds."""
    return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def noisy(params, seed=1):
    """Parameters of the same shapes, none of which is 0: kernels in He's scale, scales around 1."""
    rng = np.random.default_rng(seed)

    def draw(path, shape):
        std = math.sqrt(2 / math.prod(shape.shape[:-1])) if len(shape.shape) > 1 else 0.3
        mean = 1 if path[-1].key == "scale" else 0
        return jnp.asarray(mean + std * rng.normal(size=shape.shape), jnp.float32)

    return jax.tree_util.tree_map_with_path(draw, params)


# ------------------------------------------------------------------ numpy float64


def conv(x, p, stride=1, pad=((1, 1), (1, 1))):
    """Convolution with zeros around, the kernel's taps one by one."""
    kernel = np.float64(p["kernel"])
    x = np.pad(np.float64(x), [(0, 0), *pad, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    out = np.einsum("bijcuv,uvco->bijo", windows[:, ::stride, ::stride], kernel, optimize=True)
    return out + np.float64(p["bias"]) if "bias" in p else out


def norm(x, p, kind="joint"):
    """As docs/reference_facts.md, 1.1 has it; or each channel by itself."""
    axes = (1, 2, 3) if kind == "joint" else (1, 2)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    deviation = np.sqrt(variance) + 1e-3 if kind == "joint" else np.sqrt(variance + 1e-5)
    return (x - mean) / deviation * np.float64(p["scale"]) + np.float64(p["bias"])


def join(*arrays):
    return np.concatenate([np.float64(x) for x in arrays], axis=-1)


def encode(x, p, kind):
    """The features of all levels of the deformable GAN's encoder (docs/reference_facts.md, 1.1)."""
    found, levels = [conv(x, p["in"])], 1 + sum(name.startswith("down") for name in p)
    for level in range(1, levels):
        x = conv(leaky(found[-1]), p[f"down{level}"], stride=2)
        found.append(norm(x, p[f"norm{level}"], kind) if level < levels - 1 else x)
        assert x.shape[-1] == found[0].shape[-1] * min(2**level, 8)
    return found


def up(x, p):
    """A transposed convolution is one with the turned kernel over zeros between the pixels."""
    batch, height, width, channels = x.shape
    spread = np.zeros((batch, 2 * height, 2 * width, channels))
    spread[:, ::2, ::2] = x
    turned = {"kernel": np.asarray(p["kernel"])[::-1, ::-1]}
    return conv(spread, turned, pad=((2, 1), (2, 1)))


def decode(skips, p, kind):
    """VDG's decoder of the features of all levels."""
    x = skips[-1]
    for level in reversed(range(len(skips) - 1)):
        x = norm(up(np.maximum(x, 0), p[f"up{level}"]), p[f"norm{level}"], kind)
        x = join(x, skips[level])
    return conv(np.maximum(x, 0), p["out"])


def attention(x, p):
    """SAGAN's: every pixel asks all 2x2 windows; the answer, gamma times, is added to it."""
    query, key, value, out = (
        np.float64(p[name]["kernel"])[0, 0] for name in ("query", "key", "value", "out")
    )
    x = np.float64(x)
    rows, columns = (range(0, n, 2) for n in x.shape[1:3])

    def pooled(y):
        return np.stack(
            [np.stack([y[:, i : i + 2, j : j + 2].max((1, 2)) for j in columns], 1) for i in rows],
            1,
        )

    energy = np.einsum("bijc,bklc->bijkl", x @ query, pooled(x @ key))
    weights = np.exp(energy - energy.max((3, 4), keepdims=True))
    weights /= weights.sum((3, 4), keepdims=True)
    found = np.einsum("bijkl,bklc->bijc", weights, pooled(x @ value), optimize=True)
    return x + np.float64(p["gamma"]) * (found @ out)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def singular_vectors(params, like):
    """numpy's first ones of every layer that has an "u" in `like`, a tree of shapes."""
    if "u" not in like:
        return {name: singular_vectors(params[name], below) for name, below in like.items()}
    left, _, right = np.linalg.svd(_matrix(params), full_matrices=False)
    return {"u": np.float32(left[:, 0]), "v": np.float32(right[0])}


def normalised(params, like, constant):
    """The kernels that have an "u" in `like` with `constant` for their largest singular value."""
    if "u" not in like:
        changed = {name: normalised(params[name], below, constant) for name, below in like.items()}
        return params | changed
    scale = constant / np.linalg.norm(_matrix(params), 2)
    return params | {"kernel": np.float32(scale * params["kernel"])}


def _matrix(params):
    kernel = np.float64(params["kernel"])
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)


def shifted(x, down, right):
    """The pixels moved by numbers from 0 on; 0 where nothing comes from."""
    height, width = x.shape[1:3]
    return np.pad(x, [(0, 0), (down, 0), (right, 0), (0, 0)])[:, :height, :width]
