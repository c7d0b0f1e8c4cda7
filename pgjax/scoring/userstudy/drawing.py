"""What is random in a study: which pictures are shown, in which order, on which side, and their tokens.

All of it follows from an HMAC of the names under the seed. So it is the same with every version of Python and
NumPy, and who does not know the seed learns nothing from the tokens.
"""

import hmac
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from pgjax.errors import InputError
from pgjax.scoring.userstudy.pools import Pool

REAL, GENERATED = "real", "generated"


class Shown(NamedTuple):
    """A picture in a study: what it is (REAL, GENERATED or the title of a system), and its name there."""

    what: str
    name: str


Trial = tuple[Shown, ...]


class Draw:
    """What is random in a study, from its seed."""

    def __init__(self, seed: int):
        self._key = str(seed).encode()

    def order(self, purpose: str, names: Sequence[Any]) -> list[Any]:
        """The names in a random order, another one for every purpose."""
        return sorted(names, key=lambda name: self._digest(purpose, name))

    def token(self, shown: Shown) -> str:
        """16 hexadecimal digits that name a picture."""
        return self._digest("token", shown).hex()[:16]

    def _digest(self, purpose: str, name: Any) -> bytes:
        return hmac.digest(self._key, json.dumps([purpose, name]).encode(), "sha256")


def real_or_generated(real: Pool, generated: Pool, count: int, draw: Draw) -> list[Trial]:
    """Trials of `count` pictures of each pool, one picture each, in their order.

    Raises:
      InputError: a pool has fewer.
    """
    shown = []
    for what, pool in ((REAL, real), (GENERATED, generated)):
        shown += [Shown(what, name) for name in _some(pool.title, pool.names, count, what, draw)]
    return [(each,) for each in draw.order("order", shown)]


def preference(
    first: str, second: str, shared: Sequence[str], count: int, draw: Draw
) -> list[Trial]:
    """Trials of `count` of the shared names, both systems' pictures each, in their order.

    Each system is on the left in half of the trials, to one.

    Raises:
      InputError: there are fewer.
    """
    chosen = _some(f"{first} and {second}", shared, count, "pair", draw)
    swapped = set(draw.order("side", chosen)[: count // 2])
    sides = {True: (second, first), False: (first, second)}
    return [
        tuple(Shown(what, name) for what in sides[name in swapped])
        for name in draw.order("order", chosen)
    ]


def _some(title: str, names: Sequence[str], count: int, purpose: str, draw: Draw) -> list[str]:
    if len(names) < count:
        raise InputError(f"--count: {count} pictures wanted of {title}, which has {len(names)}")
    return draw.order(purpose, names)[:count]
