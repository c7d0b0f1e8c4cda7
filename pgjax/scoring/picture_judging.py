"""Scores anyone's images: a folder of another system's pictures, and what needs no system at all."""

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pgjax import data
from pgjax.data import store as stores
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.images import result_names
from pgjax.images.generated_folders import Outputs, Panels, Square
from pgjax.metrics import protocols
from pgjax.metrics.protocol import Frame
from pgjax.metrics.records import MASKED_INPUT, PLAIN
from pgjax.pose.batch import Indices, Store, fetch
from pgjax.progress import Progress, announce, watched
from pgjax.scoring import squares
from pgjax.scoring.results import pairs_digest, provenance
from pgjax.scoring.run_evaluation import (
    TEST_PAIRS,
    choose_pairs,
    counts,
    mean_image,
    put_aside,
    write,
)
from pgjax.scoring.scorer import PIXEL, Scorer, chosen

CHUNK = 128  # pairs at a time
MEMORY = 4 * 2**30  # bytes that a split's photos may take
ANOTHER = 16.0  # mean difference, of 255, from which on a strip's target is another photo
COPY = 3.0  # below which it is the same photo, perhaps as JPEG
LARGE = {
    "deepfashion_512x352": Square((512, 512), (512, 352))
}  # by data set, beside the frame of patn
NEEDS_GENERATOR = "of a folder: the generator has to see masked photos (--workdir measures it)"


def judge(
    dataset: str,
    data_dir: str,
    folder: str | os.PathLike | None = None,
    protocol: str = protocols.OWN.name,
    limit: int | None = None,
    pairs_file: str | None = None,
    metrics: Sequence[str] = (PIXEL,),
    baselines: bool = False,
    out: str | os.PathLike | None = None,
    reference: str | None = None,
    naming: str | None = None,
) -> dict[str, Any]:
    """Scores the pictures of a folder, or the baselines, or both.

    The targets are always the data set's own photos, never a strip's panel.

    Args:
      dataset: a built data set, of whose test photos the pairs are.
      data_dir: where it is, and weights/ of the networks that metrics read.
      folder: of pictures (pgjax.images.generated_folders), one a pair; without it,
        the baselines alone are scored.
      protocol: a name in protocols.PROTOCOLS.
      limit: only the first so many pairs, in list order.
      pairs_file: CSV `from,to` of photo names; the data set's own test pairs unless given.
      metrics: which of the protocol's (scoring.chosen); those that need no network unless given.
      baselines: also score a copy of the source, the mean training image and the targets themselves.
      out: the file of the result; FOLDER/metrics.json unless given, nothing without a folder.
      reference: the real images of FID and KID (protocols.REFERENCES); the protocol's unless given.
      naming: the system whose pictures they are (result_names.NAMINGS); told by the pictures unless given.

    Returns:
      What that file holds.

    Raises:
      FileNotFoundError: no such folder or data set.
      InputError: faults of the pictures (pgjax.images.generated_folders), an unknown name, ...
    """
    started = time.perf_counter()
    size = data.find(dataset).size
    result_names.find(naming)
    if naming is not None and folder is None:
        raise InputError("--naming: goes with --images alone")
    judged = protocols.for_height(protocols.find(protocol, reference), size[0])
    wanted = chosen(judged, metrics)
    test = stores.load_split(dataset, "test", data_dir, MEMORY)
    pairs, _ = choose_pairs(dataset, test, data_dir, pairs_file, limit)
    outputs = None
    if folder is not None:
        out = paths.local(folder) / "metrics.json" if out is None else out
    if out is not None and paths.of(out).is_dir():
        raise InputError(f"--out: {out} is a folder; expected the name of a file")
    if folder is not None:
        listed, _ = choose_pairs(dataset, test, data_dir, pairs_file, None)
        outputs = pictures(
            folder, dataset, test, pairs, listed, judged.frame(dataset), True, naming
        )
    baselines = baselines or folder is None
    train, mean = None, None

    def training() -> Store:
        nonlocal train
        train = train or stores.load_split(dataset, "train", data_dir, MEMORY).store
        return train

    if baselines:
        try:
            mean = mean_image(training())
        except InputError as error:  # DeepFashion's test photos may be there alone
            print(f"no mean training image: {error}", file=sys.stderr)
    weights = paths.of(data_dir) / "weights"
    scorer = Scorer(judged, dataset, test.store, pairs, weights, wanted, training)
    if outputs is not None:
        scorer.not_measured |= dict.fromkeys(scorer.of_view(MASKED_INPUT), NEEDS_GENERATOR)
    others = copies = 0
    what = "the baselines" if folder is None else str(folder)
    announce(
        f"judging {what} on {len(pairs)} pairs of {pairs_file or f'{dataset} in {data_dir}'}, under protocol "
        f"{judged.name}; compiling for the first batch"
    )
    with Progress(len(pairs), "judging", "pair") as bar:
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            batch = fetch(test.store, Indices(*chunk.T, np.zeros(len(chunk), bool)))
            if outputs is not None:
                panels = outputs.read(start, start + len(chunk))
                others += _other_targets(panels, batch.target_image)
                copies += _copies(panels, batch.target_image)
                scorer.add("images", {PLAIN: _alike(panels)}, batch)
            if baselines:
                scorer.add_baselines(batch, chunk, mean, real=True)
            bar.update(len(chunk))
    if others:
        print(
            f"warning: {folder}: the target panel of {others} of {len(pairs)} strips is not the photo "
            f"that {pairs_file or TEST_PAIRS} names; are these the same photos and pairs?",
            file=sys.stderr,
        )
    if copies:
        print(
            f"warning: {folder}: the panel that should be the generated image is the target itself in "
            f"{copies} of {len(pairs)} strips; are the panels in another order? Of strips named ..._all "
            "the middle one of three is judged",
            file=sys.stderr,
        )
    scores = scorer.scores()
    result = {
        "row": None,
        "step": None,
        "stage": None,
        "pairs": len(pairs),
        "limit": limit,
        "noise": False,
        "pairs_from": pairs_file or TEST_PAIRS,
        "pairs_sha256": pairs_digest(test.names, pairs),
        "mask_radius": judged.mask.radius,
        "scores": scores,
        "published": {},
        "published_in": "",
        "published_under": None,
        "checkpoint": None,
        "images": None
        if outputs is None
        else {
            "folder": str(folder),
            "sha256": outputs.sha256,
            "extensions": outputs.extensions,
            **outputs.record(),
            "strips_of_other_targets": others,
            "strips_of_no_result": copies,
        },
        **provenance(
            judged,
            dataset,
            scorer,
            counts(pairs, train),
            scorer.seconds | {"total": time.perf_counter() - started},
        ),
    }
    result = json.loads(json.dumps(result))
    if out is not None:
        put_aside(paths.of(out), result)
        write(paths.of(out), result)
    return result


