"""What stays the same in all photos of one identity: body, skin, hair, garments, shoes, bag."""

from typing import NamedTuple

from pgjax.data.people.chance import Chance

SKINS = (
    (242, 208, 182),
    (229, 187, 155),
    (206, 158, 122),
    (168, 118, 84),
    (120, 80, 56),
    (84, 56, 42),
)
HAIRS = ((24, 20, 20), (44, 30, 24), (86, 56, 34), (140, 96, 52), (206, 170, 104), (150, 146, 142))
COLOURS = (
    (236, 236, 234), (232, 228, 214), (30, 30, 34), (62, 64, 70), (138, 140, 144), (196, 34, 40),
    (226, 84, 36), (240, 192, 40), (58, 140, 62), (28, 92, 70), (40, 84, 176), (92, 164, 218),
    (30, 40, 84), (112, 58, 140), (226, 128, 166), (124, 78, 48), (198, 168, 128), (36, 160, 160),
)  # fmt: skip
LOWERS = (
    (28, 28, 32), (52, 54, 60), (38, 48, 78), (66, 92, 136), (128, 128, 130), (186, 164, 128),
    (232, 230, 224), (96, 72, 52), (120, 36, 44), (58, 84, 60), (206, 60, 60), (70, 120, 190),
)  # fmt: skip
PATTERNS = {"plain": 5, "stripes": 3, "bars": 1.2, "checks": 1.5, "dots": 1.3, "block": 1.5}
HAIR_STYLES = {"short": 5, "bob": 2, "long": 3, "tail": 1.5, "bun": 1, "bald": 0.5, "cap": 1.2}


class Cloth(NamedTuple):
    """A garment's surface: a pattern in part coordinates, lengths in body heights."""

    pattern: str
    colour: tuple
    second: tuple
    period: float


class Person(NamedTuple):
    """One identity. Tuples of two are (right, left); lengths are fractions of the limb's length."""

    identity: int
    height: float
    build: float
    shoulders: float
    hips: float
    skin: tuple
    hair: tuple
    hair_style: str
    upper: Cloth
    sleeves: tuple
    sleeve: float
    logo: str
    logo_colour: tuple
    inner: tuple
    long_top: bool
    lower: Cloth
    lower_kind: str
    leg: float
    side_stripe: bool
    shoes: tuple
    socks: tuple
    bag: str
    bag_colour: tuple
    cameras: tuple


def _near(chance, colour, width=14):
    """A colour near the given one, channels in 8..247."""
    shift = chance.bell(0, width)
    return tuple(min(247.0, max(8.0, c + shift + chance.bell(0, width))) for c in colour)


def _other(chance, colours, colour):
    """A colour of the palette that stands out from `colour`."""
    far = [c for c in colours if sum(abs(a - b) for a, b in zip(c, colour, strict=True)) > 150]
    return _near(chance, chance.pick(far))


def _cloth(chance, palette, patterns):
    colour = _near(chance, chance.pick(palette))
    period = chance.uniform(0.035, 0.085)
    return Cloth(chance.weighted(patterns), colour, _other(chance, COLOURS, colour), period)


def _sleeves(chance, upper):
    """(right, left) sleeve: as the torso, both in another colour, or only one differing."""
    kind = chance.weighted({"same": 6, "both": 2, "right": 1.2, "left": 1.2})
    plain = Cloth("plain", _other(chance, COLOURS, upper.colour), upper.second, upper.period)
    same = upper._replace(pattern="plain") if upper.pattern == "block" else upper
    return (
        plain if kind in ("both", "right") else same,
        plain if kind in ("both", "left") else same,
    )


def person(seed, identity):
    """The identity number `identity` (>= 1) of a seed: a pure function of both.

    Raises ValueError where seed is negative or identity below 1.
    """
    if seed < 0 or identity < 1:
        raise ValueError(
            f"seed {seed}, identity {identity}: expected a seed >= 0 and an identity >= 1"
        )
    chance = Chance(seed, 1, identity)
    slim = chance.happens(0.5)
    upper = _cloth(chance, COLOURS, PATTERNS)
    lower_kind = chance.weighted(
        {"trousers": 5, "shorts": 3, "skirt": 2.2, "dress": 1.5}
        if slim
        else {"trousers": 6, "shorts": 4}
    )
    lower = _cloth(chance, LOWERS, {"plain": 7, "checks": 1, "bars": 0.5, "dots": 0.5})
    styles = dict(HAIR_STYLES)
    styles.update(
        {"short": 1, "bald": 0} if slim else {"bob": 0.2, "long": 0.4, "tail": 0.3, "bun": 0}
    )
    return Person(
        identity=identity,
        height=chance.bell(0.97 if slim else 1.02, 0.07),
        build=chance.bell(0.96 if slim else 1.06, 0.16),
        shoulders=chance.bell(0.93 if slim else 1.04, 0.06),
        hips=chance.bell(1.07 if slim else 0.98, 0.06),
        skin=_near(chance, chance.pick(SKINS), 8),
        hair=_near(chance, chance.pick(HAIRS), 8),
        hair_style=chance.weighted(styles),
        upper=upper,
        sleeves=_sleeves(chance, upper),
        sleeve=chance.pick((0.12, 0.55, 0.6, 0.7, 1.4, 1.95, 1.95)),
        logo=chance.weighted({"none": 4, "disc": 1, "square": 1, "bar": 1, "back": 1, "open": 1.4}),
        logo_colour=_other(chance, COLOURS, upper.colour),
        inner=_other(chance, COLOURS, upper.colour),
        long_top=chance.happens(0.4),
        lower=upper._replace(pattern="plain" if upper.pattern == "block" else upper.pattern)
        if lower_kind == "dress"
        else lower,
        lower_kind=lower_kind,
        leg=chance.uniform(0.62, 1.12) if lower_kind == "shorts" else 2.0,
        side_stripe=chance.happens(0.2),
        shoes=_near(chance, chance.pick(COLOURS)),
        socks=_near(chance, chance.pick(COLOURS)),
        bag=chance.weighted({"none": 6, "backpack": 2, "shoulder": 2}),
        bag_colour=_near(chance, chance.pick(COLOURS)),
        cameras=tuple(camera + 1 for camera in chance.order(6)),
    )
