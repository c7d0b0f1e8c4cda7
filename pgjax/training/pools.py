"""Pools of earlier fakes: a critic judges some of them in the place of new ones (PATN's image pool)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pgjax.pose.batch import Batch
from pgjax.runtime.devices import DEVICES


class Pool(NamedTuple):
    """The fakes of one critic, the same on all devices.

    `images` (N, ...) float32, what generators made; `examples` what each was made of: Batch's fields by
    name, without background and view, which not every data set has. `count` (int32 scalar) of the N are
    there.
    """

    images: Any
    examples: dict[str, Any]
    count: Any


def empty_pool(image: jax.Array, example: Batch, size: int) -> Pool:
    """A pool for `size` images like image (1, ...) and examples like example (1)."""
    images, examples = jax.tree.map(
        lambda x: jnp.zeros((size, *x.shape[1:]), x.dtype), (image, _of_any_data_set(example))
    )
    return Pool(images, examples, jnp.zeros((), jnp.int32))


def exchange(
    pool: Pool, images: jax.Array, batch: Batch, key: jax.Array
) -> tuple[Pool, jax.Array, Batch]:
    """What is judged in the place of this device's new images, under the axis `DEVICES`.

    Image after image of the global batch: while the pool has room it is stored and judged itself; then,
    half the time, a random one of the pool is judged and the new one takes its place
    (docs/reference_facts.md, 4.3).

    Args:
      images: new ones (B, ...), this device's share.
      batch: the examples that they were made of.
      key: the same on all devices.

    Returns:
      The pool after it, images (B, ...), and the Batch that these were made of, as the pool has it.
    """
    size, count = len(pool.images), len(images)
    given = {"images": images, "examples": _of_any_data_set(batch)}
    every = jax.lax.all_gather(given, DEVICES, tiled=True)
    total = len(every["images"])
    swaps_key, places_key = jax.random.split(key)
    swaps = jax.random.bernoulli(swaps_key, 0.5, (total,))
    places = jax.random.randint(places_key, (total,), 0, size)

    def one(state, given):
        # By number: those of the pool come first, then the new ones.
        held, filled = state
        number, swap, place = given
        full = filled == size
        place = jnp.where(full, place, filled)
        judged = jnp.where(full & swap, held[place], number)
        held = jnp.where(~full | swap, held.at[place].set(number), held)
        return (held, jnp.minimum(filled + 1, size)), judged

    numbers = jnp.arange(size, size + total, dtype=jnp.int32)
    start = jnp.arange(size, dtype=jnp.int32), pool.count
    (held, filled), judged = jax.lax.scan(one, start, (numbers, swaps, places))
    here = jax.lax.dynamic_slice_in_dim(judged, jax.lax.axis_index(DEVICES) * count, count)
    both = jax.tree.map(
        lambda *parts: jnp.concatenate(parts),
        {"images": pool.images, "examples": pool.examples},
        every,
    )
    kept, shown = (jax.tree.map(lambda x, at=at: x[at], both) for at in (held, here))
    return Pool(count=filled, **kept), shown["images"], Batch(**shown["examples"])


def _of_any_data_set(batch: Batch) -> dict[str, Any]:
    # A pool is made before any batch is seen.
    fields = batch._replace(target_view=None)._asdict()
    return {name: x for name, x in fields.items() if name != "background"}
