"""New persons from noise, by a model of PDIG (Ma et al. 2018; docs/reference_facts.md, 3.7)."""

from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.errors import InputError, NonFiniteLossError
from pgjax.images.pixels import to_uint8
from pgjax.nets import NETS, pdig
from pgjax.pose import coordinates, raster
from pgjax.pose.batch import Batch
from pgjax.pose.scene import derive
from pgjax.training.model_folder import Model
from pgjax.training.recipe import Recipe
from pgjax.training.steps import example_keys


class PersonSampler:
    """Draws foreground, background or pose of persons from noise, and keeps the rest of a photo.

    Attributes:
      parts: which can be drawn, values of pdig.PARTS.
      size: (height, width) of the model's pictures, pixels.
    """

    def __init__(self, model: Model):
        """Raises InputError: the model has no network that draws a part from noise."""
        recipe = model.recipe
        self.size, self._seed = model.size, recipe.seed
        found = _found(recipe, model.variables)
        self._said = f"the model {model.config['row']} of step {model.step}"
        self.parts = tuple(part for part in pdig.PARTS if part in found)
        if not {"g", "poses"} <= found.keys() or not self.parts:
            raise InputError(
                f"{self._said} draws nothing from noise: expected one of a row such as "
                "pdig:market1501/pdig_sampling, after its last stage"
            )
        modules = {
            key: NETS[recipe.networks[n].net](**recipe.networks[n].options)
            for key, n in found.items()
        }

        def draw(variables, batch, keys, drawn):
            scene = derive(batch, **recipe.scene)._replace(keys=keys)

            def call(key, *given, **options):
                return modules[key].apply(variables[found[key]], *given, **options)

            embedding = call("g", scene, method="embed")
            kept = call("g", embedding, method="split")
            halves = [
                call(part, scene, {}, train=True) if part in drawn else half
                for part, half in zip(pdig.PARTS[:2], kept, strict=True)
            ]
            if "pose" in drawn:
                # What is decoded is the noise that was mapped, no photo's pose.
                vector = call("poses", call("pose", scene, {}, train=True), method="decode")
                pose = coordinates.decode(vector, self.size)
                radius = recipe.scene.get("disc_radius", 4)
                scene = scene._replace(target_discs=raster.discs(*pose, self.size, radius=radius))
            made = call("g", scene, jnp.concatenate(halves, axis=-1), method="decode")
            return to_uint8(made), jnp.isfinite(made).all()

        self._draw = jax.jit(draw, static_argnames="drawn")
        self._variables = jax.device_put(dict(model.variables))

    def __call__(self, batch: Batch, drawn: Collection[str] = (), seed: int = 0) -> np.ndarray:
        """The persons of a Batch's source photos under its target poses, with parts drawn anew.

        Args:
          batch: B pairs.
          drawn: the parts, of `parts`. The noise of a part follows from the seed and the place in the
            batch, whatever else is drawn.
          seed: from 0 on.

        Returns:
          uint8 (B, H, W, 3).

        Raises:
          InputError: the model cannot draw such a part.
          NonFiniteLossError: an image is not finite.
        """
        for part in drawn:
            if part not in self.parts:
                raise InputError(f"{part!r}: {self._said} draws {', '.join(self.parts)} from noise")
        keys = example_keys(self._seed, (seed,), jnp.arange(len(batch.source_image)))
        drawn = tuple(part for part in self.parts if part in drawn)
        images, finite = self._draw(self._variables, batch, keys, drawn=drawn)
        if not finite:
            raise NonFiniteLossError(f"{self._said} draws what is not finite")
        return np.asarray(images)


def _found(recipe: Recipe, variables: Mapping[str, Any]) -> dict[str, str]:
    """Names of the model's networks: the generator's by "g", the poses' by "poses", others by their part."""
    found = {}
    for name in variables:
        network = recipe.networks[name]
        module = NETS[network.net]
        if module is pdig.Generator:
            found["g"] = name
        elif module is pdig.PoseAutoEncoder:
            found["poses"] = name
        elif module is pdig.Mapping:
            found[module(**network.options).part] = name
    return found
