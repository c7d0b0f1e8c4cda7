"""What stays the same in all photos of one identity: body, skin, hair, garments, shoes, bag."""

import functools
from typing import NamedTuple

from pgjax.data.people.chance import Chance

SKINS = (
    *((242, 208, 182), (229, 187, 155), (206, 158, 122)),
    *((168, 118, 84), (120, 80, 56), (84, 56, 42)),
)
HAIRS = (
    *((24, 20, 20), (44, 30, 24), (86, 56, 34)),
    *((140, 96, 52), (206, 170, 104), (150, 146, 142)),
)
COLOURS = (
    *((236, 236, 234), (232, 228, 214), (30, 30, 34), (62, 64, 70), (138, 140, 144)),
    *((196, 34, 40), (226, 84, 36), (240, 192, 40), (58, 140, 62), (28, 92, 70), (40, 84, 176)),
    *((92, 164, 218), (30, 40, 84), (112, 58, 140), (226, 128, 166), (124, 78, 48)),
    *((198, 168, 128), (36, 160, 160)),
)
LOWERS = (
    *((28, 28, 32), (52, 54, 60), (38, 48, 78), (66, 92, 136), (128, 128, 130), (186, 164, 128)),
    *((232, 230, 224), (96, 72, 52), (120, 36, 44), (58, 84, 60), (206, 60, 60), (70, 120, 190)),
)
BARE = -1.0  # a sleeve's length: not even the shoulder is covered
# Name: how often. Of garments, then of the two body types.
UPPER_PATTERNS = {"plain": 5, "stripes": 3, "bars": 1.2, "checks": 1.5, "dots": 1.3, "block": 1.5}
LOWER_PATTERNS = {"plain": 7, "checks": 1, "bars": 0.5, "dots": 0.5}
SLEEVES = {"same": 6, "both": 2, "right": 1.2, "left": 1.2}  # which differ from the trunk
LOGOS = {"none": 4, "disc": 1, "square": 1, "bar": 1, "back": 1, "open": 1.4}
BAGS = {"none": 6, "backpack": 2, "shoulder": 2}
LOWER_KINDS = (
    {"trousers": 6, "shorts": 4},
    {"trousers": 5, "shorts": 3, "skirt": 2.2, "dress": 1.5},
)
HAIR_STYLES = (
    {"short": 5, "cap": 1.2, "bald": 0.5, "long": 0.4, "tail": 0.3, "bob": 0.2},
    {"long": 3, "bob": 2, "tail": 1.5, "cap": 1.2, "bun": 1, "short": 1},
)
SLEEVE_LENGTHS = (BARE, 0.55, 0.6, 0.7, 1.4, 1.95, 1.95)  # upper arm 0..1, forearm 1..2


class Cloth(NamedTuple):
    """A garment's surface: two colours (0..255) in a pattern with a period in body heights."""

    pattern: str
    colour: tuple
    second: tuple
    period: float


class Person(NamedTuple):
    """One identity.

    Proportions are factors near 1, colours (r, g, b) in 0..255, `sleeves` the cloth of (right, left).
    `sleeve` and `leg` say how far cloth reaches: 0..1 along the upper arm or thigh, 1..2 beyond; BARE.
    """

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
    belt: tuple
    lower: Cloth
    lower_kind: str
    leg: float
    side_stripe: bool
    shoes: tuple
    socks: tuple
    bag: str
    bag_colour: tuple
    cameras: tuple

    @property
    def skirted(self):
        """Whether a skirt or dress hangs over the thighs."""
        return self.lower_kind in ("skirt", "dress")

    def covered(self, limb):
        """How far cloth reaches along a limb ("upper", "fore", "thigh", "shin"): 0 = bare."""
        reach = self.sleeve if limb in ("upper", "fore") else self.leg
        return reach - 1 if limb in ("fore", "shin") else reach


def _near(chance, colour, width=14):
    """A colour near the given one, channels in 8..247."""
    shift = chance.bell(0, width)
    return tuple(min(247.0, max(8.0, c + shift + chance.bell(0, width))) for c in colour)


def _contrast(chance, colour):
    """A colour that stands out from the given one."""
    far = [c for c in COLOURS if sum(abs(a - b) for a, b in zip(c, colour, strict=True)) > 150]
    return _near(chance, chance.pick(far))


def _cloth(chance, palette, patterns):
    colour = _near(chance, chance.pick(palette))
    return Cloth(
        chance.weighted(patterns), colour, _contrast(chance, colour), chance.uniform(0.035, 0.085)
    )


def _unblocked(cloth):
    """The cloth for parts that a two-coloured trunk does not reach."""
    return cloth._replace(pattern="plain") if cloth.pattern == "block" else cloth


def _sleeves(chance, upper):
    """The cloth of the (right, left) sleeve: as the trunk's, or one or both of another colour."""
    kind = chance.weighted(SLEEVES)
    other = Cloth("plain", _contrast(chance, upper.colour), upper.second, upper.period)
    return tuple(
        other if kind in ("both", side) else _unblocked(upper) for side in ("right", "left")
    )


@functools.lru_cache(maxsize=64)
def person(seed, identity):
    """The Person number `identity` of a seed: a pure function of both.

    Raises ValueError where seed is negative or identity below 1.
    """
    if seed < 0 or identity < 1:
        raise ValueError(f"seed {seed}, identity {identity}: expected seed >= 0, identity >= 1")
    chance = Chance(seed, 1, identity)
    slim = chance.happens(0.5)
    upper = _cloth(chance, COLOURS, UPPER_PATTERNS)
    lower = _cloth(chance, LOWERS, LOWER_PATTERNS)
    kind = chance.weighted(LOWER_KINDS[slim])
    reach = {"trousers": 2.0, "shorts": chance.uniform(0.62, 1.12)}.get(kind, 0.62)
    return Person(
        height=chance.bell(0.97 if slim else 1.02, 0.07),
        build=chance.bell(0.96 if slim else 1.06, 0.16),
        shoulders=chance.bell(0.93 if slim else 1.04, 0.06),
        hips=chance.bell(1.07 if slim else 0.98, 0.06),
        skin=_near(chance, chance.pick(SKINS), 8),
        hair=_near(chance, chance.pick(HAIRS), 8),
        hair_style=chance.weighted(HAIR_STYLES[slim]),
        upper=upper,
        sleeves=_sleeves(chance, upper),
        sleeve=chance.pick(SLEEVE_LENGTHS),
        logo=chance.weighted(LOGOS),
        logo_colour=_contrast(chance, upper.colour),
        inner=_contrast(chance, upper.colour),
        long_top=chance.happens(0.4),
        belt=chance.pick(((28, 26, 26), (84, 56, 38), (150, 146, 140))),
        lower=_unblocked(upper) if kind == "dress" else lower,
        lower_kind=kind,
        leg=reach,
        side_stripe=chance.happens(0.2),
        shoes=_near(chance, chance.pick(COLOURS)),
        socks=_near(chance, chance.pick(COLOURS)),
        bag=chance.weighted(BAGS),
        bag_colour=_near(chance, chance.pick(COLOURS)),
        cameras=tuple(camera + 1 for camera in chance.order(6)),
    )
