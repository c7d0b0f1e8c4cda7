"""Rules that say which two images of a split make a pair of source and target."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from pgjax.pose import skeleton

Identities = Sequence[str] | np.ndarray

# Market-1501's badly detected boxes and distractors; in a folder of their own, with its name before theirs.
JUNK = re.compile(r"(-1|0000)_(?:\1_)?c\d")
TORSO = tuple(
    skeleton.INDEX[name] for name in ("right_hip", "left_hip", "left_shoulder", "right_shoulder")
)


def deformable(names: Sequence[str], identities: Identities, visible: np.ndarray) -> np.ndarray:
    """All ordered pairs of an identity's images in which hips and shoulders are visible.

    Identities in order of first appearance, images in their order (docs/reference_facts.md, 5.3). Junk and
    distractors, told by their names, are left out.

    Args:
      names: N names of photos.
      identities: of the same N photos.
      visible: bool (N, 18).

    Returns:
      int32 (P, 2), columns source and target, positions in `names`.
    """
    return _ordered_pairs(identities, visible[:, TORSO].all(axis=1) & ~junk(names))


def pg2(names: Sequence[str], identities: Identities, visible: np.ndarray) -> np.ndarray:
    """All ordered pairs of an identity's images that have a pose: one visible joint or more.

    See docs/reference_facts.md, 2.7; arguments, order and result as `deformable`.
    """
    return _ordered_pairs(identities, visible.any(axis=1) & ~junk(names))


RULES: dict[str, Callable[[Sequence[str], Identities, np.ndarray], np.ndarray]] = {
    "deformable": deformable,
    "pg2": pg2,
}


def sample(pairs: np.ndarray, count: int = 12_000, seed: int = 0) -> np.ndarray:
    """Draws `count` of the pairs (all, if there are fewer) without replacement, in random order.

    Equal to pandas' `DataFrame.sample(n, replace=False, random_state=seed)`, which made the
    published test lists (docs/reference_facts.md, 5.3).
    """
    random = np.random.RandomState(seed)  # the published lists were drawn with this generator
    return pairs[random.choice(len(pairs), size=min(count, len(pairs)), replace=False)]


def junk(names: Sequence[str]) -> np.ndarray:
    """Market-1501's junk and distractors by their file names; bool (N,)."""
    return np.array([JUNK.match(name) is not None for name in names], bool)


def _ordered_pairs(identities: Identities, valid: np.ndarray) -> np.ndarray:
    """All ordered pairs of an identity's valid images, in the order of `itertools.permutations`."""
    (images,) = np.nonzero(valid)
    if len(images) == 0:
        return np.zeros((0, 2), np.int32)
    _, first, group, sizes = np.unique(
        np.asarray(identities)[images], return_index=True, return_inverse=True, return_counts=True
    )
    # Images sorted by the first appearance of their identity; `start` is where their group begins.
    images = images[np.argsort(first[group], kind="stable")]
    sizes = sizes[np.argsort(first)]
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    others = np.repeat(sizes, sizes) - 1
    source = np.repeat(np.arange(len(images)), others)
    rank = np.arange(len(source)) - np.repeat(np.cumsum(others) - others, others)
    target = start[source] + rank
    target += target >= source  # skips the image itself
    return np.stack([images[source], images[target]], axis=1).astype(np.int32)
