"""The twenty poses of the page, and the person whom it shows first: synthetic people, nobody's photo."""

from typing import Any, NamedTuple

import numpy as np

from pgjax.data import people
from pgjax.data.people import body
from pgjax.data.people.detector import MISSED, ROOM, ROOM_ELSEWHERE
from pgjax.data.people.pose import ARMS, Arm, Leg, skeleton
from pgjax.data.people.pose import Pose as Angles
from pgjax.data.people.solids import Canvas
from pgjax.images.photo import Size, fit
from pgjax.keypoints import Pose, make_pose, moved
from pgjax.pose.skeleton import JOINTS

SEED, IDENTITY, INDEX = 0, 224, 0  # of a person in no training set
HEIGHT, WIDTH = 256, 128  # of the picture in which the poses are looked at
SIZE = 0.87, 0.95  # image height of a body, and where its feet are


class Stance(NamedTuple):
    """A pose in words: degrees that the body is turned to the photo's right, and its limbs.

    arms: names in pgjax.data.people.pose.ARMS, (right, left). legs: degrees of forward swing, spread and
    knee, (right, left). nod: degrees that the head looks down.
    """

    name: str
    yaw: float
    arms: tuple[str, str]
    legs: tuple[tuple[float, float, float], tuple[float, float, float]]
    lean: float = 3.0
    twist: float = 0.0
    nod: float = 6.0


STAND = (1, 5, 5), (3, 5, 8)
WIDE = (1, 15, 5), (1, 15, 5)
RIGHT_STEP, LEFT_STEP = ((26, 2, 8), (-20, 2, 34)), ((-20, 2, 34), (26, 2, 8))
STANCES = (
    Stance("Standing", 0, ("hang", "hang"), STAND),
    Stance("Standing, turned left", -40, ("hang", "hang"), STAND),
    Stance("Standing, turned right", 40, ("hang", "hang"), STAND),
    Stance("From the right side", 90, ("hang", "hang"), STAND),
    Stance("From the left side", -90, ("hang", "hang"), STAND),
    Stance("From behind", 180, ("hang", "hang"), STAND),
    Stance("Walking", 15, ("hang", "hang"), RIGHT_STEP, twist=6),
    Stance("Walking to the left", -80, ("hang", "hang"), LEFT_STEP, twist=-6),
    Stance("Walking to the right", 80, ("hang", "hang"), RIGHT_STEP, twist=6),
    Stance("Walking away", 165, ("hang", "hang"), LEFT_STEP, twist=-6),
    Stance("Legs apart", 0, ("hang", "hang"), WIDE),
    Stance("Hands on hips", 0, ("hip", "hip"), WIDE),
    Stance("Arms crossed", 0, ("crossed", "crossed"), STAND),
    Stance("Arms raised", 0, ("raised", "raised"), STAND, nod=0),
    Stance("Arms to the sides", 0, ("side", "side"), STAND),
    Stance("Waving", 10, ("wave", "hang"), STAND),
    Stance("Pointing", -30, ("hang", "point"), STAND),
    Stance("On the phone", 20, ("phone", "pocket"), STAND, nod=10),
    Stance("Carrying", 30, ("carry", "carry"), STAND),
    Stance("A knee up", 20, ("hang", "hip"), ((75, 6, 90), (0, 4, 5))),
)


def twenty() -> list[dict[str, Any]]:
    """The poses by name.

    Returns:
      `name`, and `points`, of each of the 18 joints (y, x) in heights of a picture, y from its top and x from
      its middle; None where the body itself hides the joint from a detector.
    """
    return [{"name": stance.name, "points": _points(stance)} for stance in STANCES]


def _points(stance: Stance) -> list[tuple[float, float] | None]:
    arms = [_arm(name) for name in stance.arms]
    legs = tuple(Leg(*map(float, leg)) for leg in stance.legs)
    angles = Angles(stance.lean, stance.twist, stance.nod, 0.0, tuple(arms), legs)
    someone = people.person(SEED, IDENTITY)
    view = body.View(stance.yaw, 5.0, SIZE[0], 0.0, SIZE[1])
    canvas = Canvas((HEIGHT, WIDTH), 1)
    joints = body.draw(canvas, someone, skeleton(angles, someone), view)
    depth, _ = canvas.at(joints)
    found = []
    for name, (x, y, z), front in zip(JOINTS, joints.tolist(), depth.tolist(), strict=True):
        kind = name.rpartition("_")[2]
        hidden = front > z + ROOM.get(kind, ROOM_ELSEWHERE) * view.scale
        missed = hidden and MISSED[kind][1] > 0.5
        found.append(None if missed else (round(y, 4), round(x, 4)))
    return found


def _arm(name: str) -> Arm:
    (swing, _), (spread, _), (elbow, _), hint = ARMS[name]
    return Arm(swing, spread, elbow, hint)


def example(size: Size) -> tuple[np.ndarray, Pose]:
    """The person whom the page shows first.

    Args:
      size: (height, width) of the model's pictures.

    Returns:
      A photo uint8 (*size, 3), and its pose.
    """
    shape = min(people.SIZES, key=lambda s: (abs(s[0] / s[1] - size[0] / size[1]), s[0] < size[0]))
    made = people.photo(SEED, IDENTITY, INDEX, shape)
    placement = fit(shape, size, "crop")
    pose = make_pose(made["joints"], made["visible"], size=shape)
    return placement.image(made["image"]), moved(pose, placement.points, size)
