"""Colours of a person's surface: patterns in part coordinates, face, hair, and soft light."""

import itertools
import math

import numpy as np

from pgjax.data.people.appearance import BARE
from pgjax.data.people.body import PART, PARTS
from pgjax.data.people.pose import FOREARM, SHIN, THIGH, UPPER_ARM

PI = np.float32(math.pi)
TRUNK_LENGTH, SKIRT_LENGTH = 0.39, 0.25
LENGTH = {"upper": UPPER_ARM, "fore": FOREARM, "thigh": THIGH, "shin": SHIN}
RADIUS = {"trunk": 0.088, "skirt": 0.1, "upper": 0.035, "fore": 0.035, "thigh": 0.05, "shin": 0.05}


def arcsine(u):
    """asin within 1e-4: a polynomial, as libraries differ (Abramowitz and Stegun 4.4.45)."""
    size = np.minimum(np.abs(u), 1)
    polynomial = 1.5707288 + size * (-0.2121144 + size * (0.0742610 - size * np.float32(0.0187293)))
    return np.copysign(PI / 2 - np.sqrt(1 - size) * polynomial, u)


def angle_around(u, front):
    """Angle about a tube's axis at places u across it, in -pi..pi; 0 is where `front` faces."""
    angle = arcsine(u) - front
    angle -= 2 * PI * (angle > PI)
    angle += 2 * PI * (angle < -PI)
    return angle


def _odd(values, width):
    """True in every second band of the given width."""
    return (np.floor(values / np.float32(width)).astype(np.int32) & 1).astype(bool)


def weave(cloth, around, along):
    """Colours (N, 3) of a Cloth at lengths around and along the part, in body heights."""
    period = cloth.period
    if cloth.pattern == "stripes":
        second = _odd(along, period / 2)
    elif cloth.pattern == "bars":
        second = _odd(around + np.float32(period / 4), period / 2)
    elif cloth.pattern == "checks":
        second = _odd(along, period * 0.7) ^ _odd(around, period * 0.7)
    elif cloth.pattern == "dots":
        y, x = along / np.float32(period), around / np.float32(period)
        row = np.floor(y)
        x = x + np.float32(0.5) * (row.astype(np.int32) & 1)
        y, x = y - row - np.float32(0.5), x - np.floor(x) - np.float32(0.5)
        second = x * x + y * y < 0.085
    elif cloth.pattern == "block":
        second = along < 0.13
    else:
        return np.full((len(along), 3), cloth.colour, np.float32)
    return np.where(
        second[:, None],
        np.asarray(cloth.second, np.float32)[None],
        np.asarray(cloth.colour, np.float32)[None],
    )


def _trunk(person, angle, v):
    """The trunk: garment with logo, opening, straps; the lower garment below the waist."""
    along, around = v * np.float32(TRUNK_LENGTH), angle * np.float32(RADIUS["trunk"])
    colours = weave(person.upper, around, along)
    front = np.abs(angle)
    if person.logo == "open":
        colours[front < 0.3 + 0.25 * v] = person.inner
    elif person.logo == "back":
        colours[(PI - front < 0.55) & (v > 0.25) & (v < 0.52)] = person.logo_colour
    elif person.logo == "bar":
        colours[(v > 0.36) & (v < 0.47)] = person.logo_colour
    elif person.logo == "square":
        colours[(front < 0.5) & (v > 0.26) & (v < 0.5)] = person.logo_colour
    elif person.logo == "disc":
        colours[angle * angle / 0.36 + (v - 0.38) ** 2 / 0.02 < 1] = person.logo_colour
    sleeveless = person.sleeve == BARE
    neckline = (0.15 if sleeveless else 0.13) + 0.05 * np.maximum(0.9 - front, 0)
    colours[(v < neckline) & (front < 0.9) | (v < 0.05)] = person.skin
    if sleeveless:
        colours[(np.abs(front - PI / 2) < 0.5) & (v < 0.27)] = person.skin
    if person.bag == "backpack":
        colours[(np.abs(front - 0.75) < 0.17) & (v > 0.05) & (v < 0.55)] = person.bag_colour
    elif person.bag == "shoulder":  # a strap from the left shoulder to the right hip, both faces
        face = np.where(front > PI / 2, np.copysign(PI - front, angle), angle)
        strap = np.abs(face - (0.8 - 2.5 * (v - 0.1))) < 0.13
        colours[strap & (v < 0.85)] = person.bag_colour
    if person.lower_kind != "dress":
        waist = 0.88 if person.long_top else 0.755
        below = v > waist
        colours[below] = weave(person.lower, around[below], along[below])
        if not person.long_top:
            colours[below & (v < waist + 0.035)] = person.belt
    return colours


