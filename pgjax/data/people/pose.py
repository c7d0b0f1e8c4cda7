"""Poses: random joint angles, and the three-dimensional skeleton that they give.

The body frame has x to the person's left, y up and z forward, the pelvis at the origin; the unit is
one standing body height.
"""

from typing import NamedTuple

import numpy as np

from pgjax.data.people.chance import turn
from pgjax.pose.skeleton import INDEX

SIDES = (("right", -1.0), ("left", 1.0))
SPINE, THIGH, SHIN, UPPER_ARM, FOREARM = 0.315, 0.235, 0.228, 0.158, 0.138
HEAD_RADII = (0.05, 0.074, 0.061)
FACE = {  # on the unit ball of the head: left, up, forward
    "nose": (0.0, -0.18, 1.12),
    "right_eye": (-0.36, 0.08, 0.93),
    "left_eye": (0.36, 0.08, 0.93),
    "right_ear": (-1.02, -0.08, -0.05),
    "left_ear": (1.02, -0.08, -0.05),
}
GAITS = {"walk": 5.5, "stand": 3, "wide": 0.8, "lift": 0.7}
# Degrees (centre, half width) of forward swing, spread to the side and elbow; where the elbow bends
# to: (outward, up, forward).
ARMS = {
    "hang": ((0, 20), (8, 10), (16, 24), (0, 0, 1)),
    "hip": ((-8, 18), (48, 13), (102, 21), (-1, 0, 0.25)),
    "crossed": ((28, 12), (4, 9), (100, 21), (-1, 0.25, 0.7)),
    "raised": ((10, 30), (150, 36), (35, 52), (-0.6, 1, 0.2)),
    "wave": ((5, 22), (95, 30), (80, 45), (0.1, 1, 0.2)),
    "phone": ((42, 18), (14, 15), (136, 15), (-0.15, 1, 0.5)),
    "carry": ((25, 27), (8, 12), (75, 33), (-0.25, 0.2, 1)),
    "point": ((70, 37), (15, 22), (15, 22), (0, 0.3, 1)),
    "side": ((0, 22), (75, 30), (20, 30), (0, 0.5, 1)),
    "pocket": ((-12, 15), (17, 9), (42, 18), (-0.7, 0, 1)),
    "behind": ((-28, 12), (14, 9), (75, 21), (-1, 0, -0.3)),
}
ALIKE = 0.32  # how often both arms do the same
BOTH = {"hip": 2, "crossed": 3, "raised": 2, "behind": 1.5, "carry": 2, "side": 0.8, "pocket": 1}
EITHER = {
    **{"hang": 7, "hip": 1.2, "raised": 0.9, "wave": 0.9, "phone": 1.6},
    **{"carry": 1.8, "point": 1, "side": 0.7, "pocket": 1.2},
}


class Arm(NamedTuple):
    """Degrees of forward swing, spread to the side, elbow; where the elbow bends to."""

    swing: float
    spread: float
    elbow: float
    hint: tuple


class Leg(NamedTuple):
    """Degrees of forward swing, spread to the side, knee."""

    swing: float
    spread: float
    knee: float


class Pose(NamedTuple):
    """Degrees of the trunk's lean forward, the shoulders' twist, the head's nod and turn.

    Arms and legs are (right, left).
    """

    lean: float
    twist: float
    nod: float
    head_turn: float
    arms: tuple
    legs: tuple


class Skeleton(NamedTuple):
    """Points in the body frame, (3,) each; hands, heels and toes are (right, left)."""

    joints: np.ndarray  # (18, 3)
    hands: tuple
    heels: tuple
    toes: tuple
    head: np.ndarray
    head_axes: tuple  # left, up, forward of the head
    twist: float  # degrees, shoulders against hips


def _arm(chance, name, swing):
    centre, spread, elbow, hint = ARMS[name]
    own = chance.bell(*centre)
    walking = swing if name == "hang" else 0.0
    bend = max(0.0, chance.bell(*elbow)) + max(0.0, 0.5 * walking)
    return Arm(own + walking, chance.bell(*spread), bend, hint)


def _legs(chance, gait, reach, cos, sin):
    """(right, left): in mid-stride where walking, the swinging leg's knee bent."""
    if gait == "walk":
        return tuple(
            Leg(
                5 + side * reach * sin,
                chance.bell(2, 3),
                8 + 44 * max(0.0, side * cos) + 14 * max(0.0, -side * sin),
            )
            for side in (1.0, -1.0)
        )
    legs = []
    for _ in SIDES:
        spread = chance.uniform(10, 20) if gait == "wide" else chance.bell(4, 5)
        legs.append(Leg(chance.bell(2, 10), spread, chance.bell(8, 8)))
    if gait == "lift":
        legs[chance.below(2)] = Leg(chance.uniform(35, 85), 5.0, chance.uniform(50, 110))
    return tuple(legs)


