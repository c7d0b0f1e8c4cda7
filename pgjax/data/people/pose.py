"""Poses: random joint angles, and the three-dimensional skeleton that they give.

The body frame has x to the person's left, y up, z forward, the pelvis at the origin and the length unit
one standing body height.
"""

from typing import NamedTuple

import numpy as np

from pgjax.data.people.chance import turn
from pgjax.skeleton import INDEX

SIDES = (("right", -1.0), ("left", 1.0))
SPINE, THIGH, SHIN, UPPER_ARM, FOREARM = 0.315, 0.235, 0.228, 0.158, 0.138
HEAD_RADII = (0.05, 0.074, 0.061)
FACE = {  # on the unit sphere of the head: left, up, forward
    "nose": (0.0, -0.18, 1.12),
    "eye": (0.36, 0.08, 0.93),
    "ear": (1.02, -0.08, -0.05),
}


class Arm(NamedTuple):
    """Degrees: forward swing, spread to the side, elbow; `hint`: where the elbow bends to."""

    swing: float
    spread: float
    elbow: float
    hint: tuple  # (outward, up, forward)


class Leg(NamedTuple):
    """Degrees: forward swing, spread to the side, knee."""

    swing: float
    spread: float
    knee: float


class Pose(NamedTuple):
    """Joint angles in degrees; arms and legs are (right, left)."""

    lean: float
    twist: float
    nod: float
    head_turn: float
    arms: tuple
    legs: tuple


class Skeleton(NamedTuple):
    """Points in the body frame; hands, heels, toes are (right, left)."""

    joints: np.ndarray  # (18, 3)
    hands: tuple
    heels: tuple
    toes: tuple
    head: np.ndarray  # (3,)
    head_axes: tuple  # left, up, forward of the head
    twist: float  # degrees, shoulders against hips


ARMS = {  # name: (swing, spread, elbow) as (centre, half width), hint
    "hang": ((0, 14), (8, 7), (16, 16), (0, 0, 1)),
    "hip": ((-8, 12), (48, 9), (102, 14), (-1, 0, 0.25)),
    "crossed": ((28, 8), (4, 6), (100, 14), (-1, 0.25, 0.7)),
    "raised": ((10, 20), (150, 24), (35, 35), (-0.6, 1, 0.2)),
    "wave": ((5, 15), (95, 20), (80, 30), (0.1, 1, 0.2)),
    "phone": ((42, 12), (14, 10), (136, 10), (-0.15, 1, 0.5)),
    "carry": ((25, 18), (8, 8), (75, 22), (-0.25, 0.2, 1)),
    "point": ((70, 25), (15, 15), (15, 15), (0, 0.3, 1)),
    "side": ((0, 15), (75, 20), (20, 20), (0, 0.5, 1)),
    "pocket": ((-12, 10), (17, 6), (42, 12), (-0.7, 0, 1)),
    "behind": ((-28, 8), (14, 6), (75, 14), (-1, 0, -0.3)),
}
BOTH = {"hip": 2, "crossed": 3, "raised": 2, "behind": 1.5, "carry": 2, "side": 0.8, "pocket": 1}
EITHER = {
    "hang": 7, "hip": 1.2, "raised": 0.9, "wave": 0.9, "phone": 1.6, "carry": 1.8, "point": 1,
    "side": 0.7, "pocket": 1.2,
}  # fmt: skip


def _arm(chance, name, swing=0.0):
    (centre, width), (spread, spread_width), (elbow, elbow_width), hint = ARMS[name]
    return Arm(
        chance.bell(centre, 1.5 * width) + (swing if name == "hang" else 0.0),
        chance.bell(spread, 1.5 * spread_width),
        max(0.0, chance.bell(elbow, 1.5 * elbow_width)) + (0.5 * max(swing, 0.0)),
        hint,
    )


def sample(chance):
    """A random Pose: walking, standing, wide, or one knee up; arms of many kinds."""
    gait = chance.weighted({"walk": 5.5, "stand": 3, "wide": 0.8, "lift": 0.7})
    cos, sin = turn(chance.uniform(0, 360))
    reach = chance.uniform(18, 33) if gait == "walk" else 0.0
    legs = []
    for side in (1.0, -1.0):
        if gait == "walk":
            knee = 8 + 44 * max(0.0, side * cos) + 14 * max(0.0, -side * sin)
            legs.append(Leg(5 + side * reach * sin, chance.bell(2, 3), knee))
        else:
            spread = chance.uniform(10, 20) if gait == "wide" else chance.bell(4, 5)
            legs.append(Leg(chance.bell(2, 10), spread, chance.bell(8, 8)))
    if gait == "lift":
        legs[chance.below(2)] = Leg(chance.uniform(35, 85), 5.0, chance.uniform(50, 110))
    if chance.happens(0.32):
        names = [chance.weighted(BOTH)] * 2
    else:
        names = [chance.weighted(EITHER), chance.weighted(EITHER)]
    swings = (-1.15 * reach * sin, 1.15 * reach * sin)
    return Pose(
        lean=chance.bell(3, 12),
        twist=chance.bell(0, 10) - 0.25 * reach * sin,
        nod=chance.bell(6, 24),
        head_turn=chance.bell(0, 55),
        arms=tuple(_arm(chance, name, swing) for name, swing in zip(names, swings, strict=True)),
        legs=tuple(legs),
    )


