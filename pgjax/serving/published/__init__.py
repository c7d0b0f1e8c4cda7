"""Weights that the authors of the systems released, as exported models of pgjax.

One file here for each system has its table: which of our arrays each of theirs is. Nothing is guessed.
"""

from pgjax.serving.published.importing import SYSTEMS, config_of, import_model, model_of

__all__ = ["SYSTEMS", "config_of", "import_model", "model_of"]
