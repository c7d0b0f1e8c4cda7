"""What an exported model computes: from photos as bytes and joints to pictures, in JAX."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.images.pixels import to_float, to_uint8
from pgjax.pose.batch import Batch
from pgjax.pose.scene import erase, person_region
from pgjax.training.model_folder import Model
from pgjax.training.steps import make_generate


def drawing(model: Model) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """The function of a model that PoseTransfer calls; noise is off.

    Returns:
      (variables, photo, background, told, source, seen, target, wanted, view) -> (pictures uint8
      (B, H, W, 3), the same before they were rounded). Photo and background are uint8 (B, H, W, 3); told
      (B,) says where the background counts, elsewhere it is the photo with the person erased; joints and
      views are a Batch's.
    """
    recipe = model.recipe
    stage = recipe.stages[model.stage]
    generate, last = make_generate(recipe, stage), stage.generators[-1]
    margin = 4 * recipe.scene.get("disc_radius", 4)  # as scene.derive erases a person

    def draw(variables, photo, background, told, source, seen, target, wanted, view):
        image = to_float(photo)
        erased = to_uint8(erase(image, person_region(source, seen, model.size, margin)))
        background = jnp.where(told[:, None, None, None], background, erased)
        # The target photo is what nobody has here; its shape alone is read.
        blank = jnp.zeros_like(photo)
        batch = Batch(photo, blank, source, seen, target, wanted, background, view)
        made = generate(variables, batch)[last]
        return to_uint8(made), made

    return draw


class Drawing:
    """An exported model that JAX draws with; compiled once for each batch size.

    Attributes:
      row, step, size, reads_view: as PoseTransfer's. function: the compiled one.
    """

    def __init__(self, model: Model):
        """Raises InputError: the model is of another version."""
        self.row, self.step, self.size = model.config["row"], model.step, model.size
        self.reads_view = model.reads_view
        draw = drawing(model)

        def drawn(variables, *given):
            pictures, made = draw(variables, *given)
            return pictures, jnp.isfinite(made).all()

        self.function = jax.jit(drawn)
        self._variables = jax.device_put(dict(model.variables))

    def __call__(self, *given: np.ndarray) -> tuple[Any, Any]:
        """Of a batch, as `drawing`: pictures uint8 (B, H, W, 3), and whether all of them are finite."""
        return self.function(self._variables, *jax.device_put(list(given)))
