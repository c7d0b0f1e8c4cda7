"""What stands behind people: walls, doors, bushes, cars, bicycles, passers-by, drawn with PIL."""


def shade(chance, colour, width=20):
    """An (r, g, b) of ints near a colour, lighter or darker."""
    shift = chance.bell(0, width)
    return tuple(int(min(250, max(5, c + shift + chance.bell(0, width / 3)))) for c in colour)


def _darker(colour):
    return tuple(int(c * 0.8) for c in colour)


def bicycle(draw, chance, x, y, size):
    """A bicycle whose rear wheel, `size` wide, stands at (x, y)."""
    colour = shade(chance, chance.pick(((40, 40, 46), (120, 40, 40), (50, 70, 120))))
    width = max(2, int(size / 13))
    for centre in (x, x + 1.15 * size):
        box = (int(centre - size / 2), int(y - size), int(centre + size / 2), int(y))
        draw.ellipse(box, outline=(34, 34, 36), width=width)
    frame = (
        (0, -0.5),
        (0.35, -1.2),
        (0.95, -1.15),
        (0.5, -0.5),
        (0, -0.5),
        (0.5, -0.5),
        (0.35, -1.2),
    )
    fork = (1.15, -0.5), (0.9, -1.4)
    for line in (frame, fork):
        draw.line([(int(x + a * size), int(y + b * size)) for a, b in line], colour, width)


def passer(draw, chance, x, y, size):
    """A distant person, `size` high, in three blocks: nobody's identity, only clutter."""
    shirt, legs = shade(chance, (110, 110, 110), 90), shade(chance, (60, 60, 66), 40)
    wide = size * 0.13

    def box(half, top, bottom):
        edges = (x - half * wide, y - top * size, x + half * wide, y - bottom * size)
        return tuple(int(edge) for edge in edges)

    draw.rectangle(box(0.8, 0.5, 0.0), fill=legs)
    draw.rounded_rectangle(box(1.0, 0.84, 0.45), int(wide * 0.6), fill=shirt)
    draw.ellipse(box(0.5, 1.0, 0.83), fill=(150, 112, 92))


def _bricks(draw, chance, x, right, horizon):
    colour = shade(chance, (150, 92, 74), 10)
    draw.rectangle((x, 0, right, horizon), fill=colour)
    for y in range(0, horizon, 14):
        draw.line((x, y, right, y), fill=_darker(colour))
        for brick in range(x + (y // 14 % 2) * 12, right, 24):
            draw.line((brick, y, brick, y + 14), fill=_darker(colour))
    if chance.happens(0.35):
        pane = shade(chance, (70, 84, 96))
        box = (x + 8, 12, right - 8, horizon - 30)
        draw.rectangle(box, fill=pane, outline=(214, 210, 200), width=4)


def _doors(draw, chance, x, right, horizon):
    draw.rectangle((x, 0, right, horizon), fill=shade(chance, (46, 44, 50), 22))
    draw.rectangle((x, 0, x + 7, horizon), fill=shade(chance, (150, 150, 150)))
    if chance.happens(0.3):
        draw.rectangle((x + 20, 20, right - 10, 70), fill=shade(chance, (170, 60, 50), 60))


def _bushes(draw, chance, x, right, horizon):
    for _ in range(3):
        left, top = x + chance.below(60), chance.below(horizon - 20)
        size = 20 + chance.below(40)
        leaves = shade(chance, (62, 100, 48), 34)
        draw.ellipse((left, top, left + 2 * size, top + size), fill=leaves)


def _facade(draw, chance, x, right, horizon):
    draw.rectangle((x, 0, right, horizon), fill=shade(chance, (164, 160, 150), 26))
    if chance.happens(0.6):
        glass = shade(chance, (92, 104, 116), 30)
        draw.rectangle((x + 10, 10, right - 8, horizon - 18), fill=glass)


def _car(draw, chance, x, right, horizon):
    if chance.happens(0.5):
        return
    top = int(chance.uniform(0.3, 0.75) * horizon)
    paint = shade(chance, (130, 130, 140), 90)
    draw.rounded_rectangle((x, top, right + 50, horizon + 10), 14, fill=paint)
    draw.rectangle((x + 20, top + 6, right + 20, top + 22), fill=(52, 60, 70))
    for wheel in (x + 14, right + 14):
        draw.ellipse((wheel, horizon - 6, wheel + 24, horizon + 18), fill=(24, 24, 26))


WALLS = {"plaza": _facade, "lawn": _bushes, "doors": _doors, "bricks": _bricks, "road": _car}


def wall(draw, chance, place, horizon, width):
    """What stands above the horizon of a place, in sections; nothing in a studio."""
    x = 0
    while place in WALLS and x < width:
        right = x + int(chance.uniform(50, 130))
        WALLS[place](draw, chance, x, right, horizon)
        x = right
