"""One photo of one identity: a pure function of (seed, identity, index, size)."""

import numpy as np
from PIL import Image

from pgjax.data.people import background, body, garments, pose
from pgjax.data.people.appearance import person as make_person
from pgjax.data.people.chance import Chance
from pgjax.data.people.detector import detect
from pgjax.data.people.solids import Canvas, profile

SAMPLES = {(64, 32): 3, (128, 64): 3, (256, 256): 2}  # a pixel, in each direction
SIZES = tuple(SAMPLES)
FACING = {"front": 4.6, "back": 3.6, "side": 1.8}
CROPPED, OCCLUDED = 0.1, 0.1  # how often


def facing(seed, identity, index):
    """From where photo number `index` of an identity shows it: "front", "side" or "back".

    Arguments are those of `photo`.
    """
    return _chance(seed, identity, index).weighted(FACING)


def _chance(seed, identity, index):
    """The draws of a photo, of which its facing is the first."""
    return Chance(seed, 2, identity, index)


def _view(chance):
    """A random View: front, back or side with room to turn, mostly the whole body in frame."""
    facing = chance.weighted(FACING)
    yaw = chance.bell(0, 55)
    if facing == "back":
        yaw += 180
    elif facing == "side":
        yaw = chance.bell(0, 25) + chance.pick((90, -90))
    scale, feet = chance.bell(0.87, 0.07), chance.bell(0.95, 0.035)
    if chance.happens(CROPPED):  # a careless detector's box cuts the feet off
        scale = chance.uniform(1.0, 1.15)
        feet = 0.06 + scale * chance.uniform(0.95, 1.0)
    return body.View(yaw, chance.uniform(2, 13), scale, chance.bell(0, 0.045), feet)


def _occlude(canvas, chance):
    """Sometimes a post, a box or a bush in front of the person. Returns its colour, or None."""
    if not chance.happens(OCCLUDED):
        return None
    part, near = body.PART["occluder"], 2.0
    kind = chance.pick(("post", "box", "bush"))
    x = chance.uniform(-0.2, 0.2)
    if kind == "post":
        width = chance.uniform(0.02, 0.045)
        canvas.tube(part, (x, -0.1, near), (x, 1.1, near), profile((0, width), (1, width)))
        return 110, 112, 116
    if kind == "box":
        wide, top = chance.uniform(0.1, 0.2), chance.uniform(0.72, 0.9)
        flat = profile((0, wide), (1, wide))
        ends = (x, top, near), (x, 1.1, near)
        canvas.tube(part, *ends, flat, deep=flat * np.float32(0.2), round_ends=False)
        return 150, 112, 70
    for _ in range(4):
        centre = np.array((x + chance.bell(0, 0.1), chance.uniform(0.85, 1.0), near))
        canvas.ellipsoid(part, centre, np.eye(3), np.full(3, chance.uniform(0.06, 0.12)))
    return 58, 92, 44


def _shadow(canvas, view):
    """float32 (rows, columns) in 0..1: the light that a soft shadow at the feet leaves."""
    x = (canvas.x - np.float32(view.x)) / np.float32(0.19 * view.scale)
    y = (canvas.y - np.float32(view.y)) / np.float32(0.035 * view.scale)
    return 1 - np.float32(0.4) * np.maximum(1 - (x * x)[None] - (y * y)[:, None], 0)


def _compose(canvas, place, someone, view, light, occluder):
    """uint8 (H, W, 3): the person, its shadow and what is in front, over the background."""
    rows, columns = canvas.part.shape
    factor = rows // len(place)
    large = place.repeat(factor, 0).repeat(factor, 1)
    large = (large * _shadow(canvas, view)[..., None]).astype(np.uint8).reshape(-1, 3)
    indices, colours = garments.paint(canvas, someone, light)
    large[indices] = colours.astype(np.uint8)
    if occluder is not None:
        here = np.flatnonzero(canvas.part == body.PART["occluder"])
        shade = np.float32(0.6) + np.float32(0.4) * canvas.facing.ravel()[here]
        large[here] = (shade[:, None] * np.asarray(occluder, np.float32)[None]).astype(np.uint8)
    return np.asarray(Image.fromarray(large.reshape(rows, columns, 3)).reduce(factor))


def photo(seed, identity, index, size):
    """Photo number `index` of an identity. The same scene comes at every size.

    Args:
      seed: int >= 0, of the whole world: people, places, photos.
      identity: int >= 1.
      index: int >= 0.
      size: (height, width), one of SIZES. y scales with the height; x too, about the middle.

    Returns:
      A dict: `image` and `background`, uint8 (H, W, 3), equal where neither the person nor its
      shadow nor something in front is; `keypoints` float32 (18, 2), (y, x) in pixels, -1 where
      missing; `visible` bool (18,); `camera` 1..6; `joints` float32 (18, 2), as keypoints but true
      for missing joints too.

    Raises:
      ValueError: seed, identity, index or size is not as above.
    """
    size = tuple(size)
    if size not in SAMPLES or index < 0:
        raise ValueError(f"size {size}, index {index}: expected one of {SIZES} and index >= 0")
    someone = make_person(seed, identity)
    camera = someone.cameras[index % len(someone.cameras)]
    chance = _chance(seed, identity, index)
    view = _view(chance)
    figure = pose.skeleton(pose.sample(chance), someone)
    exposure = np.float32(chance.bell(1.0, 0.1))
    place, light = background.window(seed, camera, chance, size)
    place = np.minimum(place * exposure, 255).astype(np.uint8)
    # People stand in a softer light than the camera's picture of the place.
    light = exposure * (1 + light) / 2

    canvas = Canvas(size, SAMPLES[size])
    joints = body.draw(canvas, someone, figure, view)
    occluder = _occlude(canvas, chance)
    visible = detect(chance, canvas, joints, view.scale, body.PART["occluder"])
    height, width = size
    pixels = np.stack((joints[:, 1] * height, joints[:, 0] * height + width / 2), -1) - 0.5
    pixels = pixels.astype(np.float32)
    return {
        "image": _compose(canvas, place, someone, view, light, occluder),
        "background": place,
        "keypoints": np.where(visible[:, None], pixels, np.float32(-1)),
        "visible": visible,
        "camera": camera,
        "joints": pixels,
    }
