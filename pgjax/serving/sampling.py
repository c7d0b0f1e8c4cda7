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
from pgjax.pose.scene import as_seen, derive
from pgjax.runtime import precision
from pgjax.training.model_folder import Model
from pgjax.training.recipe import Recipe
from pgjax.training.steps import example_keys


class PersonSampler:
    """Draws foreground, background or pose of persons from noise, and keeps the rest of a photo.

    Computes in the precision of the model's row.

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
        self.parts = parts_of(model)
        if not self.parts:
            raise InputError(
                f"{self._said} draws nothing from noise: expected one of a row such as "
                "pdig:market1501/pdig_sampling, from its third stage on"
            )
        arithmetic = recipe.compute.precision
        kind = precision.kind(arithmetic)
        modules = {
            key: NETS[recipe.networks[n].net](**recipe.networks[n].options)
            for key, n in found.items()
        }

        def draw(variables, batch, keys, drawn):
            scene = as_seen(derive(batch, **recipe.scene)._replace(keys=keys), kind)

            def call(key, *given, **options):
                with precision.products(arithmetic):
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
                pose = coordinates.decode(vector.astype(jnp.float32), self.size)
                radius = recipe.scene.get("disc_radius", 4)
                discs = raster.discs(*pose, self.size, radius=radius)
                scene = scene._replace(target_discs=discs.astype(kind))
            made = call("g", scene, jnp.concatenate(halves, axis=-1), method="decode")
            made = made.astype(jnp.float32)
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


def parts_of(model: Model) -> tuple[str, ...]:
    """What PersonSampler can draw of a model from noise, values of pdig.PARTS; of most models nothing."""
    found = _found(model.recipe, model.variables)
    if not {"g", "poses"} <= found.keys():
        return ()
    return tuple(part for part in pdig.PARTS if part in found)


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
