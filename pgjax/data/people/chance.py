"""Seeded draws that give the same numbers on every platform.

Only uniform draws are used, and trigonometry is rounded: math libraries disagree in the last bits, and
everything that follows (+, -, *, /, sqrt) is exact by IEEE 754.
"""

import math

import numpy as np


class Chance:
    """A stream of draws named by integers (seed, purpose, identity, ...)."""

    def __init__(self, *keys):
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(keys)))

    def uniform(self, low=0.0, high=1.0):
        """A float in [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def bell(self, centre, width):
        """A float near `centre`, bell-shaped, never further than `width` from it."""
        total = self.uniform(-1, 1) + self.uniform(-1, 1) + self.uniform(-1, 1)
        return centre + width * total / 3

    def happens(self, probability):
        """True with the given probability."""
        return self.uniform() < probability

    def below(self, count):
        """An int in [0, count)."""
        return int(self.uniform(0, count))

    def pick(self, options):
        """One of a sequence, all equally likely."""
        return options[self.below(len(options))]

    def weighted(self, weights):
        """A key of the table {key: weight}."""
        place = self.uniform(0, sum(weights.values()))
        for key, weight in weights.items():
            place -= weight
            if place < 0:
                return key
        return key

    def order(self, count):
        """A random order of range(count), as a tuple."""
        left = list(range(count))
        return tuple(left.pop(self.below(len(left))) for _ in range(count))

    def grid(self, height, width):
        """float32 (height, width) of uniform draws in [-1, 1)."""
        return (self._generator.random((height, width)) * 2 - 1).astype(np.float32)


def turn(degrees):
    """(cos, sin) of an angle in degrees, rounded to ten decimals."""
    radians = math.radians(degrees)
    return round(math.cos(radians), 10), round(math.sin(radians), 10)
