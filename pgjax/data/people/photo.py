"""One photo of one identity: a pure function of (seed, identity, index, size)."""

import numpy as np
from PIL import Image

from pgjax.data.people import background, body, garments, pose
from pgjax.data.people.appearance import person as make_person
from pgjax.data.people.chance import Chance, turn
from pgjax.data.people.detector import detect
from pgjax.data.people.solids import Canvas, profile

SIZES = ((64, 32), (128, 64), (256, 256))
FACTORS = {64: 3, 128: 2, 256: 2}


def _view(chance):
    """A random View: front, back and side, each with room to turn; mostly the whole body in frame."""
    facing = chance.weighted({"front": 4.6, "back": 3.4, "side": 2.0})
    yaw = chance.bell(0, 55)
    if facing == "back":
        yaw += 180
    elif facing == "side":
        yaw = chance.bell(0, 25) + chance.pick((90, -90))
    scale = chance.bell(0.87, 0.07)
    feet = chance.bell(0.955, 0.035)
    if chance.happens(0.12):  # cut below or above, as a careless detector's box
        scale = chance.uniform(1.0, 1.15)
        feet = 0.06 + scale * chance.uniform(0.95, 1.0)
    return body.View(yaw, chance.uniform(2, 13), scale, chance.bell(0, 0.045), feet)


def _occlude(canvas, chance):
    """Sometimes something in front of the person: a post, a box or a bush. Returns its colour."""
    if not chance.happens(0.1):
        return None
    part, near = body.PART["occluder"], 2.0
    kind = chance.pick(("post", "box", "bush"))
    x = chance.uniform(-0.2, 0.2)
    if kind == "post":
        width = chance.uniform(0.02, 0.045)
        canvas.tube(part, (x, -0.1, near), (x, 1.1, near), profile((0, width), (1, width)))
        return (110, 112, 116)
    if kind == "box":
        wide, top = chance.uniform(0.1, 0.2), chance.uniform(0.72, 0.9)
        flat = profile((0, wide), (1, wide))
        canvas.tube(
            part, (x, top, near), (x, 1.1, near), flat, flat * np.float32(0.2), round_ends=False
        )
        return (150, 112, 70)
    for _ in range(4):
        centre = np.array((x + chance.bell(0, 0.1), chance.uniform(0.85, 1.0), near))
        canvas.ellipsoid(part, centre, np.eye(3), np.full(3, chance.uniform(0.06, 0.12)))
    return (58, 92, 44)


def _shadow(canvas, view):
    """float32 (rows, columns) in 0..1: how much of the ground's light a soft shadow at the feet leaves."""
    x = (canvas.x[None] - np.float32(view.x)) / np.float32(0.19 * view.scale)
    y = (canvas.y[:, None] - np.float32(view.y)) / np.float32(0.035 * view.scale)
    return 1 - np.float32(0.4) * np.maximum(1 - x * x - y * y, 0)


def photo(seed, identity, index, size):
    """Photo number `index` (>= 0) of an identity at `size`, one of SIZES.

    Returns image and background, uint8 (H, W, 3), equal where neither the person, its shadow nor
    something in front is; keypoints float32 (18, 2), (y, x) pixels, -1 where missing; visible bool
    (18,); camera 1..6; joints float32 (18, 2), the true places, also of missing joints. The same
    scene at every size: y scales with the height, x about the middle. Raises ValueError on other sizes.
    """
    if tuple(size) not in SIZES:
        raise ValueError(f"size {size}: expected one of {SIZES}")
    someone = make_person(seed, identity)
    camera = someone.cameras[index % background.CAMERAS]
    height, width = size
    chance = Chance(seed, 2, identity, index)
    view = _view(chance)
    figure = pose.skeleton(pose.sample(chance), someone)
    place, light = background.window(seed, camera, chance, size)
    canvas = Canvas(size, FACTORS[height])
    joints = body.draw(canvas, someone, figure, view)
    occluder = _occlude(canvas, chance)
    visible = detect(chance, canvas, joints, view.scale, body.PART["occluder"])
    exposure = chance.bell(1.0, 0.1)
    gain = tuple(0.5 * (1 + channel) * exposure for channel in light)

    place = np.minimum(place * np.float32(exposure), 255).astype(np.uint8)
    factor = FACTORS[height]
    large = place.repeat(factor, 0).repeat(factor, 1)
    large = (large * _shadow(canvas, view)[..., None]).astype(np.uint8)
    indices, parts, colours = garments.paint(canvas, someone, turn(view.yaw), gain)
    if occluder is not None:
        here = parts == body.PART["occluder"]
        shade = 0.6 + 0.4 * canvas.h.ravel()[indices[here]]
        colours[here] = shade[:, None] * np.float32(occluder)[None]
    large.reshape(-1, 3)[indices] = np.clip(colours, 0, 255).astype(np.uint8)
    image = np.asarray(Image.fromarray(large).reduce(factor))

    true = np.stack((joints[:, 1] * height, joints[:, 0] * height + width / 2), -1) - 0.5
    true = true.astype(np.float32)
    return {
        "image": image,
        "background": place,
        "keypoints": np.where(visible[:, None], true, np.float32(-1)),
        "visible": visible,
        "camera": camera,
        "joints": true,
    }