def _head(person, u, v, w):
    """Skin with eyes, brows, mouth and a lighter nose, at directions on the unit ball."""
    skin, front, side = np.float32(person.skin), w > 0.2, np.abs(u)
    colours = np.full((len(u), 3), skin, np.float32)
    eye = np.abs(side - 0.37)
    colours[front & (side < 0.11) & (v < 0.02) & (v > -0.3)] = skin * np.float32(1.06)
    colours[front & (side < 0.13) & (np.abs(v + 0.3) < 0.035)] = skin * np.float32(0.72)
    colours[front & (side < 0.3) & (np.abs(v + 0.52) < 0.07)] = (170, 70, 70)
    colours[front & (eye < 0.18) & (np.abs(v - 0.08) < 0.065)] = (236, 234, 230)
    colours[front & (eye < 0.1) & (np.abs(v - 0.08) < 0.075)] = (34, 26, 24)
    brows = front & (eye < 0.21) & (np.abs(v - 0.25) < 0.035)
    colours[brows] = np.float32(person.hair) * np.float32(0.7)
    return colours


def _limb(person, side, kind, angle, v):
    """Sleeve, trouser leg or skin of a limb; socks above the foot."""
    cloth = person.sleeves[side == "left"] if kind in ("upper", "fore") else person.lower
    around, along = angle * np.float32(RADIUS[kind]), v * np.float32(LENGTH[kind])
    colours = weave(cloth, around, along)
    if person.side_stripe and kind in ("thigh", "shin") and not person.skirted:
        outside = angle if side == "left" else -angle
        colours[np.abs(outside - PI / 2) < 0.4] = person.lower.second
    bare = v > person.covered(kind)
    colours[bare] = person.skin
    if kind == "shin":
        colours[bare & (v > 0.78)] = person.socks
    return colours


def _surface(person, name, angle, u, v, w):
    """Colours (N, 3), or one (3,), of a part's samples."""
    side, _, kind = name.rpartition("_")
    if name == "trunk":
        return _trunk(person, angle, v)
    if name == "head":
        return _head(person, u, v, w)
    if name == "skirt":
        return weave(
            person.lower, angle * np.float32(RADIUS["skirt"]), v * np.float32(SKIRT_LENGTH)
        )
    if kind in LENGTH:
        return _limb(person, side, kind, angle, v)
    if kind == "hair":
        return person.logo_colour if name == "hair" and person.hair_style == "cap" else person.hair
    if name == "backpack":  # a darker pocket edge
        edge = ((v > 0.62) & (v < 0.66))[:, None]
        return np.asarray(person.bag_colour, np.float32)[None] * np.where(edge, np.float32(0.55), 1)
    return {"brim": person.logo_colour, "bag": person.bag_colour, "foot": person.shoes}.get(
        kind, person.skin
    )


def paint(canvas, person, light):
    """Colours of all samples that the person covers.

    Args:
      canvas: the Canvas with the person's parts.
      person: the Person.
      light: (3,) the light's colour, about 1.

    Returns:
      Flat indices (N,) and colours float32 (N, 3) in 0..255, clipped.
    """
    covered = canvas.part.ravel()
    indices = np.flatnonzero((covered > 0) & (covered != PART["occluder"]))
    covered = covered[indices]
    order = np.argsort(covered, kind="stable")
    indices, covered = indices[order], covered[order]
    u, v, w, facing = (
        plane.ravel()[indices] for plane in (canvas.u, canvas.v, canvas.w, canvas.facing)
    )
    colours = np.empty((len(indices), 3), np.float32)
    angle = angle_around(u, canvas.front[covered])
    shade = np.float32(0.6) + np.float32(0.42) * facing
    x, y = canvas.across[covered].T
    shade -= u * (np.float32(0.07) * x + np.float32(0.09) * y)  # light from the upper left
    starts = np.flatnonzero(np.diff(covered, prepend=0))
    for start, stop in itertools.pairwise([*starts, len(covered)]):
        here, part = slice(start, stop), int(covered[start])
        colours[here] = _surface(person, PARTS[part - 1], angle[here], u[here], v[here], w[here])
    colours *= shade[:, None] * np.asarray(light, np.float32)[None]
    return indices, np.clip(colours, 0, 255)
