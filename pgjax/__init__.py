"""Pose-guided person image generation in JAX/Flax."""

__version__ = "0.2.0"
