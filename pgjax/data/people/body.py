"""The solids of a person: a Person in a Skeleton, seen by a View, drawn into a Canvas."""

from typing import NamedTuple

import numpy as np

from pgjax.data.people.chance import turn
from pgjax.data.people.pose import HEAD_RADII, about_up
from pgjax.data.people.solids import profile
from pgjax.pose.skeleton import INDEX

PARTS = (
    *("trunk", "neck", "head", "hair", "back_hair", "brim", "skirt", "backpack", "bag", "occluder"),
    *(
        f"{side}_{part}"
        for side in ("right", "left")
        for part in ("ear", "upper", "fore", "hand", "thigh", "shin", "foot")
    ),
)
PART = {name: number + 1 for number, name in enumerate(PARTS)}

# Radii in body heights along each part, from the top; the trunk runs from the neck to the crotch.
TRUNK = profile(
    *((0, 0.036), (0.03, 0.05), (0.06, 0.078), (0.1, 0.106), (0.16, 0.119), (0.3, 0.115)),
    *((0.5, 0.099), (0.66, 0.093), (0.8, 0.103), (0.92, 0.109), (1, 0.1)),
)
TRUNK_DEEP = profile(
    *((0, 0.034), (0.12, 0.05), (0.3, 0.07), (0.65, 0.066), (0.82, 0.08), (0.94, 0.08), (1, 0.05))
)
SKIRT = profile((0, 0.1), (0.4, 0.118), (1, 0.132))
BACKPACK = profile((0, 0.06), (0.1, 0.085), (0.9, 0.092), (1, 0.075))
BAG = profile((0, 0.04), (0.1, 0.062), (1, 0.068))
LIMB = {
    "upper": profile((0, 0.034), (0.3, 0.034), (1, 0.026)),
    "fore": profile((0, 0.026), (0.25, 0.027), (1, 0.018)),
    "hand": profile((0, 0.02), (0.5, 0.026), (1, 0.019)),
    "thigh": profile((0, 0.05), (0.3, 0.053), (1, 0.037)),
    "shin": profile((0, 0.037), (0.3, 0.039), (1, 0.024)),
    "foot": profile((0, 0.026), (0.5, 0.026), (1, 0.018)),
}
THICKNESS = {"upper": 0.005, "fore": 0.006, "thigh": 0.008, "shin": 0.008}  # of cloth
# Hair grows on the unit ball of the head where up > level + slope * forward.
HAIRLINES = {
    "short": (0.02, 0.62),
    "bob": (-0.2, 0.8),
    "long": (-0.2, 0.8),
    "tail": (0.06, 0.6),
    "bun": (0.06, 0.6),
    "bald": (0.6, 1.2),
    "cap": (0.14, 0.1),
}


class View(NamedTuple):
    """The camera.

    Attributes:
      yaw: degrees the person is turned about the vertical, 0 = facing the camera, 90 = to the right.
      pitch: degrees the camera looks down.
      scale: image height of a body height.
      x: where the point of the ground below the pelvis lands, in image heights from the middle.
      y: the same from the top.
    """

    yaw: float
    pitch: float
    scale: float
    x: float
    y: float

    def axes(self):
        """(3, 3): the body's left, up and forward as directions in the scene."""
        cos, sin = turn(self.pitch)
        turned = [about_up(axis, self.yaw) for axis in np.eye(3)]
        return np.array([(x, z * sin - y * cos, z * cos + y * sin) for x, y, z in turned])


def combine(vectors, axes):
    """(..., 3) components along the three `axes` (3, 3) as vectors, in a fixed order of sums."""
    return vectors[..., :1] * axes[0] + vectors[..., 1:2] * axes[1] + vectors[..., 2:] * axes[2]


