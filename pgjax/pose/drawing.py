"""Skeletons drawn on images, for people to look at."""

import numpy as np
from PIL import Image, ImageDraw

from pgjax.pose import skeleton

RIGHT_COLOURS = ((232, 40, 40), (255, 150, 20))  # arm, leg
LEFT_COLOURS = ((45, 95, 255), (30, 205, 230))
CENTRE_COLOUR = (245, 235, 90)
OUTLINE_COLOUR = (15, 15, 15)
FACE = tuple(skeleton.INDEX[name] for name in skeleton.JOINTS if name.endswith(("eye", "ear")))


def _colour(joint: int) -> tuple[int, int, int]:
    name = skeleton.JOINTS[joint]
    side, _, kind = name.partition("_")
    leg = kind in ("hip", "knee", "ankle")
    return {"right": RIGHT_COLOURS[leg], "left": LEFT_COLOURS[leg]}.get(side, CENTRE_COLOUR)


def draw_skeleton(image: np.ndarray, keypoints: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Draws a pose on a copy of an image, for people to look at.

    The person's right arm is red and right leg orange, the left arm blue and left leg cyan, the
    rest yellow.

    Args:
      image: uint8 (H, W, 3).
      keypoints: (18, 2), (y, x) in pixels; may lie outside the image.
      visible: (18,) bool; other joints and their limbs are left out.

    Returns:
      uint8 (H, W, 3).
    """
    image, visible = np.asarray(image), np.asarray(visible, bool)
    height, width = image.shape[:2]
    fine = 8 if height <= 128 else 4
    stroke = max(1.0, height / 80)
    # Far outside the image only the direction matters; PIL fails on huge coordinates.
    points = np.where(visible[:, None], np.asarray(keypoints, np.float64), 0.0)
    points = (points.clip(-4 * height, 5 * height) + 0.5) * fine

    overlay = Image.new("RGBA", (width * fine, height * fine))
    draw = ImageDraw.Draw(overlay)

    def dot(joint: int, radius: float, colour: tuple[int, int, int]) -> None:
        y, x = points[joint]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def strokes(extra: float, colour_of) -> None:
        for a, b in skeleton.TREE:
            if visible[a] and visible[b]:
                thin = 0.6 if b in FACE else 1.0
                line = (*points[a][::-1], *points[b][::-1])
                draw.line(line, fill=colour_of(b), width=round((stroke * thin + extra) * fine))
        for joint in np.flatnonzero(visible):
            radius = stroke * (0.6 if joint in FACE else 0.9) + extra / 2
            dot(joint, radius * fine, colour_of(joint))

    strokes(max(0.5, stroke * 0.5), lambda joint: OUTLINE_COLOUR)
    strokes(0.0, _colour)
    overlay = overlay.resize((width, height), Image.Resampling.BOX)
    picture = Image.fromarray(image).convert("RGBA")
    return np.array(Image.alpha_composite(picture, overlay).convert("RGB"))
