"""The axis over which the training step is mapped."""

DEVICES = "devices"
"""Its name: whatever depends on the whole batch is averaged over it (jax.lax.pmean)."""
