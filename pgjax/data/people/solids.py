"""A depth buffer of tubes and ellipsoids, with the surface coordinates that textures need.

Scene frame: x to the right from the image's middle, y down, z towards the camera; the unit is the
image's height. The buffer holds `factor` × `factor` samples a pixel: averaging smooths the edges.
"""

import functools
import math

import numpy as np

from pgjax.data.people.chance import turn

STEPS = 64  # entries of a radius profile along a tube
NOTHING = -9.0  # depth where no solid is


@functools.lru_cache(maxsize=256)
def profile(*knots):
    """float32 (STEPS,) through (place in 0..1, value) knots, linear between them; read-only."""
    places, values = zip(*knots, strict=True)
    table = np.interp(np.arange(STEPS) / (STEPS - 1), places, values)
    table = np.round(table, 9).astype(np.float32)
    table.flags.writeable = False
    return table


class Canvas:
    """Samples of what the camera sees, each plane (rows, columns).

    depth, part (0 = none), u, v, w, and facing (0 at the rim of a solid, 1 in its middle). On tubes
    u is the signed distance from the axis over the radius (-1..1) and v the place along the axis
    (0..1, beyond on round ends). On ellipsoids (u, v, w) is the direction in the solid's own axes.
    """

    def __init__(self, size, factor):
        height, width = size
        self.size = size
        rows, columns = height * factor, width * factor
        self.scale = rows
        self.middle = columns / 2
        self.y = ((np.arange(rows) + 0.5) / rows).astype(np.float32)
        self.x = ((np.arange(columns) + 0.5 - self.middle) / rows).astype(np.float32)
        self.depth = np.full((rows, columns), NOTHING, np.float32)
        self.part = np.zeros((rows, columns), np.uint8)
        self.u, self.v, self.w, self.facing = np.zeros((4, rows, columns), np.float32)
        # By part number: the direction of +u in the image (x, y); where a tube's front is, as the
        # angle about its axis from the camera's direction to +u.
        self.across = np.zeros((256, 2), np.float32)
        self.front = np.zeros(256, np.float32)

    def _window(self, x, y, reach_x, reach_y):
        """Slices of a box and its x (1, columns), y (rows, 1); None where it is off the canvas."""
        left = max(0, int((x - reach_x) * self.scale + self.middle))
        right = min(len(self.x), int((x + reach_x) * self.scale + self.middle) + 1)
        top = max(0, int((y - reach_y) * self.scale))
        bottom = min(len(self.y), int((y + reach_y) * self.scale) + 1)
        if left >= right or top >= bottom:
            return None
        window = slice(top, bottom), slice(left, right)
        return window, self.x[window[1]][None], self.y[window[0]][:, None]

    def _write(self, window, part, inside, depth, u, v, w, facing):
        seen = inside & (depth > self.depth[window])
        np.copyto(self.depth[window], depth, where=seen)
        np.copyto(self.part[window], part, where=seen)
        np.copyto(self.u[window], u, where=seen)
        np.copyto(self.v[window], v, where=seen)
        np.copyto(self.facing[window], facing, where=seen)
        if w is not None:
            np.copyto(self.w[window], w, where=seen)

    def tube(self, part, start, end, radius, yaw=0.0, deep=None, round_ends=True):
        """Draw a tube around the axis from `start` to `end`, (x, y, z) in the scene.

        Args:
          part: the part's number, 1..255.
          start: where v = 0.
          end: where v = 1.
          radius: (STEPS,) half widths along the axis.
          yaw: degrees by which the part is turned about its axis.
          deep: (STEPS,) half depths, for an elliptic section; by default the section is round.
          round_ends: whether half balls close the tube.
        """
        (ax, ay, az), (bx, by, bz) = (map(float, point) for point in (start, end))
        dx, dy, dz = bx - ax, by - ay, bz - az
        square = max(dx * dx + dy * dy, 1e-8)
        length = square**0.5
        cos, sin = turn(yaw)
        half, behind, shear = radius, radius, None
        if deep is not None:
            half = np.sqrt((radius * cos) ** 2 + (deep * sin) ** 2)
            behind = radius * deep / half
            shear = (deep * deep - radius * radius) * (sin * cos) / half
        self.across[part] = (dy / length, -dx / length)
        ratio = 1.0 if deep is None else float(deep[STEPS // 2] / radius[STEPS // 2])
        self.front[part] = round(math.atan2(ratio * sin, cos), 6)
        reach = float(half.max())
        found = self._window((ax + bx) / 2, (ay + by) / 2, abs(dx) / 2 + reach, abs(dy) / 2 + reach)
        if found is None:
            return
        window, x, y = found
        x, y = x - np.float32(ax), y - np.float32(ay)
        v = x * np.float32(dx / square) + y * np.float32(dy / square)
        u = x * np.float32(dy / length) - y * np.float32(dx / length)
        place = np.minimum(np.maximum(v, 0), 1)
        step = (place * np.float32(STEPS - 1) + np.float32(0.5)).astype(np.intp)
        half = half[step]
        u /= half
        facing = 1 - u * u
        if round_ends:
            over = (v - place) * np.float32(length) / half
            facing -= over * over
            inside = facing > 0
        else:
            inside = (facing > 0) & (place == v)
        facing = np.sqrt(np.maximum(facing, 0))
        depth = facing * behind[step] + place * np.float32(dz) + np.float32(az)
        if shear is not None:
            depth += u * shear[step]
        self._write(window, part, inside, depth, u, v, None, facing)

    def ellipsoid(self, part, centre, axes, radii, where=None):
        """Draw an ellipsoid with three unit `axes` (3, 3) in the scene and their `radii` (3,).

        `where(u, v, w)` -> bool limits it to a region of its surface (hair, a cap).
        """
        extent = axes * radii[:, None]
        reach = np.sqrt((extent * extent).sum(0))
        self.across[part] = 1.0, 0.0
        found = self._window(float(centre[0]), float(centre[1]), float(reach[0]), float(reach[1]))
        if found is None:
            return
        window, x, y = found
        x, y = x - np.float32(centre[0]), y - np.float32(centre[1])
        inverse = (axes / radii[:, None]).astype(np.float32)  # scene -> unit ball
        flat = [row[0] * x + row[1] * y for row in inverse]
        near = [row[2] for row in inverse]
        quadratic = near[0] * near[0] + near[1] * near[1] + near[2] * near[2]
        linear = flat[0] * near[0] + flat[1] * near[1] + flat[2] * near[2]
        constant = flat[0] * flat[0] + flat[1] * flat[1] + flat[2] * flat[2] - 1
        root = linear * linear - constant * quadratic
        inside = root > 0
        root = np.sqrt(np.maximum(root, 0))
        z = (root - linear) / quadratic
        u, v, w = (plane + slope * z for plane, slope in zip(flat, near, strict=True))
        if where is not None:
            inside &= where(u, v, w)
        facing = root / np.sqrt(quadratic)
        self._write(window, part, inside, z + np.float32(centre[2]), u, v, w, facing)

    def at(self, points):
        """(depth, part) that the camera meets at scene points (N, 3); NOTHING, 0 off the canvas."""
        columns = np.floor(points[:, 0] * self.scale + self.middle).astype(int)
        rows = np.floor(points[:, 1] * self.scale).astype(int)
        height, width = self.depth.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        place = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
        return np.where(inside, self.depth[place], NOTHING), np.where(inside, self.part[place], 0)