class _Figure:
    """A skeleton placed in the scene; all that the parts below need to draw themselves."""

    def __init__(self, canvas, person, skeleton, view):
        self.canvas, self.person, self.skeleton, self.view = canvas, person, skeleton, view
        self.axes = view.axes()
        self.size = np.float32(view.scale * person.height)
        self.bulk = np.float32(self.size * person.build)
        soles = min(float(point[1]) for point in skeleton.heels + skeleton.toes) - 0.02
        self.origin = np.array((view.x, view.y, 0.0)) - self.axes[1] * (soles * self.size)
        self.joints = self.at(skeleton.joints)
        self.spine = skeleton.joints[INDEX["neck"]]

    def at(self, points):
        """Body-frame points (..., 3) in the scene."""
        return combine(points, self.axes) * float(self.size) + self.origin

    def joint(self, name):
        return self.joints[INDEX[name]]

    def trunk(self):
        person, chest = self.person, self.view.yaw + 0.6 * self.skeleton.twist
        broad = profile((0, person.shoulders), (0.5, person.shoulders), (0.8, person.hips))
        loose = np.float32(1.12 if person.logo == "open" else 1.0)
        self.canvas.tube(
            *(PART["trunk"], self.at(self.spine * 1.12), self.at(self.spine * -0.13)),
            *(TRUNK * broad * self.bulk, chest, TRUNK_DEEP * self.bulk * loose),
            round_ends=False,
        )
        neck = profile((0, 0.03), (1, 0.028)) * self.bulk
        self.canvas.tube(PART["neck"], self.at(self.spine), self.at(self.skeleton.head), neck)

    def limbs(self):
        skeleton, person = self.skeleton, self.person
        for number, side in enumerate(("right", "left")):
            ends = {
                "upper": (self.joint(f"{side}_shoulder"), self.joint(f"{side}_elbow")),
                "fore": (self.joint(f"{side}_elbow"), self.joint(f"{side}_wrist")),
                "hand": (self.joint(f"{side}_wrist"), self.at(skeleton.hands[number])),
                "thigh": (self.joint(f"{side}_hip"), self.joint(f"{side}_knee")),
                "shin": (self.joint(f"{side}_knee"), self.joint(f"{side}_ankle")),
                "foot": (self.at(skeleton.heels[number]), self.at(skeleton.toes[number])),
            }
            for name, (start, end) in ends.items():
                radius = LIMB[name]
                if name in THICKNESS:
                    cloth = np.arange(len(radius)) / len(radius) < person.covered(name)
                    radius = radius + cloth * np.float32(THICKNESS[name])
                self.canvas.tube(
                    PART[f"{side}_{name}"], start, end, radius * self.bulk, self.view.yaw
                )

    def skirt(self):
        if not self.person.skirted:
            return
        knees = [self.skeleton.joints[INDEX[f"{side}_knee"]] for side in ("right", "left")]
        hem = (knees[0] + knees[1]) * np.array((0.3, 0.0, 0.3)) - np.array((0.0, 0.21, 0.0))
        stride = abs(float(knees[0][2] - knees[1][2])) / 2
        deep = profile((0, 0.08), (0.4, 0.09), (1, round(0.1 + 0.8 * stride, 3)))
        self.canvas.tube(
            *(PART["skirt"], self.at(self.spine * 0.2), self.at(hem)),
            *(SKIRT * self.bulk, self.view.yaw, deep * self.bulk),
            round_ends=False,
        )

    def head(self):
        canvas, size, skeleton = self.canvas, float(self.size), self.skeleton
        own = np.stack(skeleton.head_axes)
        axes, up, forward = combine(own, self.axes), own[1], own[2]
        radii = np.array(HEAD_RADII) * size
        canvas.ellipsoid(PART["head"], self.at(skeleton.head), axes, radii)
        for side in ("right", "left"):
            ear = np.array((0.008, 0.017, 0.012)) * size
            canvas.ellipsoid(PART[f"{side}_ear"], self.joint(f"{side}_ear"), axes, ear)
        style = self.person.hair_style
        level, slope = (np.float32(value) for value in HAIRLINES[style])
        canvas.ellipsoid(
            *(PART["hair"], self.at(skeleton.head + up * 0.006 - forward * 0.005), axes),
            radii * (1.04 if style == "bald" else 1.12),
            lambda u, v, w: v > level + slope * w,
        )
        if style == "cap":
            brim = self.at(skeleton.head + forward * 0.08 + up * 0.027)
            canvas.ellipsoid(PART["brim"], brim, axes, np.array((0.042, 0.006, 0.045)) * size)

    def back_hair(self):
        style, size = self.person.hair_style, self.size
        _, up, forward = self.skeleton.head_axes
        head, down, part = self.skeleton.head, self.spine / -0.315, PART["back_hair"]
        if style in ("long", "bob"):
            tip = head - forward * 0.03 + down * 0.1
            if style == "long":
                tip = head - forward * 0.03 + down * 0.21 - np.array((0.0, 0.0, 0.035))
            wide = profile((0, 0.054), (0.6, 0.06), (1, 0.045)) * size
            root = self.at(head - forward * 0.022)
            self.canvas.tube(part, root, self.at(tip), wide, self.view.yaw, wide * np.float32(0.6))
        elif style == "tail":
            root = head - forward * 0.075 + up * 0.02
            radius = profile((0, 0.022), (0.4, 0.026), (1, 0.01)) * size
            self.canvas.tube(part, self.at(root), self.at(root + down * 0.14), radius)
        elif style == "bun":
            bun = self.at(head - forward * 0.06 + up * 0.05)
            self.canvas.ellipsoid(part, bun, np.eye(3), np.full(3, 0.034 * float(size)))

    def bag(self):
        person, yaw = self.person, self.view.yaw
        if person.bag == "backpack":
            behind = np.array((0.0, 0.0, -0.095))
            top, bottom = self.at(self.spine * 0.96 + behind), self.at(self.spine * 0.35 + behind)
            wide = BACKPACK * self.bulk
            deep = wide * np.float32(0.62)
        elif person.bag == "shoulder":  # hangs at the right hip
            side = np.array((-0.125 * person.hips, 0.0, 0.0))
            top, bottom = self.at(self.spine * 0.16 + side), self.at(self.spine * -0.14 + side)
            deep = BAG * self.bulk
            wide = deep * np.float32(0.5)
        else:
            return
        part = PART["backpack" if person.bag == "backpack" else "bag"]
        self.canvas.tube(part, top, bottom, wide, yaw, deep, round_ends=False)


def draw(canvas, person, skeleton, view):
    """Draw all solids of the person. Returns the joints in the scene, (18, 3)."""
    figure = _Figure(canvas, person, skeleton, view)
    for part in ("trunk", "limbs", "skirt", "head", "back_hair", "bag"):
        getattr(figure, part)()
    return figure.joints
