"""A step's parts, each as a mapped function of its own with the shapes that it has in the step.

Compiled alone, a part cannot share what it computes with another, and the compiler cannot leave out what
only another part would read: parts need not add up to the whole. What each one is:

- input: one step's batches from the pipeline, photos in memory;
- derive: everything in a Scene, for every draw (a row reads only some of it);
- forward, forward and backward: the stage's generators, derive included; gradients of those that play;
- warp: the deformable skips of one forward pass, forward and backward, transforms and masks included;
- terms: the image terms and their gradient to the generated image, the frozen network included;
- NAME moves: a whole step in which NAME alone plays (derive, forward, losses, backward, optimizer);
- optimizer: the updates of all players.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax

import pgjax.pose.warp
from pgjax import frozen
from pgjax.data.pipeline import batches as pipeline
from pgjax.pose import scene
from pgjax.pose.batch import Batch, Store
from pgjax.runtime import random_keys
from pgjax.runtime.devices import over_devices
from pgjax.training.losses import TERMS
from pgjax.training.recipe import Recipe, Stage
from pgjax.training.state import State, optimizer
from pgjax.training.steps import make_generate, make_step

Parts = dict[str, Callable[[], Any]]


def random_store(count: int, size: tuple[int, int]) -> Store:
    """Photos of noise (count, H, W, 3), joints about where a standing person has them, all visible."""
    random = np.random.default_rng(count)
    images = random.integers(0, 256, (count, *size, 3), np.uint8)
    centre = np.stack([np.linspace(0.15, 0.85, 18), np.full(18, 0.5)], axis=-1) * size
    keypoints = centre[None] + random.normal(0, size[0] / 16, (count, 18, 2))
    return Store(images, keypoints.astype(np.float32), np.ones((count, 18), bool))


def feed(recipe: Recipe, stage: Stage, devices: int) -> Iterator[tuple[Batch, ...]]:
    """An endless supply of the stage's batches, from 64 random photos."""
    store = random_store(64, recipe.image_size)
    pairs = np.stack([np.arange(64), np.roll(np.arange(64), 1)], axis=-1).astype(np.int32)
    return pipeline(
        store,
        pairs,
        seed=0,
        batch_size=recipe.batch_size,
        flip=recipe.data.flip,
        draws=stage.batches,
        start=0,
        stop=2**31,
        devices=devices,
    )


def parts(recipe: Recipe, stage: Stage, batches: tuple[Batch, ...], state: State, weights) -> Parts:
    """Calls by name; each returns arrays that are ready when it is done.

    `state` and `weights` are replicated, `batches` split over the devices.
    """
    devices = len(batches[0].source_image)
    supply = feed(recipe, stage, devices)
    variables = {name: state.networks[name].variables for name in stage.generators}
    networks = {name: state.networks[name] for name in stage.players}
    image = np.random.default_rng(0).uniform(-1, 1, batches[0].target_image.shape)
    image = image.astype(np.float32)
    keys = np.arange(image.shape[0] * image.shape[1], dtype=np.int32).reshape(image.shape[:2])

    derive = over_devices(lambda batches: [scene.derive(b, **recipe.scene) for b in batches])
    forward = over_devices(_forward(recipe, stage))
    backward = over_devices(_backward(recipe, stage))
    updates = over_devices(_updates(recipe, stage))
    found: Parts = {
        "input": lambda: next(supply),
        "derive": lambda: derive(batches),
        "forward": lambda: forward(variables, batches[0], keys),
        "forward and backward": lambda: backward(variables, batches[0], keys),
    }
    for player in stage.players:
        alone = dataclasses.replace(
            stage, players=(player,), earlier_fakes=False, pool=0, generators_from=0
        )
        step = over_devices(make_step(recipe, alone))
        found[f"{player} moves"] = functools.partial(step, state, batches, weights)
    if moved := _warped(forward, variables, batches[0], keys):
        warps = over_devices(_warps(recipe, moved))
        features = [_noise((devices, *shape), dtype) for shape, dtype, *_ in moved]
        found["warp"] = lambda: warps(features, batches[0])
    if stage.terms:
        terms = over_devices(_terms(recipe, stage))
        found["terms"] = lambda: terms(image, batches[0], weights)
    found["optimizer"] = lambda: updates(networks)
    return found


def _noise(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, shape).astype(dtype)


def _forward(recipe: Recipe, stage: Stage) -> Callable:
    generate = make_generate(recipe, stage)

    def forward(variables, batch, numbers):
        return generate(variables, batch, _keys(numbers))[stage.generators[-1]]

    return forward


def _keys(numbers: jax.Array) -> jax.Array:
    return jax.vmap(random_keys.key)(numbers)


def _backward(recipe: Recipe, stage: Stage) -> Callable:
    forward = _forward(recipe, stage)
    playing = [name for name in stage.generators if name in stage.players]

    def loss(params, variables, batch, numbers):
        given = variables | {name: variables[name] | {"params": params[name]} for name in playing}
        return jnp.sum(jnp.square(forward(given, batch, numbers)))

    def backward(variables, batch, numbers):
        params = {name: variables[name]["params"] for name in playing}
        return jax.grad(loss)(params, variables, batch, numbers)

    return backward


def _updates(recipe: Recipe, stage: Stage) -> Callable:
    def updates(networks):
        moved = {}
        for name in stage.players:
            params = networks[name].params
            # The parameters stand for their gradients: the same shapes, and nothing to make first.
            update = optimizer(recipe.networks[name]).update
            change, kept = update(params, networks[name].optimizer, params)
            moved[name] = optax.apply_updates(params, change), kept
        return moved

    return updates


def _terms(recipe: Recipe, stage: Stage) -> Callable:
    reads = recipe.features

    def loss(image, batch, weights):
        features = (
            None
            if reads is None
            else frozen.Features(reads.net, weights, reads.means, scale=reads.scale)
        )
        seen = scene.derive(batch, **recipe.scene)
        return sum(
            item.weight * TERMS[name](seen, image, features, **item.options)
            for name, item in stage.terms.items()
        )

    return jax.value_and_grad(loss)


def _warps(recipe: Recipe, moved: list[tuple]) -> Callable:
    def loss(features, batch):
        seen = scene.derive(batch, **recipe.scene)
        transforms = {
            True: (seen.part_transforms, seen.part_exists, seen.part_masks),
            False: (seen.body_transform[:, None], seen.body_exists[:, None], None),
        }
        return sum(
            jnp.sum(
                jnp.square(pgjax.pose.warp.warp_parts(x, *transforms[masked], *rest, **options))
            )
            for x, (_, _, masked, rest, options) in zip(features, moved, strict=True)
        )

    return jax.value_and_grad(loss)


def _warped(forward: Callable, *args: Any) -> list[tuple]:
    """The calls of warp_parts in one forward pass: features' shape and type, masked or not, the rest."""
    calls: list[tuple] = []
    original = pgjax.pose.warp.warp_parts

    def watch(features, transforms, exists, masks, *rest, **options):
        calls.append((features.shape, features.dtype, masks is not None, rest, options))
        return original(features, transforms, exists, masks, *rest, **options)

    # Networks call it through its package, which lets it be watched.
    with mock.patch.object(pgjax.pose.warp, "warp_parts", watch):
        jax.eval_shape(forward, *args)
    return calls
