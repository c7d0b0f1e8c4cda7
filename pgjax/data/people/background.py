"""Six cameras, each with a wide still picture of its place; photos are windows of these pictures."""

import functools

import numpy as np
from PIL import Image, ImageDraw

from pgjax.data.people.chance import Chance

CAMERAS = 6
HEIGHT, WIDTH = 256, 1536
PLACES = ("plaza", "lawn", "doors", "bricks", "road", "studio")


def _shade(chance, colour, width=20):
    shift = chance.bell(0, width)
    return tuple(int(min(250, max(5, c + shift + chance.bell(0, width / 3)))) for c in colour)


def _tiles(draw, chance, horizon, colour):
    """Paving: rows that grow towards the viewer, slanting joints."""
    row, depth = float(horizon), 5.0
    dark = tuple(int(c * 0.86) for c in colour)
    while row < HEIGHT:
        draw.line((0, int(row), WIDTH, int(row)), fill=dark, width=1 + int(depth > 18))
        row, depth = row + depth, depth * 1.35
    for x in range(-WIDTH, 2 * WIDTH, 46):
        draw.line((x, horizon, int(WIDTH / 2 + (x - WIDTH / 2) * 1.6), HEIGHT), fill=dark)


def _bicycle(draw, chance, x, y, size):
    colour = _shade(chance, chance.pick(((40, 40, 46), (120, 40, 40), (50, 70, 120))))
    for centre in (x, x + 1.15 * size):
        box = (centre - size / 2, y - size, centre + size / 2, y)
        draw.ellipse(tuple(map(int, box)), outline=(34, 34, 36), width=max(2, int(size / 14)))
    points = (
        (0, -0.5),
        (0.35, -1.2),
        (0.95, -1.15),
        (0.5, -0.5),
        (0, -0.5),
        (0.5, -0.5),
        (0.35, -1.2),
    )
    path = [(int(x + dx * size), int(y + dy * size)) for dx, dy in points]
    draw.line(path, fill=colour, width=max(2, int(size / 12)))
    draw.line((int(x + 1.15 * size), int(y - size / 2), int(x + 0.9 * size), int(y - 1.4 * size)),
              fill=colour, width=max(2, int(size / 12)))  # fmt: skip


def _passer(draw, chance, x, y, size):
    """A distant person in three blocks: nobody's identity, only clutter."""
    shirt, legs = _shade(chance, (110, 110, 110), 90), _shade(chance, (60, 60, 66), 40)
    wide = size * 0.13
    box = lambda *b: tuple(map(int, b))  # noqa: E731
    draw.rectangle(box(x - wide * 0.8, y - 0.5 * size, x + wide * 0.8, y), fill=legs)
    draw.rounded_rectangle(box(x - wide, y - 0.84 * size, x + wide, y - 0.45 * size),
                           int(wide * 0.6), fill=shirt)  # fmt: skip
    draw.ellipse(
        box(x - wide * 0.5, y - size, x + wide * 0.5, y - 0.83 * size), fill=(150, 112, 92)
    )


