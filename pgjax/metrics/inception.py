"""Inception Score, FID and KID: what the 2015 Inception graph says of a set of images, in float64.

Features (N, 2048) and logits (N, 1008) come from `inception_features`; the functions are NumPy on them.
"""

from collections.abc import Iterator

import numpy as np

from pgjax.errors import InputError, NotMeasuredError

SUBSETS, SUBSET = 100, 1000  # of KID, as its authors and torch-fidelity take them


def scores_of_splits(logits: np.ndarray, splits: int = 10) -> np.ndarray:
    """exp(mean KL(p(y|x) || p(y))) of each part of the images, in their order: (splits,).

    Salimans 2016, section 4; the parts as in its code, docs/reference_facts.md, 6.2.

    Args:
      logits: (N, classes), N at least `splits`.
      splits: parts of the list, one after another, that differ by at most one image.

    Raises:
      NotMeasuredError: fewer images than splits.
    """
    count = len(logits)
    if count < splits:
        raise NotMeasuredError(f"Inception Score of {splits} splits needs at least {splits} images")
    logits = _finite(logits)
    logits = logits - logits.max(axis=1, keepdims=True)
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    scores = []
    for i in range(splits):
        part = log[i * count // splits : (i + 1) * count // splits]
        likely = np.exp(part)
        # The mean of positive numbers; where all are too small to be told from 0, so are the terms.
        mean = np.log(np.maximum(likely.mean(axis=0), np.finfo(float).tiny))
        scores.append(np.exp((likely * (part - mean)).sum(axis=1).mean()))
    return np.array(scores)


def inception_score(
    name: str, generated, against: None = None, splits: int = 10
) -> dict[str, float]:
    """The mean of `scores_of_splits` as `name`, and their standard deviation as `name_std`.

    The deviation is divided by their number, as the score's code has it. Higher is better, from 1 on.

    Args:
      name: of the score.
      generated: (features, logits) of the images, whose order matters.
      against: nothing.
      splits: parts of the list.
    """
    values = scores_of_splits(generated[1], splits)
    return {name: float(values.mean()), f"{name}_std": float(values.std())}


def fid(generated, reference) -> float:
    """Fréchet distance of two Gaussians fitted to features (Heusel 2017, eq. 6); lower is better.

    |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2), covariances divided by N - 1. The last trace is the
    sum of the square roots of the eigenvalues of C1 C2. With C = R' R (R from a QR decomposition of the
    centred features) those roots are the singular values of R1 R2': no square root of a singular matrix is
    needed where there are fewer images than features, and nothing is lost by squaring.

    Args:
      generated: (features (N, D), logits) of the images.
      reference: likewise, of real images.

    Returns:
      0 or more.

    Raises:
      NotMeasuredError: fewer than two images.
    """
    (mean, root), (other_mean, other_root) = (_gaussian(x[0]) for x in (generated, reference))
    overlap = np.linalg.svd(root @ other_root.T, compute_uv=False).sum()
    total = np.square(root).sum() + np.square(other_root).sum() - 2 * overlap
    return max(0.0, float(np.square(mean - other_mean).sum() + total))


def kids_of_subsets(
    generated: np.ndarray,
    reference: np.ndarray,
    subsets: int = SUBSETS,
    size: int = SUBSET,
    seed: int = 0,
) -> np.ndarray:
    """Unbiased squared MMD with the kernel (x'y / D + 1)^3 of random subsets: (subsets,).

    Binkowski 2018, section 4. A subset is drawn without replacement, from each side; the sizes are at most
    the smaller side's number of images.

    Args:
      generated: features (N, D).
      reference: features (M, D).
      subsets: how many.
      size: images a side in a subset.
      seed: of the draws.

    Raises:
      NotMeasuredError: fewer than two images.
    """
    generated, reference = _finite(generated), _finite(reference)
    size = min(size, len(generated), len(reference))
    if size < 2:
        raise NotMeasuredError("KID needs at least two images a side")
    return np.array(list(_draws(generated, reference, subsets, size, np.random.default_rng(seed))))


def kid(generated, reference) -> dict[str, float]:
    """ "kid", the mean of `kids_of_subsets`, and "kid_std", their standard deviation; lower is better.

    Args:
      generated: (features (N, D), logits) of the images.
      reference: likewise, of real images.
    """
    values = kids_of_subsets(generated[0], reference[0])
    return {"kid": float(values.mean()), "kid_std": float(values.std())}


def _draws(one, other, subsets: int, size: int, random: np.random.Generator) -> Iterator[float]:
    for _ in range(subsets):
        x, y = (a[random.choice(len(a), size, replace=False)] for a in (one, other))
        within, across = (_kernel(x, x), _kernel(y, y)), _kernel(x, y)
        pairs = size * (size - 1)
        yield sum((k.sum() - np.trace(k)) / pairs for k in within) - 2 * across.mean()


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,) and a root R of the covariance R' R, (min(N, D), D)."""
    features = _finite(features)
    if len(features) < 2:
        raise NotMeasuredError("FID needs at least two images a side")
    mean = features.mean(axis=0)
    centred = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.asarray(np.linalg.qr(centred, mode="r"))


def _finite(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        raise InputError("features of a network are not finite: are its weights damaged?")
    return x
