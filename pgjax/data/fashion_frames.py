"""How DeepFashion's photos were resized, and where the published joints lie in them.

The photos are 750 x 1101 pixels. At a height of 256 they are 176 columns wide: this is the *crop*. PATN's
joints are in columns of the crop. img.zip contains the crop between two plain bands of 40 columns: this is
the *whole*, 256 x 256. Siarohin's joints are in columns of the whole. Systems that use img_highres.zip
(GFLA, PISE) widen the crop to 256 columns: such a photo is *stretched*. It has no bands, and the distances
between its joints are 256/176 as long. Systems that resize img_highres.zip without that detour (CFLD) make
the crop of it, or the *large* crop, twice as high and as wide: 512 x 352.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from PIL import Image

from pgjax.data.annotations import Annotations
from pgjax.errors import InputError

WHOLE = (256, 256)
CROP = (256, 176)
LARGE = (512, 352)  # the crop, twice as high and as wide
MARGIN = 40  # columns of a band (docs/reference_facts.md, 4 and 5.4)
# Filters that photos are made smaller with, by their names in --resize: PIL's, which average over all pixels
# that become one. CFLD's is the first, GFLA's (torchvision's default of its time) the second.
RESIZES = MappingProxyType(
    {"pil_bicubic": Image.Resampling.BICUBIC, "pil_bilinear": Image.Resampling.BILINEAR}
)
DEFAULT_RESIZE = "pil_bicubic"
SMALL = (128, 64)  # what the reference's own script makes of the crop, joints with it

# Measured on the 249 photos at hand and on the same ones stretched, as PNG and as JPEG of quality 75 and
# 95. Mean distance from the median colour: of bands at most 0.02, of stretched borders 0 in 1 of 50,
# 0.25 or less in 1 of 15, above 40 in 1 of 50.
BAND = 32  # columns that are compared; JPEG's chroma blocks mix the last 8 with the photo
PLAIN = 0.25
STUDIO = 40.0  # borders more colourful than this are no studio's background, and tell nothing
SEAM = 0.3  # share of rows that change at a band's edge: above it in 235 of 249, in none when stretched
CLEAR = 0.02  # share of photos that may tell the other thing
SHIFT = 8  # columns between the places of a joint in both: only such joints tell them apart
FIGURE = 20  # grey levels between a figure and a plain background
# Shares of joints on the figure, of 38 photos with a background that is nearly plain: at their true places
# 0.96 on average; at those of a stretched figure, where it is not, 0.40, above 0.8 in 1 of 10.
ON_FIGURE = 0.75
ON_STRETCHED = 0.9
FEW = 8  # photos that are asked one by one; of more the average is
# Share of joints where the whole has its bands: 0.0004 of the published test file, 0.02 of it if stretched.
IN_BANDS = 0.005
MANY = 1000  # joints


class Evidence(NamedTuple):
    """What some photos tell: names of those with bands, and of those that are stretched."""

    banded: tuple[str, ...]
    stretched: tuple[str, ...]

    def decided(self, where: object) -> bool:
        """Whether the photos are stretched; without evidence they are not.

        Raises:
          InputError: some are, and some are not.
        """
        count = len(self.banded) + len(self.stretched)
        share = len(self.stretched) / count if count else 0
        if CLEAR < share < 1 - CLEAR:
            raise InputError(
                f"{where}: {len(self.stretched)} of {count} photos are stretched to 256 x 256, such as "
                f"{self.stretched[0]}, and {len(self.banded)} have the plain bands of img.zip, such as "
                f"{self.banded[0]}; expected photos of one kind"
            )
        return share > 0.5


def margin(annotated: Iterable[Annotations]) -> int:
    """Columns by which the annotated joints lie left of where they are in the whole photo: 0 or 40.

    Both kinds of files are in circulation under the same names. Persons stand in the middle, and joints
    of a crop end before its 176th column.
    """
    points = [poses.keypoints[..., 1][poses.visible] for poses in annotated]
    x = np.concatenate([np.zeros(0), *points])
    middle = (WHOLE[1] + CROP[1]) / 4
    return MARGIN if len(x) and x.max() < CROP[1] and x.mean() < middle else 0


def evidence(photos: Iterable[tuple[str, np.ndarray, np.ndarray, np.ndarray]]) -> Evidence:
    """Looks at photos, each with what it is called and its joints in the columns of the crop.

    Where no photo's borders tell, the joints do: on a plain background most of them lie on the figure.

    Args:
      photos: names, uint8 (256, 256, 3), float (18, 2), bool (18,).
    """
    told: dict[str, list[str]] = {"banded": [], "stretched": []}
    hits = {}
    for name, image, keypoints, visible in photos:
        pixels = image.astype(np.int32)
        kind = _borders(pixels)
        if kind in told:
            told[kind].append(name)
        elif kind == "plain":
            found = _on_figure(pixels, keypoints[visible])
            if len(found):
                hits[name] = found
    if not any(told.values()):
        each = [[name] for name in hits] if len(hits) < FEW else [list(hits)]
        for some in each:
            on = np.concatenate([hits[name] for name in some]).mean(axis=0)
            # Joints of the crop lie on a stretched figure too: narrow as they are, they are inside it.
            kind = "stretched" if on[1] > ON_STRETCHED else "banded" if on[0] > ON_FIGURE else None
            if kind is not None:
                told[kind] += some
    return Evidence(tuple(told["banded"]), tuple(told["stretched"]))


def _borders(pixels: np.ndarray) -> str:
    """ "banded", "stretched", or, where they tell nothing, "plain" or "colourful"."""
    colours = [np.median(side, axis=(0, 1)) for side in (pixels[:, :BAND], pixels[:, -BAND:])]
    sides = zip((pixels[:, :BAND], pixels[:, -BAND:]), colours, strict=True)
    off = max(np.abs(side - colour).mean() for side, colour in sides)
    if off > PLAIN:
        return "stretched" if off < STUDIO else "colourful"
    columns = (
        (pixels[:, MARGIN - 3 : MARGIN - 1], pixels[:, MARGIN + 3 : MARGIN + 4]),
        (pixels[:, 1 - MARGIN : 3 - MARGIN], pixels[:, -MARGIN - 4 : -MARGIN - 3]),
    )
    seam = max(
        _other(inner, colour) - _other(outer, colour)
        for (outer, inner), colour in zip(columns, colours, strict=True)
    )
    return "banded" if seam > SEAM else "plain"


def _other(columns: np.ndarray, colour: np.ndarray) -> float:
    """The share of rows in which columns (H, n, 3) have another colour."""
    return float((np.abs(columns - colour).max(axis=(1, 2)) >= 2).mean())


def _on_figure(pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which joints lie on the figure; bool (J, 2), in the whole photo and in the stretched one."""
    background = np.median(np.concatenate([pixels[:, :8], pixels[:, -8:]], axis=1), axis=(0, 1))
    figure = np.abs(pixels - background).max(axis=2) > FIGURE
    y, *places = points[:, 0], points[:, 1] + MARGIN, widened(points[:, 1])
    apart = np.abs(places[1] - places[0]) >= SHIFT
    rows = np.rint(y[apart]).astype(int).clip(1, WHOLE[0] - 2)
    found = np.zeros((len(rows), 2), bool)
    for column, x in enumerate(places):
        columns = np.rint(x[apart]).astype(int).clip(1, WHOLE[1] - 2)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                found[:, column] |= figure[rows + dy, columns + dx]
    return found