def pictures(
    folder: str | os.PathLike,
    dataset: str,
    test: stores.Split,
    pairs: np.ndarray,
    listed: np.ndarray,
    frame: Frame | None,
    progress: bool = False,
    naming: str | None = None,
) -> Outputs:
    """The pictures of pairs (P, 2) in a folder that may hold those of all listed ones.

    Args:
      frame: whose cut is another size that panels may have.
      progress: also print what was understood and what was passed over.
      naming: as of `judge`.

    Raises:
      InputError: the folder lies in a bucket, as pgjax.images.generated_folders.Outputs, or it is not clear
        how pictures were made square, or `naming` says it where there are no squares.
    """
    if paths.in_bucket(paths.of(folder)):
        raise InputError(
            f"{folder}: pictures are read from this machine alone; copy the folder here"
        )
    size = data.find(dataset).size
    known = result_names.find(naming)
    cut = None if frame is None else frame.crop
    sizes = [size] if cut is None or cut == size else [size, cut]
    padded = protocols.find("patn").frame(dataset)
    square = LARGE.get(dataset)
    if padded is not None and padded.crop is not None:
        square = Square((padded.crop[0], padded.crop[1] + 2 * padded.pad), padded.crop)
    if square is None and known is not None and known.square is not None and not known.own:
        raise InputError(
            f"--naming={naming}: belongs to squares of DeepFashion's photos; pictures of {dataset} are none"
        )
    named, others = (
        [(test.names[a], test.names[b]) for a, b in chosen_pairs]
        for chosen_pairs in (pairs, listed)
    )

    def watch(items: Iterable) -> Iterable:
        return watched(items, len(pairs), "reading", "picture", quiet=not progress)

    outputs = Outputs(folder, named, sizes, others, watch, naming, square)
    if square is not None:
        squares.tell(outputs, folder, test, pairs, square, naming)
        squares.refuse_others(outputs, folder, dataset, square, sizes)
    for note in [*outputs.notes, outputs.understood()] if progress else ():
        print(f"{folder}: {note}", file=sys.stderr)
    return outputs


def _alike(panels: Sequence[Panels]) -> np.ndarray:
    """The generated images, (B, H, W, 3).

    Raises:
      InputError: some are as wide as the data set's photos, and some are cut.
    """
    shapes = {panel.generated.shape for panel in panels}
    if len(shapes) > 1:
        raise InputError(f"pictures of several sizes: {sorted(shape[:2] for shape in shapes)}")
    return np.stack([panel.generated for panel in panels])


def _other_targets(panels: Sequence[Panels], targets: np.ndarray) -> int:
    """How many strips show another target than the data set's photo."""
    shown = [(panel.target, target) for panel, target in zip(panels, targets, strict=True)]
    return sum(
        squares.apart(panel, target) > ANOTHER for panel, target in shown if panel is not None
    )


def _copies(panels: Sequence[Panels], targets: np.ndarray) -> int:
    """How many strips have the data set's photo where the generated image should be."""
    strips = [(panel, target) for panel, target in zip(panels, targets, strict=True) if panel.strip]
    return sum(squares.apart(panel.generated, target) < COPY for panel, target in strips)
