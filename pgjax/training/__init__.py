"""A row as a checked recipe, its state, its step, its checkpoints, and the loop around them."""
