"""How squares of DeepFashion's photos were made: padded on both sides, or stretched to a wider shape."""

import os
from collections.abc import Sequence

import numpy as np

from pgjax.data import fashion_frames
from pgjax.data import store as stores
from pgjax.errors import InputError
from pgjax.images import result_names
from pgjax.images.generated_folders import Outputs, Square
from pgjax.images.photo import fit
from pgjax.images.result_names import PADDED, STRETCHED

COMPARED = 256  # pictures that tell whether all are padded or stretched
BLOCK = 8  # pixels over which they are averaged before, so that smoothness does not count
# The share that has to be nearer to the photos if all are stretched, and the share from which on not all are
# padded. Measured on 150 pairs of DeepFashion: noisy and blurred targets 0.99 to 1 if stretched, 0 to 0.01 if
# padded; the source photos in their place 0.85 and 0.33; noise 0.64 and 0.55.
STRETCHED_FROM, PADDED_TO = 0.8, 0.4


def tell(
    outputs: Outputs,
    folder: str | os.PathLike,
    test: stores.Split,
    pairs: np.ndarray,
    square: Square,
    naming: str | None,
) -> None:
    """Sets `made` of the pictures of pairs (P, 2), and `photos` where the data set's photos are squares.

    Raises:
      InputError: the pictures contradict `naming`; or nothing is said, and they do not agree.
    """
    if outputs.photos is not None:
        outputs.photos = _photos(test)
    outputs.made = _made(outputs, folder, test, pairs, square, naming)


def _photos(test: stores.Split) -> str:
    """How the squares of a data set were made, as `prepare` tells it; PADDED where they tell nothing."""
    images = test.store.images
    chosen = range(0, len(images), -(-len(images) // COMPARED))
    joints, none = np.zeros((18, 2), np.float32), np.zeros(18, bool)  # the borders alone tell
    told = fashion_frames.evidence(
        (test.names[i], np.asarray(images[i]), joints, none) for i in chosen
    )
    return STRETCHED if len(told.stretched) > len(told.banded) else PADDED


def refuse_others(
    outputs: Outputs, folder: str | os.PathLike, dataset: str, square: Square, sizes: Sequence
) -> None:
    """Raises InputError where squares that are undone have nothing that they could be compared with."""
    if outputs.made is None or outputs.photos is None or outputs.made == outputs.photos:
        return
    if outputs.photos == PADDED and square.crop in sizes:
        return
    whole, crop = ("x".join(map(str, size)) for size in square)
    instead = f"a data set of {crop}"
    if outputs.photos == PADDED:
        instead = f"--protocol=patn, {instead}, or {dataset} built of stretched photos"
    raise InputError(
        f"{folder}: the pictures are {outputs.made} to {whole}, the photos of {dataset} are not; give "
        f"{instead}"
    )


def _made(
    outputs: Outputs,
    folder: str | os.PathLike,
    test: stores.Split,
    pairs: np.ndarray,
    square: Square,
    naming: str | None,
) -> str | None:
    """How pictures of the square's whole were made, PADDED or STRETCHED; None where there are none.

    A figure that is stretched is wider than that of the target's photo. A strip's target tells it best.

    Raises:
      InputError: the pictures contradict `naming`; or nothing is said, and they do not agree.
    """
    known = result_names.find(naming)
    whole = [index for index in range(len(outputs)) if outputs.whole(index)]
    if not whole:
        if known is not None and known.square is not None and not known.own:
            outputs.notes.append(
                f"no picture has {'x'.join(map(str, square.whole))} pixels, so --naming={naming} has "
                "no effect"
            )
        return None
    cut, squeezed = (fit(*square, mode).image for mode in ("crop", "stretch"))
    nearer = []
    for index in whole[:: -(-len(whole) // COMPARED)]:
        (panels,) = outputs.read(index, index + 1)
        picture = panels.generated if panels.target is None else panels.target
        photo = np.asarray(test.store.images[pairs[index : index + 1, 1]])[0]
        photo = squeezed(photo) if outputs.photos == STRETCHED else photo
        nearer.append(apart(squeezed(picture), photo, BLOCK) < apart(cut(picture), photo, BLOCK))
    share = float(np.mean(nearer))
    seen = STRETCHED if share >= STRETCHED_FROM else PADDED if share <= PADDED_TO else None
    told = f"{sum(nearer)} of {len(nearer)} look stretched beside the photos of their targets"
    if known is not None and known.square is not None:
        if known.own and seen not in (None, known.square):
            raise InputError(
                f"{folder}: --naming={naming} does not fit: its pictures are {known.square}, but {told}; "
                f"leave --naming out, or give --naming={known.square}"
            )
        return known.square
    if seen is None:
        raise InputError(
            f"{folder}: pictures of {'x'.join(map(str, square.whole))} pixels may be stretched or padded: "
            f"{told}; give --naming={STRETCHED}, --naming={PADDED}, or the system that made them"
        )
    if 0 < sum(nearer) < len(nearer):
        outputs.notes.append(f"{told}: all are taken for {seen}")
    return seen


def apart(panel: np.ndarray, photo: np.ndarray, block: int = 1) -> float:
    """The mean difference of a panel from a photo that may be wider, both averaged over blocks."""
    cut = (photo.shape[1] - panel.shape[1]) // 2
    apart = photo[:, cut : cut + panel.shape[1]].astype(np.float32) - panel
    height, width = (side // block for side in apart.shape[:2])
    blocks = apart[: height * block, : width * block].reshape(height, block, width, block, -1)
    return float(np.abs(blocks.mean(axis=(1, 3))).mean())