def _wall(draw, chance, place, horizon):
    """What stands behind the ground: windows, doors, bricks, bushes, or nothing."""
    x = 0
    while x < WIDTH:
        step = int(chance.uniform(50, 130))
        if place == "bricks":
            colour = _shade(chance, (150, 92, 74), 10)
            draw.rectangle((x, 0, x + step, horizon), fill=colour)
            for y in range(0, horizon, 14):
                draw.line((x, y, x + step, y), fill=tuple(int(c * 0.8) for c in colour))
                for brick in range(x + (y // 14 % 2) * 12, x + step, 24):
                    draw.line((brick, y, brick, y + 14), fill=tuple(int(c * 0.8) for c in colour))
            if chance.happens(0.35):
                draw.rectangle((x + 8, 12, x + step - 8, horizon - 30), fill=_shade(chance, (70, 84, 96)),
                               outline=(214, 210, 200), width=4)  # fmt: skip
        elif place == "doors":
            draw.rectangle((x, 0, x + step, horizon), fill=_shade(chance, (46, 44, 50), 22))
            draw.rectangle((x, 0, x + 7, horizon), fill=_shade(chance, (150, 150, 150)))
            if chance.happens(0.3):
                draw.rectangle(
                    (x + 20, 20, x + step - 10, 70), fill=_shade(chance, (170, 60, 50), 60)
                )
        elif place == "lawn":
            for _ in range(3):
                left, top = x + chance.below(60), chance.below(max(1, horizon - 20))
                size = 20 + chance.below(40)
                draw.ellipse((left, top, left + 2 * size, top + size),
                             fill=_shade(chance, (62, 100, 48), 34))  # fmt: skip
        elif place == "plaza":
            draw.rectangle((x, 0, x + step, horizon), fill=_shade(chance, (164, 160, 150), 26))
            if chance.happens(0.6):
                draw.rectangle(
                    (x + 10, 10, x + step - 8, horizon - 18),
                    fill=_shade(chance, (92, 104, 116), 30),
                )
        elif place == "road" and chance.happens(0.5):
            top = int(chance.uniform(0.3, 0.75) * horizon)
            draw.rounded_rectangle((x, top, x + step + 50, horizon + 10), 14,
                                   fill=_shade(chance, (130, 130, 140), 90))  # fmt: skip
            draw.rectangle((x + 20, top + 6, x + step + 20, top + 22), fill=(52, 60, 70))
            for wheel in (x + 14, x + step + 14):
                draw.ellipse((wheel, horizon - 6, wheel + 24, horizon + 18), fill=(24, 24, 26))
        x += step


BASE = {  # place: colour of the wall, of the ground
    "plaza": ((170, 166, 158), (158, 152, 146)),
    "lawn": ((112, 140, 92), (128, 138, 104)),
    "doors": ((60, 58, 62), (132, 128, 124)),
    "bricks": ((150, 92, 74), (146, 140, 132)),
    "road": ((178, 182, 186), (112, 112, 116)),
    "studio": ((196, 194, 190), (168, 164, 158)),
}


@functools.lru_cache(maxsize=16)
def panorama(seed, camera):
    """The still picture of one camera (1..6): a PIL RGB image, 256 x 1536."""
    chance = Chance(seed, 3, camera)
    place = PLACES[(camera - 1) % len(PLACES)]
    horizon = int(chance.uniform(0.42, 0.62) * HEIGHT)
    wall, ground = (_shade(chance, colour) for colour in BASE[place])
    image = Image.new("RGB", (WIDTH, HEIGHT), wall)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon, WIDTH, HEIGHT), fill=ground)
    _wall(draw, chance, place, horizon)
    if place in ("plaza", "doors", "bricks"):
        _tiles(draw, chance, horizon, ground)
    if place != "studio":
        for _ in range(18):
            x, y = chance.below(WIDTH), horizon + int(chance.uniform(2, 40))
            if place == "plaza" or chance.happens(0.2):
                _bicycle(draw, chance, x, y, chance.uniform(30, 52))
            elif chance.happens(0.5):
                _passer(draw, chance, x, y, chance.uniform(70, 130))
            elif chance.happens(0.4):
                draw.rectangle(
                    (x, 0, x + 6 + chance.below(8), y), fill=_shade(chance, (96, 96, 98), 50)
                )
    fine = Image.fromarray(((chance.grid(HEIGHT // 4, WIDTH // 4) + 1) * 127.5).astype(np.uint8))
    coarse = Image.fromarray(((chance.grid(8, 48) + 1) * 127.5).astype(np.uint8))
    speckle = 7.0 if place != "studio" else 2.0
    noise = sum(
        (np.asarray(layer.resize(image.size, Image.Resampling.BILINEAR), np.float32) / 127.5 - 1)
        * amount
        for layer, amount in ((fine, speckle), (coarse, 16.0))
    )
    pixels = np.asarray(image, np.float32) + noise[..., None]
    light = np.array([chance.bell(1.0, 0.12) for _ in range(3)], np.float32) * chance.bell(
        1.0, 0.12
    )
    return Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8)), tuple(
        map(float, light)
    )


def window(seed, camera, chance, size):
    """A random window of a camera's picture at (height, width): uint8 image and the light (3 floats).

    All sizes show the same place; narrow ones the middle of the square.
    """
    picture, light = panorama(seed, camera)
    zoom = chance.uniform(0.72, 1.0)
    side = HEIGHT * zoom
    left = chance.uniform(0, WIDTH - side)
    top = chance.uniform(0.5, 1.0) * (HEIGHT - side)
    height, width = size
    margin = side * (1 - width / height) / 2
    box = (left + margin, top, left + side - margin, top + side)
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX, box=box)), light