def widened(x: np.ndarray) -> np.ndarray:
    """Columns of the crop in a photo that was stretched to 256; a pixel's centre is at its number."""
    return (x + 0.5) * (WHOLE[1] / CROP[1]) - 0.5


def in_crop(poses: Annotations, moved: int, path: object) -> Annotations:
    """Joints in the columns of the crop, of which those left of it are negative.

    Args:
      moved: as `margin` gives it.
      path: of the file, for errors.

    Raises:
      InputError: joints lie outside the whole photo, or are of a copy of another size.
    """
    keypoints, visible = poses.keypoints.copy(), poses.visible
    keypoints[..., 1] += moved
    expected = "expected joints of the 256 x 256 photos, or of their middle 176 columns"
    outside = visible[..., None] & (keypoints >= WHOLE)
    if outside.any():
        first = int(np.argmax(outside.any(axis=(1, 2))))
        y, x = keypoints[first][visible[first]].max(axis=0).astype(int)
        raise InputError(
            f"{path}: image {poses.names[first]} has joints as far as y {y}, x {x}, outside its "
            f"{WHOLE[0]} x {WHOLE[1]} pixels; {expected}"
        )
    if visible.any() and (poses.keypoints[visible] < SMALL).all():
        y, x = poses.keypoints[visible].max(axis=0).astype(int)
        raise InputError(
            f"{path}: all joints lie above y {y + 1} and left of x {x + 1}, as those of copies of "
            f"{SMALL[0]} x {SMALL[1]} do; {expected}"
        )
    keypoints[..., 1] -= MARGIN
    return Annotations(poses.names, keypoints, visible)


def made_on_stretched(crop: Iterable[Annotations], stretched: bool) -> bool:
    """Whether joints, as `in_crop` gives them, were found on stretched photos, in whose columns they are.

    They lie where the whole has its bands, too. Where the photos are not seen to be stretched, only of many
    joints that counts.
    """
    points = [poses.keypoints[..., 1][poses.visible] for poses in crop]
    x = np.concatenate([np.zeros(0), *points])
    in_bands = ((x < 0) | (x >= CROP[1])).mean() if len(x) else 0
    return bool(in_bands > IN_BANDS and (stretched or len(x) >= MANY))


def narrowed(poses: Annotations) -> Annotations:
    """Joints of the crop, of such as `made_on_stretched` tells."""
    keypoints = poses.keypoints.copy()
    keypoints[..., 1] = (keypoints[..., 1] + MARGIN + 0.5) * (CROP[1] / WHOLE[1]) - 0.5
    return Annotations(poses.names, keypoints, poses.visible)


def placed(poses: Annotations, size: tuple[int, int], stretched: bool) -> Annotations:
    """Joints of the crop in photos of `size`: the whole, the crop, or as large as its multiple.

    Joints outside are missing. A pixel's centre is at its number, in each size.
    """
    keypoints = poses.keypoints.copy()
    if size == WHOLE:
        x = keypoints[..., 1]
        keypoints[..., 1] = widened(x) if stretched else x + MARGIN
    elif size != CROP:
        keypoints = (keypoints + 0.5) * np.divide(size, CROP, dtype=np.float32) - 0.5
    visible = poses.visible & (keypoints >= 0).all(axis=-1) & (keypoints < size).all(axis=-1)
    keypoints[~visible] = -1
    return Annotations(poses.names, keypoints, visible)
