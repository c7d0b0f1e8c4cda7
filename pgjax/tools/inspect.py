"""Draws what a data set's pairs look like: python -m pgjax.tools.inspect DATASET --data_dir DIR --out FILE

One row a pair: source and target with their poses, the target's ten part masks, the mask of
mask-SSIM (at radius 4), and the source's pixels moved to the target's pose by the ten part
transforms, which is what deformable skips do to features. A joint order, a mirrored pose or a
transform that is wrong shows here.
"""

import os
import sys

import jax
import numpy as np

from pgjax import data
from pgjax.data import store
from pgjax.errors import InputError
from pgjax.images.pixels import format_of, grid, write_image
from pgjax.pose import raster, warp
from pgjax.pose.batch import Batch, Indices, fetch
from pgjax.pose.drawing import draw_skeleton
from pgjax.tools import cli, extension_flag

TITLES = ("source", "target", "parts", "person", "warped source")
# One colour a part, in the order of skeleton.PARTS; the body, which is everywhere, stays black.
COLOURS = np.array(
    [(0, 0, 0), (255, 255, 0)]
    + [
        colour
        for pair in ((255, 130, 0), (150, 80, 0), (255, 0, 0), (130, 0, 60))
        for colour in (pair, pair[::-1])
    ],
    np.uint8,
)


@jax.jit
def _drawn(batch: Batch):
    source = batch.source_keypoints, batch.source_visible
    target = batch.target_keypoints, batch.target_visible
    size = batch.source_image.shape[1:3]
    return (
        warp.part_affines(*source, *target),
        raster.part_masks(*target, size),
        raster.person_mask(*target, size),
    )


def _painted(batch: Batch, transforms, exists, masks) -> np.ndarray:
    """Sources moved part by part, each over those before it: uint8 (B, H, W, 3)."""
    images = batch.source_image.astype(np.float32)
    result, size = np.zeros_like(images), images.shape[1:3]
    for part in range(masks.shape[1]):
        one = slice(part, part + 1)
        moved = warp.warp_parts(
            images, transforms[:, one], exists[:, one], masks[:, one], size, aggregate="mean"
        )
        shown = (masks[:, part] > 0) & exists[:, part, None, None]
        result = np.where(shown[..., None], moved, result)
    return result.astype(np.uint8)


def draw(batch: Batch) -> np.ndarray:
    """A grid of a Batch's pairs, uint8 (height, width, 3); its columns are TITLES."""
    (transforms, exists), masks, person = jax.tree.map(np.asarray, _drawn(batch))
    warped = _painted(batch, transforms, exists, masks)
    # The last part that covers a pixel; argmax finds the first, so from the back.
    top = masks.shape[1] - 1 - np.argmax(masks[:, ::-1], axis=1)
    rows = []
    for i in range(len(person)):
        poses = (
            draw_skeleton(getattr(batch, f"{side}_image")[i], *joints)
            for side, joints in (
                ("source", (batch.source_keypoints[i], batch.source_visible[i])),
                ("target", (batch.target_keypoints[i], batch.target_visible[i])),
            )
        )
        white = np.repeat((255 * person[i, ..., None]).astype(np.uint8), 3, axis=-1)
        rows.append([*poses, COLOURS[top[i]], white, warped[i]])
    return grid(rows, titles=TITLES, scale=max(1, 256 // warped.shape[1]))


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.inspect",
        description="Draw pairs of a data set with poses, masks and part transforms.",
    )
    parser.add_argument("dataset", help=f"one of {', '.join(data.DATASETS)}")
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="the picture, such as a PNG")
    parser.add_argument("--pairs", type=int, default=12, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which test pairs (default: 0)")
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    if arguments.pairs < 1 or arguments.seed < 0:
        raise InputError("--pairs and --seed: expected a positive number, and one from 0 on")
    if os.path.isdir(arguments.out):
        raise InputError(f"--out: {arguments.out} is a folder; expected the name of a picture")
    format_of(arguments.out)
    name, data_dir = arguments.dataset, arguments.data_dir
    split = store.load_split(name, "test", data_dir, memory_limit=0)
    pairs = store.test_pairs(name, split, data_dir)
    generator = np.random.default_rng(arguments.seed)
    count = min(arguments.pairs, len(pairs))
    chosen = pairs[generator.choice(len(pairs), count, replace=False)]
    batch = fetch(split.store, Indices(*chosen.T, np.zeros(count, bool)))
    write_image(arguments.out, draw(batch))
    print(f"{count} test pairs of {name} in {arguments.out}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
