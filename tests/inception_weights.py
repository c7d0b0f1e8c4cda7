"""Random weights of Inception v3 by a rule, named as the published files name them, and two pictures.

NumPy alone, so that another framework's network can be given the same ones.
"""

import numpy as np

PARTS = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")


def tensors(shapes: dict[str, tuple[int, ...]], classes: int) -> dict[str, np.ndarray]:
    """Scaled so that activations stay of the same size; float32.

    Args:
      shapes: of the kernels, (height, width, in, out), by layer.
      classes: how many logits there are.
    """
    random, found = np.random.default_rng(0), {}
    for name, (height, width, before, after) in sorted(shapes.items()):
        std = (2 / (height * width * before)) ** 0.5
        values = (
            random.normal(0, std, (after, before, height, width)),
            random.uniform(0.8, 1.5, after),
            random.normal(0, 0.1, after),
            random.normal(0, 0.1, after),
            random.uniform(0.5, 1.5, after),
        )
        found |= {f"{name}.{part}": x for part, x in zip(PARTS, values, strict=True)}
    found["fc.weight"] = random.normal(0, 0.05, (classes, 2048))
    found["fc.bias"] = random.normal(0, 0.5, classes)
    return {name: x.astype(np.float32) for name, x in found.items()}


def pictures() -> np.ndarray:
    """uint8 (2, 96, 60, 3): noise that is darker above."""
    found = np.random.default_rng(1).integers(0, 256, (2, 96, 60, 3), np.uint8)
    found[:, :48] //= 4
    return found
