"""Training steps in PyTorch, for benchmarks.against_torch; run in an environment without JAX."""