def _unit(vector):
    x, y, z = (float(value) for value in vector)
    return np.array((x, y, z)) / (x * x + y * y + z * z) ** 0.5


def _bend(along, hint, degrees):
    """The direction `along` bent by an angle towards `hint`."""
    overlap = float(along[0] * hint[0] + along[1] * hint[1] + along[2] * hint[2])
    cos, sin = turn(degrees)
    return cos * along + sin * _unit(hint - overlap * along)


def _hang(side, swing, spread):
    """The direction of a limb hanging down, swung forward and spread outward."""
    (cos_swing, sin_swing), (cos_spread, sin_spread) = turn(swing), turn(spread)
    return np.array((side * sin_spread, -cos_spread * cos_swing, cos_spread * sin_swing))


def about_up(vector, degrees):
    """Turn (..., 3) vectors about the y axis: forward goes to the left for positive angles."""
    cos, sin = turn(degrees)
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    return np.stack((x * cos + z * sin, y, z * cos - x * sin), -1)


def _about_left(vector, degrees):
    """Turn a (3,) vector about the x axis: up goes forward for positive angles."""
    cos, sin = turn(degrees)
    x, y, z = vector
    return np.array((x, y * cos - z * sin, z * cos + y * sin))


def skeleton(pose, person):
    """The Skeleton of a Pose with a Person's proportions."""
    joints = np.zeros((18, 3))
    up = _about_left((0.0, 1.0, 0.0), pose.lean)
    neck = up * SPINE
    joints[INDEX["neck"]] = neck
    hands, heels, toes = [], [], []
    for (name, side), arm, leg in zip(SIDES, pose.arms, pose.legs, strict=True):
        shoulder = neck + about_up(
            np.array((side * 0.11 * person.shoulders, -0.012, 0)), pose.twist
        )
        upper = about_up(_hang(side, arm.swing, arm.spread), pose.twist)
        hint = np.array((side * arm.hint[0], arm.hint[1], arm.hint[2]))
        fore = _bend(upper, about_up(hint, pose.twist), arm.elbow)
        elbow = shoulder + upper * UPPER_ARM
        wrist = elbow + fore * FOREARM
        hip = np.array((side * 0.056 * person.hips, 0.0, 0.0))
        thigh = _hang(side, leg.swing, leg.spread)
        shin = _bend(thigh, np.array((0.0, -0.05, -1.0)), leg.knee)
        knee = hip + thigh * THIGH
        ankle = knee + shin * SHIN
        joints[[INDEX[f"{name}_{part}"] for part in ("shoulder", "elbow", "wrist")]] = (
            shoulder, elbow, wrist,
        )  # fmt: skip
        joints[[INDEX[f"{name}_{part}"] for part in ("hip", "knee", "ankle")]] = hip, knee, ankle
        hands.append(wrist + fore * 0.05)
        forward = _unit(np.array((side * 0.22, 0.0, 1.0)))
        # the foot follows the shin part of the way: the toes of a trailing leg point down
        forward = _unit(forward + np.array((0.0, min(0.0, 0.8 * float(shin[2])), 0.0)))
        heels.append(ankle + np.array((0.0, -0.018, 0.0)) - forward * 0.022)
        toes.append(heels[-1] + forward * 0.115 + np.array((0.0, -0.008, 0.0)))
    axes = [_about_left(axis, pose.lean * 0.5 + pose.nod) for axis in np.eye(3)]
    axes = tuple(about_up(axis, pose.head_turn + pose.twist) for axis in axes)
    head = neck + up * 0.078 + axes[1] * 0.05 + axes[2] * 0.018
    for name, (left, height, forward) in FACE.items():
        for side_name, side in (("", 0.0),) if name == "nose" else SIDES:
            rx, ry, rz = HEAD_RADII
            offset = (
                axes[0] * (side * left * rx) + axes[1] * (height * ry) + axes[2] * (forward * rz)
            )
            joints[INDEX[f"{side_name}_{name}".strip("_")]] = head + offset
    return Skeleton(joints, tuple(hands), tuple(heels), tuple(toes), head, axes, pose.twist)
