"""Ways to warp the skips of the deformable generator and take the maximum over ten parts.

    python -m benchmarks.warp --out=benchmarks/results/warp_cpu.json

One call moves all four warped levels of a 128×64 generator, batch 4; poses are random. "pgjax" is
pgjax.pose.warp.warp_parts; the others are what it was chosen over. Prints one line of JSON a variant.
"""

import functools
import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from pgjax.pose import raster, warp
from pgjax.runtime import cpu_process
from pgjax.tools import cli

OUT = flags.DEFINE_string("out", None, "File for the table.")
REPEATS = flags.DEFINE_integer("repeats", 9, "Timed calls; their median counts.")

SIZE = (128, 64)
LEVELS = ((128, 64, 64), (64, 32, 128), (32, 16, 256), (16, 8, 512))


def plan(transforms, exists, masks, size):
    """Flat index and whether it counts, (B, P, h * w) each, of nearest sampling."""
    step = SIZE[0] // size[0]
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    a = transforms[..., None, None]
    at = [a[:, :, i, 0] * x + a[:, :, i, 1] * y + a[:, :, i, 2] / step for i in (0, 1)]
    column, row = (jnp.sign(v) * jnp.floor(jnp.abs(v) + 0.5) for v in at)
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    inside &= exists[..., None, None] & (masks[:, :, ::step, ::step] > 0)
    index = jnp.where(inside, row * size[1] + column, 0).astype(jnp.int32)
    return tuple(array.reshape(*exists.shape, -1) for array in (index, inside))


def stack(features, index, inside):
    """Ten copies, then their maximum; differentiated as it stands."""
    flat = features.reshape(len(features), -1, features.shape[-1])
    moved = [jax.vmap(lambda f, i: f[i])(flat, index[:, p]) for p in range(index.shape[1])]
    moved = [jnp.where(inside[:, p, :, None], m, 0.0) for p, m in enumerate(moved)]
    return jnp.max(jnp.stack(moved), axis=0).reshape(features.shape)


def one_gather(features, index, inside):
    """One gather with parts and pixels flattened, then the maximum."""
    flat = features.reshape(len(features), -1, features.shape[-1])
    moved = jax.vmap(lambda f, i: f[i])(flat, index.reshape(len(index), -1))
    moved = moved.reshape(*index.shape, -1)
    return jnp.max(jnp.where(inside[..., None], moved, 0.0), axis=1).reshape(features.shape)


def running(features, index, inside):
    """A loop with a running maximum, differentiated as it stands."""
    flat = features.reshape(len(features), -1, features.shape[-1])

    def one(total, part):
        index, inside = part
        moved = jax.vmap(lambda f, i: f[i])(flat, index)
        return jnp.maximum(total, jnp.where(inside[..., None], moved, 0.0)), None

    parts = (jnp.moveaxis(index, 1, 0), jnp.moveaxis(inside, 1, 0))
    total, _ = jax.lax.scan(one, jnp.full_like(flat, -jnp.inf), parts)
    return total.reshape(features.shape)


def _winner(features, index, inside):
    flat = features.reshape(len(features), -1, features.shape[-1])

    def one(carry, part):
        total, winner, number = carry
        index, inside = part
        moved = jnp.where(inside[..., None], jax.vmap(lambda f, i: f[i])(flat, index), 0.0)
        winner = jnp.where(moved > total, number, winner)
        return (jnp.maximum(total, moved), winner, number + 1), None

    parts = (jnp.moveaxis(index, 1, 0), jnp.moveaxis(inside, 1, 0))
    start = (jnp.full_like(flat, -jnp.inf), jnp.zeros(flat.shape, jnp.int8), jnp.int8(0))
    (total, winner, _), _ = jax.lax.scan(one, start, parts)
    return total.reshape(features.shape), winner


@jax.custom_vjp
def winner_kept(features, index, inside):
    """A running maximum and the number of the part that holds it, kept for the backward pass."""
    return _winner(features, index, inside)[0]


def _forward(features, index, inside):
    result, winner = _winner(features, index, inside)
    return result, (index, inside, winner)


def _backward(kept, cotangent):
    index, inside, winner = kept
    flat = cotangent.reshape(winner.shape)

    def one(carry, part):
        total, number = carry
        index, inside = part
        share = jnp.where(inside[..., None] & (winner == number), flat, 0.0)
        return (jax.vmap(lambda t, i, s: t.at[i].add(s))(total, index, share), number + 1), None

    parts = (jnp.moveaxis(index, 1, 0), jnp.moveaxis(inside, 1, 0))
    (total, _), _ = jax.lax.scan(one, (jnp.zeros_like(flat), jnp.int8(0)), parts)
    return total.reshape(cotangent.shape), None, None


winner_kept.defvjp(_forward, _backward)


def planned(function):
    def call(features, transforms, exists, masks):
        return function(features, *plan(transforms, exists, masks, features.shape[1:3]))

    return call


def ours(features, *rest, **options):
    return warp.warp_parts(features, *rest, SIZE, **options)


VARIANTS = {
    "stack": planned(stack),
    "one_gather": planned(one_gather),
    "running": planned(running),
    "winner_kept": planned(winner_kept),
    "pgjax": ours,
    "pgjax, reference gradient": functools.partial(ours, gradient="reference"),
    "pgjax, mean": functools.partial(ours, aggregate="mean"),
    "pgjax, bilinear": functools.partial(ours, sampling="bilinear"),
}


def measure(function, *arguments) -> dict[str, float]:
    """Seconds to compile, median milliseconds of a call, MiB of temporaries."""
    started = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    seconds = time.perf_counter() - started
    times = []
    for _ in range(REPEATS.value + 1):
        started = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        times.append(1e3 * (time.perf_counter() - started))
    held = compiled.memory_analysis().temp_size_in_bytes / 2**20
    return {
        "compile_s": round(seconds, 2),
        "ms": round(float(np.median(times[1:])), 1),
        "temp_mib": round(held, 1),
    }


def main(_) -> None:
    random = np.random.default_rng(0)
    centre = np.stack([np.linspace(20, 110, 18), np.full(18, 32)], axis=-1)[None]
    poses = [(centre + random.normal(0, 8, (4, 18, 2))).astype(np.float32) for _ in range(2)]
    visible = np.ones((4, 18), bool)
    transforms, exists = warp.part_affines(poses[0], visible, poses[1], visible)
    masks = raster.part_masks(poses[1], visible, SIZE)
    levels = [random.normal(0, 1, (4, *level)).astype(np.float32) for level in LEVELS]
    table = []
    for name, function in VARIANTS.items():

        def forward(levels, *rest, function=function):
            return [function(level, *rest) for level in levels]

        def loss(levels, *rest, forward=forward):
            return sum(jnp.sum(jnp.square(level)) for level in forward(levels, *rest))

        row = {"variant": name}
        for label, call in (("forward", forward), ("both_passes", jax.grad(loss))):
            found = measure(call, levels, transforms, exists, masks)
            row |= {f"{label}_{key}": value for key, value in found.items()}
        table.append(row)
        print(json.dumps(row), flush=True)
    if OUT.value:
        device = jax.devices()[0].device_kind
        result = {"device": device, "jax": jax.__version__, "batch": 4, "levels": LEVELS}
        text = json.dumps(result | {"variants": table}, indent=2)
        pathlib.Path(OUT.value).write_text(text + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
