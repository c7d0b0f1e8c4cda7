"""Convolutions as this project computes them against XLA's own, layer by layer and in a whole step.

    python -m benchmarks.convolutions --out=benchmarks/results/convolutions_cpu.json
    python -m benchmarks.convolutions --config=deformable:market1501/dsc \\
        --out=benchmarks/results/convolutions_dsc_cpu.json

Times forward and both gradients of layers of the deformable GAN (and one of PG2, one of VGG-19), or with
--config the steps of the row's stages (--stage for one of them), their state donated. "plain" is
lax.conv_general_dilated and lax.conv_transpose with their own gradients. Variants take turns in one
process; random photos and poses. A rate is the plain formulation's multiplications and additions by time,
so that it can exceed the peak, which is that of a product of two 2048 x 2048 matrices.
"""

import functools
import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jax import lax

from benchmarks.warp import OUT, REPEATS
from benchmarks.warp_share import CONFIG, DATA_DIR, random_batch
from pgjax.data.pipeline import split_over_devices
from pgjax.frozen import vgg19
from pgjax.nets import convolution
from pgjax.nets.layers import linear
from pgjax.runtime import cpu_process
from pgjax.runtime.devices import over_devices, replicate
from pgjax.tools import cli
from pgjax.training import run_directory
from pgjax.training.recipe import build
from pgjax.training.state import frozen_weights, init_state
from pgjax.training.steps import make_step

STAGE = flags.DEFINE_string("stage", "", "Only this stage of the row.")

# (B, H, W, C) and features, kernel, stride; negative stride: transposed.
LAYERS = {
    "in": ((4, 128, 64, 21), 64, 3, 1),
    "down1": ((4, 128, 64, 64), 128, 4, 2),
    "down3": ((4, 32, 16, 256), 512, 4, 2),
    "down5": ((4, 8, 4, 512), 512, 4, 2),
    "up4": ((4, 4, 2, 1024), 512, 4, -2),
    "up3": ((4, 8, 4, 1536), 512, 4, -2),
    "up2": ((4, 16, 8, 1536), 512, 4, -2),
    "up1": ((4, 32, 16, 1024), 256, 4, -2),
    "up0": ((4, 64, 32, 512), 128, 4, -2),
    "out": ((4, 128, 64, 256), 3, 3, 1),
    "pg2 up1": ((4, 64, 32, 512), 512, 3, 1),
    "vgg block1_conv2": ((4, 128, 64, 64), 64, 3, 1),
}


def plain(x, kernel, stride, padding):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=numbers)


def plain_transposed(x, kernel, stride, crop=None):
    size, cropped = kernel.shape[0], kernel.shape[0] - stride
    low = cropped // 2 if crop is None else crop
    padding = [(size - 1 - low, size - 1 - (cropped - low))] * 2
    numbers = ("NHWC", "HWIO", "NHWC")
    flipped = kernel[::-1, ::-1]
    return lax.conv_transpose(x, flipped, (stride, stride), padding, dimension_numbers=numbers)


VARIANTS = {
    "plain": (plain, plain_transposed),
    "pgjax": (convolution.convolve, convolution.convolve_transposed),
}


def in_turn(calls):
    """Median, least and most seconds of each call by name; the calls take turns."""
    times = {name: [] for name in calls}
    for _ in range(REPEATS.value + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            jax.block_until_ready(call())
            times[name].append(time.perf_counter() - started)
    return {name: np.quantile(t[1:], (0.5, 0, 1)).round(5).tolist() for name, t in times.items()}


def peak() -> float:
    """Of a product of matrices, GFlop/s."""
    matrix = jnp.ones((2048, 2048))
    product = jax.jit(jnp.dot)
    return 2 * 2048**3 / in_turn({"": lambda: product(matrix, matrix)})[""][1] / 1e9


def layer(shape, features, size, stride):
    """The seconds of forward and both gradients by variant, and the multiplications and additions."""
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=shape), jnp.float32)
    kernel = jnp.asarray(random.normal(size=(size, size, shape[-1], features)), jnp.float32)
    calls = {}
    for name, (convolve, transposed) in VARIANTS.items():
        if stride < 0:
            function = functools.partial(transposed, stride=-stride)
        else:
            function = functools.partial(convolve, stride=stride, padding="SAME")

        def both(x, kernel, cotangent, function=function):
            y, pull = jax.vjp(function, x, kernel)
            return y, pull(cotangent)

        cotangent = jnp.ones(jax.eval_shape(function, x, kernel).shape)
        calls[name] = functools.partial(jax.jit(both), x, kernel, cotangent)
    places = x.size / shape[-1] / max(stride, 1) ** 2
    return in_turn(calls), 3 * 2 * places * kernel.size


def whole_step(recipe, name):
    """The seconds of a stage's step by variant, and those that compiling took."""
    stage = recipe.stages[name]
    batch = split_over_devices(random_batch(recipe.batch_size, recipe.image_size), 1)
    given = (batch,) * stage.batches, replicate(frozen_weights(recipe, DATA_DIR.value))
    start, states, calls, compiling = init_state(recipe), {}, {}, {}
    for variant, (convolve, transposed) in VARIANTS.items():
        # Where they are called.
        linear.convolve, linear.convolve_transposed = convolve, transposed
        vgg19.convolve = convolve
        states[variant] = replicate(start)
        step = over_devices(make_step(recipe, stage), donate=(0,))
        started = time.perf_counter()
        step = step.lower(states[variant], *given).compile()
        compiling[variant] = round(time.perf_counter() - started, 2)

        def call(variant=variant, step=step):
            states[variant], log = step(states[variant], *given)
            return log

        calls[variant] = call
    return in_turn(calls), compiling


def main(_) -> None:
    result = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
    result["peak_gflops"] = round(peak(), 1)
    table = []
    if CONFIG.value is None:
        for name, spec in LAYERS.items():
            times, work = layer(*spec)
            row = {"layer": name, "shape": spec, "seconds": times}
            row["gflops"] = {v: round(work / t[0] / 1e9, 1) for v, t in times.items()}
            table.append(row)
            print(json.dumps(row), flush=True)
    else:
        recipe = build(CONFIG.value)
        result["config"] = run_directory.plain(CONFIG.value)
        for name in [STAGE.value] if STAGE.value else recipe.stages:
            times, compiling = whole_step(recipe, name)
            row = {"stage": name, "seconds": times, "compile_s": compiling}
            row["times_faster"] = round(times["plain"][0] / times["pgjax"][0], 2)
            table.append(row)
            print(json.dumps(row), flush=True)
    result["table"] = table
    if OUT.value:
        pathlib.Path(OUT.value).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    cpu_process.begin()
    cli.run_absl(main)
