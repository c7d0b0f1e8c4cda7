"""Generates the pairs of a list, batch after batch, and scores what comes out."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.data.pipeline import split_over_devices
from pgjax.errors import NonFiniteLossError
from pgjax.images.pixels import to_uint8
from pgjax.metrics import pixel
from pgjax.metrics.comparison import masked_source
from pgjax.metrics.protocols import Mask, while_training
from pgjax.metrics.records import PLAIN
from pgjax.nets import NO_IMAGES
from pgjax.pose import raster
from pgjax.pose.batch import Batch, Indices, Store, fetch
from pgjax.runtime.devices import over_devices, replicate
from pgjax.runtime.devices import place as place_on_devices
from pgjax.training.recipe import Recipe
from pgjax.training.state import State
from pgjax.training.steps import example_keys, make_generate

Scores = dict[str, np.ndarray]


class Prediction(NamedTuple):
    """B pairs: the Batch, every generator's image as uint8 (B, H, W, 3), and scores (B,) by subject.

    Generators whose output is no image are left out. The subjects are "model" (the stage's output), and
    the baselines "source" (the source image) and, where a mean image was given, "mean".
    """

    batch: Batch
    images: dict[str, np.ndarray]
    scores: dict[str, Scores]


class Predictor:
    """Predicts any list of pairs with the networks of one stage; compiled once."""

    def __init__(
        self,
        recipe: Recipe,
        stage: str,
        mean_image: np.ndarray | None = None,
        noise: bool = False,
        scored: bool = True,
        masked_input: Mask | None = None,
    ):
        """Compiles nothing yet.

        Args:
          recipe: of the networks.
          stage: whose generators predict; its output is an image.
          mean_image: uint8 (H, W, 3), scored as a baseline where given.
          noise: keep the generators' dropout, their noise vector, and draw their latents; it follows from
            the recipe's seed and a pair's place in the list.
          scored: else the predictions have no scores.
          masked_input: what of the source photo is shown to the networks, by its own pose; the rest is
            black. All of it unless given.
        """
        self._recipe, self._stage = recipe, recipe.stages[stage]
        self._devices = jax.local_device_count()
        generate = make_generate(recipe, self._stage)
        names = self._stage.generators
        drawn = [name for name in names if recipe.networks[name].net not in NO_IMAGES]
        radius = recipe.evaluation.mask_radius
        metrics = while_training()

        def predict(variables: Mapping[str, Any], batch: Batch, places: jax.Array):
            keys = example_keys(recipe.seed, (), places) if noise else None
            photos = batch.source_image
            if masked_input is not None:
                batch = batch._replace(source_image=masked_source(batch, masked_input))
            made = generate(variables, batch, keys)
            finite = jnp.stack([jnp.isfinite(image).all() for image in made.values()]).all()
            images = {name: to_uint8(made[name]) for name in drawn}
            if not scored:
                return images, {}, finite
            size = recipe.image_size
            mask = raster.person_mask(
                batch.target_keypoints, batch.target_visible, size, radius=radius
            )
            subjects = {"model": images[self._stage.generators[-1]], "source": photos}
            if mean_image is not None:
                subjects["mean"] = jnp.broadcast_to(mean_image[None], photos.shape)
            scores = {
                name: pixel.score(metrics, {PLAIN: image}, batch.target_image, mask)
                for name, image in subjects.items()
            }
            return images, scores, finite

        # A host predicts what it likes: on its own devices.
        self._predict = over_devices(predict, everywhere=False)

    def __call__(
        self,
        state: State,
        store: Store,
        pairs: np.ndarray,
        place: int = 0,
        total: int | None = None,
        devices: int | None = None,
    ) -> Iterator[Prediction]:
        """Predicts pairs int32 (P, 2) in their order; an incomplete last batch is kept.

        The recipe's batch size of evaluation, and no more than there are pairs, is shared among devices. So
        those of several hosts get batches of the size that as many of one host would: the images are the
        same, to the bit.

        Args:
          state: unreplicated.
          store: of the pairs.
          pairs: those of this host.
          place: of the first one in the whole list.
          total: the length of that list, P unless given.
          devices: which share it, this host's unless given.

        Raises:
          NonFiniteLossError: a generated image is not finite.
        """
        wanted = min(self._recipe.evaluation.batch_size, total or len(pairs))
        size = -(-wanted // (devices or self._devices)) * self._devices
        names = self._stage.generators
        variables = replicate({name: state.networks[name].averaged for name in names})
        for start in range(0, len(pairs), size):
            chosen = pairs[start : start + size]
            # The last batch is filled up with its first pair, so that nothing compiles twice.
            filled = np.concatenate([chosen, np.repeat(chosen[:1], size - len(chosen), axis=0)])
            indices = Indices(filled[:, 0], filled[:, 1], np.zeros(size, bool))
            batch = fetch(store, indices)
            places = np.arange(place + start, place + start + size, dtype=np.int32)
            shares = split_over_devices(batch, self._devices)
            given = place_on_devices((shares, places.reshape(self._devices, -1)))
            images, scores, finite = self._predict(variables, *given)
            if not np.all(finite):
                raise NonFiniteLossError(f"a generated image of step {state.step} is not finite")
            images, scores = jax.tree.map(_join_devices, (images, scores))
            yield _first(len(chosen), Prediction(batch, images, scores))


def _first(count: int, prediction: Prediction) -> Prediction:
    return jax.tree.map(lambda x: x[:count], prediction)


def _join_devices(x: jax.Array) -> np.ndarray:
    return np.asarray(x).reshape(-1, *x.shape[2:])


def mean_scores(scores: list[dict[str, Scores]]) -> dict[str, dict[str, float]]:
    """Means over all pairs, in float64, by subject and metric."""
    return {
        subject: {
            metric: float(np.concatenate([s[subject][metric] for s in scores]).mean(dtype=float))
            for metric in scores[0][subject]
        }
        for subject in scores[0]
    }
