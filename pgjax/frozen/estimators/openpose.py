"""The built-in estimator: the OpenPose-MobileNet network, its peaks put together to people."""

import functools
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pgjax.files import paths
from pgjax.frozen import openpose_mobilenet, openpose_weights
from pgjax.frozen.estimators import people
from pgjax.images import photo as photos
from pgjax.keypoints import Pose, make_pose
from pgjax.keypoints.people import places_by_prominence

HEIGHT = 368  # pixels that a photo is enlarged or reduced to, as the network was trained
WIDEST = 656  # but no wider than this
ENLARGED = 2  # nor by more than this: what is blurred is found better small
MULTIPLE = 16  # sizes are multiples, so that photos of nearly one shape share a compiled program
MOST = 12  # candidates of a joint
SAMPLES = 10  # along a limb
ALONG = 0.05  # that a field has to point along a limb, ...
SHARE = 0.8  # ... at this share of the samples


class OpenPose:
    """Finds people by the built-in network; see pgjax.frozen.estimators.Estimator.

    Args:
      model: file of the weights, or their folder: they are downloaded into it, once, where they are
        not there.
      threshold: a joint is visible whose confidence is larger.
      fixed: False normalises each photo by itself, as the published graph does (openpose_weights).

    Raises:
      FileNotFoundError: there is no such file of weights.
      InputError: there are no weights, and they can't be downloaded, or they are other ones.
    """

    def __init__(self, model: str | os.PathLike, threshold: float = 0.1, fixed: bool = True):
        params = openpose_weights.load(paths.of(model))
        self._params = jax.device_put(openpose_weights.fixed(params) if fixed else params)
        self._threshold = threshold

    def __call__(self, photo: np.ndarray, everyone: bool = False) -> list[Pose]:
        size = photo.shape[:2]
        placement = photos.fit(size, network_size(size), "stretch")
        found = _candidates(self._params, placement.image(photo)[None], self._threshold)
        found = people.Candidates(*(np.asarray(x[0]) for x in found))

        def pose(person: np.ndarray) -> Pose:
            confidence = people.scores(found, person)
            places = placement.points_back(people.places(found, person))
            places = places.clip(0, np.array(size) - 1)
            return make_pose(places, confidence=confidence, size=size)

        persons = people.group(found)
        poses = [pose(person) for person in persons]
        order = places_by_prominence(poses)
        if everyone and len(persons) > 1:
            return [poses[place] for place in order]
        poses = [pose(people.completed(found, [persons[place] for place in order]))]
        return [pose for pose in poses if pose.visible.any()]


def network_size(size: tuple[int, int]) -> tuple[int, int]:
    """The size at which the network sees a photo of this size."""
    height, width = size
    scale = min(HEIGHT / height, WIDEST / width, ENLARGED)
    rows, columns = (max(1, round(scale * pixels / MULTIPLE)) * MULTIPLE for pixels in size)
    return rows, columns


@functools.partial(jax.jit, static_argnames="threshold")
def _candidates(params: Mapping[str, Any], images: jax.Array, threshold: float):
    """The arrays of people.Candidates for a batch; places in pixels of the images."""
    joints, fields = openpose_mobilenet.apply(params, images)
    places, scores = _peaks(joints, threshold)
    limbs = _limbs(places, fields)
    return (places + 0.5) * openpose_mobilenet.STRIDE - 0.5, scores, limbs


def _peaks(joints: jax.Array, threshold: float) -> tuple[jax.Array, jax.Array]:
    """(B, 18, K, 2) and (B, 18, K): the highest local maxima above the threshold, and their heights."""
    height, width = joints.shape[1:3]
    around = jax.lax.reduce_window(
        joints, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 1, 1, 1), "SAME"
    )
    high = jnp.where((joints >= around) & (joints > threshold), joints, 0.0)
    most = min(MOST, height * width)
    flat = high.reshape(-1, height * width, people.JOINTS).swapaxes(1, 2)
    scores, index = jax.lax.top_k(flat, most)
    y, x = index // width, index % width
    maps = jnp.moveaxis(joints, 3, 1)
    shape = (maps.shape[0], people.JOINTS, 1)
    b, j = (jax.lax.broadcasted_iota(jnp.int32, shape, axis) for axis in (0, 1))

    def at(dy: int, dx: int) -> jax.Array:
        return maps[b, j, jnp.clip(y + dy, 0, height - 1), jnp.clip(x + dx, 0, width - 1)]

    places = jnp.stack(
        [y + _summit(at(-1, 0), at(0, 0), at(1, 0)), x + _summit(at(0, -1), at(0, 0), at(0, 1))],
        axis=-1,
    )
    return places, scores


def _summit(before: jax.Array, top: jax.Array, after: jax.Array) -> jax.Array:
    """Where the parabola through three neighbours is highest, from the middle one, -0.5 to 0.5."""
    curve = 2 * top - before - after
    return jnp.where(curve > 1e-6, (after - before) / jnp.maximum(2 * curve, 1e-6), 0.0).clip(
        -0.5, 0.5
    )


def _limbs(places: jax.Array, fields: jax.Array) -> jax.Array:
    """(B, 19, K, K): how far the fields point along the lines between candidates, 0 where they don't."""
    first, second = np.array(openpose_mobilenet.LIMBS).T
    start, end = places[:, first, :, None], places[:, second, None, :]
    line = end - start
    length = jnp.linalg.norm(line, axis=-1, keepdims=True)
    direction = line / jnp.maximum(length, 1e-6)
    steps = jnp.linspace(0, 1, SAMPLES).reshape(1, 1, 1, 1, SAMPLES, 1)
    samples = jnp.round(start[..., None, :] + steps * line[..., None, :]).astype(jnp.int32)
    height, width = fields.shape[1:3]
    y, x = samples[..., 0].clip(0, height - 1), samples[..., 1].clip(0, width - 1)
    b, limb = (
        jax.lax.broadcasted_iota(jnp.int32, (*start.shape[:2], 1, 1, 1), axis) for axis in (0, 1)
    )
    along = (fields[b, y, x, limb] * direction[..., None, :]).sum(axis=-1)
    fits = (along > ALONG).mean(axis=-1) >= SHARE
    return jnp.where(fits, along.mean(axis=-1), 0.0)
