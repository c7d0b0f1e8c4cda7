"""Six cameras, each with a wide still picture of its place; photos show windows of these pictures."""

import functools

import numpy as np
from PIL import Image, ImageDraw

from pgjax.data.people import clutter
from pgjax.data.people.chance import Chance
from pgjax.data.people.clutter import shade

HEIGHT, WIDTH = 256, 1536
PLACES = {  # name: colour of the wall, of the ground
    "plaza": ((170, 166, 158), (158, 152, 146)),
    "lawn": ((112, 140, 92), (128, 138, 104)),
    "doors": ((60, 58, 62), (132, 128, 124)),
    "bricks": ((150, 92, 74), (146, 140, 132)),
    "road": ((178, 182, 186), (112, 112, 116)),
    "studio": ((196, 194, 190), (168, 164, 158)),
}
OBJECTS = 18


def _tiles(draw, horizon, colour):
    """Paving: rows that grow towards the viewer, slanting joints."""
    dark = tuple(int(c * 0.86) for c in colour)
    row, depth = float(horizon), 5.0
    while row < HEIGHT:
        draw.line((0, int(row), WIDTH, int(row)), fill=dark, width=2 if depth > 18 else 1)
        row, depth = row + depth, depth * 1.35
    for x in range(-WIDTH, 2 * WIDTH, 46):
        draw.line((x, horizon, int(WIDTH / 2 + (x - WIDTH / 2) * 1.6), HEIGHT), fill=dark)


def _objects(draw, chance, place, horizon):
    """Bicycles, passers-by and posts near the horizon."""
    for _ in range(OBJECTS):
        x, y = chance.below(WIDTH), horizon + int(chance.uniform(2, 40))
        if chance.happens(0.9 if place == "plaza" else 0.2):
            clutter.bicycle(draw, chance, x, y, chance.uniform(30, 52))
        elif chance.happens(0.5):
            clutter.passer(draw, chance, x, y, chance.uniform(70, 130))
        elif chance.happens(0.4):
            post = (x, 0, x + 6 + chance.below(8), y)
            draw.rectangle(post, fill=shade(chance, (96, 96, 98), 50))


def _noise(chance, height, width):
    """float32 (HEIGHT, WIDTH) in -1..1, smooth between height × width random values."""
    coarse = Image.fromarray(((chance.grid(height, width) + 1) * 127.5).astype(np.uint8))
    fine = coarse.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    return np.asarray(fine, np.float32) / np.float32(127.5) - 1


@functools.lru_cache(maxsize=16)
def panorama(seed, camera):
    """The picture of one camera (1..6) and the colour of its light.

    Returns:
      A PIL RGB image, 256 × 1536, and float32 (3,) about 1.
    """
    chance = Chance(seed, 3, camera)
    place = tuple(PLACES)[camera - 1]
    horizon = int(chance.uniform(0.42, 0.62) * HEIGHT)
    wall, ground = (shade(chance, colour) for colour in PLACES[place])
    image = Image.new("RGB", (WIDTH, HEIGHT), wall)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon, WIDTH, HEIGHT), fill=ground)
    clutter.wall(draw, chance, place, horizon, WIDTH)
    if place in ("plaza", "doors", "bricks"):
        _tiles(draw, horizon, ground)
    if place != "studio":
        _objects(draw, chance, place, horizon)
    grain = np.float32(2 if place == "studio" else 7) * _noise(chance, 64, 384)
    pixels = np.asarray(image, np.float32) + (grain + 16 * _noise(chance, 8, 48))[..., None]
    level = chance.bell(1.0, 0.12)
    light = np.array([chance.bell(1.0, 0.12) * level for _ in range(3)], np.float32)
    return Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8)), light


def window(seed, camera, chance, size):
    """A random window of a camera's picture at (height, width), and the colour of the light.

    All sizes show the same place, narrow ones the middle of the square.

    Returns:
      uint8 (height, width, 3) and float32 (3,).
    """
    picture, light = panorama(seed, camera)
    height, width = size
    side = HEIGHT * chance.uniform(0.72, 1.0)
    left = chance.uniform(0, WIDTH - side)
    top = chance.uniform(0.5, 1.0) * (HEIGHT - side)
    margin = side * (1 - width / height) / 2
    box = (left + margin, top, left + side - margin, top + side)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box)), light