def sample(chance):
    """A random Pose: walking, standing, legs apart or a knee up; arms of many kinds."""
    gait = chance.weighted(GAITS)
    cos, sin = turn(chance.uniform(0, 360))
    reach = chance.uniform(18, 33) if gait == "walk" else 0.0
    if chance.happens(ALIKE):
        names = [chance.weighted(BOTH)] * 2
    else:
        names = [chance.weighted(EITHER), chance.weighted(EITHER)]
    swings = (-1.15 * reach * sin, 1.15 * reach * sin)  # arms swing against the legs
    return Pose(
        lean=chance.bell(3, 12),
        twist=chance.bell(0, 10) - 0.25 * reach * sin,
        nod=chance.bell(6, 24),
        head_turn=chance.bell(0, 55),
        arms=tuple(_arm(chance, name, swing) for name, swing in zip(names, swings, strict=True)),
        legs=_legs(chance, gait, reach, cos, sin),
    )


def _unit(vector):
    x, y, z = vector.tolist()
    return vector / (x * x + y * y + z * z) ** 0.5


def _bend(along, hint, degrees):
    """The unit vector `along` bent by an angle towards `hint`."""
    overlap = along[0] * hint[0] + along[1] * hint[1] + along[2] * hint[2]
    cos, sin = turn(degrees)
    return cos * along + sin * _unit(hint - overlap * along)


def _hang(side, swing, spread):
    """The direction of a limb hanging down, swung forward and spread outward."""
    (cos_swing, sin_swing), (cos_spread, sin_spread) = turn(swing), turn(spread)
    return np.array((side * sin_spread, -cos_spread * cos_swing, cos_spread * sin_swing))


def about_up(vector, degrees):
    """A (3,) vector turned about the y axis; positive angles turn forward to the left."""
    cos, sin = turn(degrees)
    x, y, z = vector.tolist()
    return np.array((x * cos + z * sin, y, z * cos - x * sin))


def about_left(vector, degrees):
    """A (3,) vector turned about the x axis; positive angles turn up to forward."""
    cos, sin = turn(degrees)
    x, y, z = vector.tolist()
    return np.array((x, y * cos - z * sin, z * cos + y * sin))


def skeleton(pose, person):
    """The Skeleton of a Pose, with the shoulders and hips of a Person."""
    joints = np.zeros((18, 3))
    up = about_left(np.array((0.0, 1.0, 0.0)), pose.lean)
    neck = joints[INDEX["neck"]] = up * SPINE
    hands, heels, toes = [], [], []
    for (name, side), arm, leg in zip(SIDES, pose.arms, pose.legs, strict=True):
        out = np.array((side * 0.107 * person.shoulders, -0.013, 0.0))
        shoulder = neck + about_up(out, pose.twist)
        upper = about_up(_hang(side, arm.swing, arm.spread), pose.twist)
        hint = about_up(np.array((side * arm.hint[0], arm.hint[1], arm.hint[2])), pose.twist)
        fore = _bend(upper, hint, arm.elbow)
        elbow = shoulder + upper * UPPER_ARM
        wrist = elbow + fore * FOREARM
        hip = np.array((side * 0.056 * person.hips, 0.0, 0.0))
        thigh = _hang(side, leg.swing, leg.spread)
        shin = _bend(thigh, np.array((0.0, -0.05, -1.0)), leg.knee)
        knee = hip + thigh * THIGH
        ankle = knee + shin * SHIN
        places = zip(
            ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
            (shoulder, elbow, wrist, hip, knee, ankle),
            strict=True,
        )
        for part, place in places:
            joints[INDEX[f"{name}_{part}"]] = place
        hands.append(wrist + fore * 0.05)
        # The foot follows the shin part of the way: the toes of a trailing leg point down.
        forward = _unit(np.array((side * 0.22, min(0.0, 0.8 * float(shin[2])), 1.0)))
        heels.append(ankle - forward * 0.022 - np.array((0.0, 0.018, 0.0)))
        toes.append(heels[-1] + forward * 0.115 - np.array((0.0, 0.008, 0.0)))
    axes = [about_left(axis, pose.lean * 0.5 + pose.nod) for axis in np.eye(3)]
    axes = tuple(about_up(axis, pose.head_turn + pose.twist) for axis in axes)
    head = neck + up * 0.078 + axes[1] * 0.05 + axes[2] * 0.018
    for name, place in FACE.items():
        offset = [axis * (x * r) for axis, x, r in zip(axes, place, HEAD_RADII, strict=True)]
        joints[INDEX[name]] = head + offset[0] + offset[1] + offset[2]
    return Skeleton(joints, tuple(hands), tuple(heels), tuple(toes), head, axes, pose.twist)
