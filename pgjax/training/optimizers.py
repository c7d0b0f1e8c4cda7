"""The two tables of what moves a network: optimizers, and what becomes of their learning rates.

An optimizer is `f(learning_rate=..., **options)` -> optax.GradientTransformation, where the learning rate is
a number or a function of the count of moves. A schedule multiplies it with a factor.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import optax

from pgjax.errors import InputError


def rmsprop_tf1(
    learning_rate: optax.ScalarOrSchedule, decay: float = 0.9, eps: float = 1e-10
) -> optax.GradientTransformation:
    """RMSProp as TensorFlow 1 has it: mean squares start at 1, and eps is inside the root.

    docs/reference_facts.md, 7.5.
    """
    return optax.rmsprop(learning_rate, decay=decay, eps=eps, initial_scale=1.0, eps_in_sqrt=True)


OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "rmsprop": optax.rmsprop,
    "rmsprop_tf1": rmsprop_tf1,
}
"""By the names that configs use."""


def constant() -> optax.Schedule:
    """1 always."""
    return optax.constant_schedule(1.0)


def linear_decay(end: int, begin: int = 0, to: float = 0.0) -> optax.Schedule:
    """1 up to `begin`, on a line to `to` at `end`, and `to` from there on."""
    _check_span(begin, end, to)

    def factor(count):
        # The numerator is whole: optax.linear_schedule, compiled, does not end at `to` exactly.
        left = jnp.clip(end - count, 0, end - begin) / (end - begin)
        return jnp.where(count <= begin, 1.0, to + (1 - to) * left)

    return factor


def cosine(end: int, begin: int = 0, to: float = 0.0) -> optax.Schedule:
    """1 up to `begin`, on half a wave of the cosine to `to` at `end`, and `to` from there on."""
    _check_span(begin, end, to)
    wave = optax.cosine_decay_schedule(1.0, end - begin, alpha=to)
    return optax.join_schedules([constant(), wave], [begin])


def step(size: int, factor: float = 0.5) -> optax.Schedule:
    """Multiplied with `factor` after every `size` moves."""
    if size < 1:
        raise InputError(f"size: expected a positive number, got {size}")
    if not 0 < factor <= 1:
        raise InputError(f"factor: expected a number above 0, at most 1, got {factor}")
    # Division of integers: optax.exponential_decay's, compiled, is a move late at some sizes
    # (docs/reference_facts.md, 7.7).
    return lambda count: jnp.power(factor, jnp.floor_divide(count, size))


def _check_span(begin: int, end: int, to: float) -> None:
    if begin < 0:
        raise InputError(f"begin: expected a number from 0 on, got {begin}")
    if end <= begin:
        raise InputError(f"end: expected more than begin, {begin}, got {end}")
    if not 0 <= to <= 1:
        raise InputError(f"to: expected a number from 0 to 1, got {to}")


class Schedule(NamedTuple):
    """`factor(**options)` -> a function of the count of moves that were made before; raises InputError with
    the option's name. `words` say it in a line, with the options by name.
    """

    factor: Callable[..., optax.Schedule]
    words: str


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant, "constant"),
    "linear_decay": Schedule(
        linear_decay, "linear from move {begin:,} to {to:g} times that at move {end:,}"
    ),
    "cosine": Schedule(cosine, "cosine from move {begin:,} to {to:g} times that at move {end:,}"),
    "step": Schedule(step, "times {factor:g} after every {size:,} moves"),
}
"""By the names that configs use."""
