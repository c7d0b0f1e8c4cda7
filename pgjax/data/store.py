"""A split of a built data set in memory, and the pairs that are drawn from it."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from PIL import Image

from pgjax import data
from pgjax.data import pairs
from pgjax.errors import InputError
from pgjax.pose.batch import Store
from pgjax.pose.skeleton import VIEWS, view_number
from pgjax.progress import announce

CHUNK = 256  # records that a thread reads at a time
THREADS = min(8, os.cpu_count() or 1)
IMAGES = ("image", "background")
PUBLISHED_RULE = "deformable"  # of DeepFashion's published lists (docs/reference_facts.md, 5.3)


class Split(NamedTuple):
    """All N images of a split, in the order of the annotations.

    store: images and joints. names: N file names. identities: (N,) strings. pairs: its user's own for
    training, int32 (P, 2), or None. rule: the one that they were made by, for which alone they stand;
    None: for all.
    """

    store: Store
    names: tuple[str, ...]
    identities: np.ndarray
    pairs: np.ndarray | None = None
    rule: str | None = None


class OnDemand:
    """Images of a split that is too large for memory: decoded when asked for.

    Indexed along the first axis as an array uint8 (N, H, W, 3) is. `rows` (N,) are the images'
    places among the records.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, records, rows: np.ndarray, key: str, size: tuple[int, int]):
        self._records, self._rows, self._key = records, rows, key
        self.shape = (len(rows), *size, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices) -> np.ndarray:
        chosen = np.asarray(self._rows[indices])
        images = np.empty((chosen.size, *self.shape[1:]), np.uint8)
        found = self._records.__getitems__(chosen.reshape(-1).tolist())
        for image, record in zip(images, found, strict=True):
            image[...] = _decode(record, self._key, image.shape)
        return images.reshape(*chosen.shape, *self.shape[1:])


def load_split(
    dataset: str,
    split: str,
    data_dir: str | os.PathLike = data.DATA_DIR,
    memory_limit: int = 4 * 2**30,
) -> Split:
    """Reads a split; its images are decoded once and held, if they fit, else decoded on demand.

    Args:
      dataset: a name that `data.find` knows; it must be built (or generated from a seed).
      split: such as "train" or "test".
      memory_limit: bytes that the decoded images may take.

    Raises:
      FileNotFoundError: the data set is not built.
      InputError: there is no such split, a record is damaged, or the builder's `view_of` gives no view.
    """
    size = data.find(dataset).size
    builder = data.load(dataset, data_dir)
    records = _records(builder, split)
    announce(f"reading the {len(records)} {split} photos of {dataset}")
    keys = [key for key in IMAGES if key in builder.info.features]
    count = len(records)
    shape = (count, *size, 3)
    held = len(keys) * int(np.prod(shape)) <= memory_limit
    rows = np.empty(count, np.int64)
    arrays = {key: np.empty(shape, np.uint8) for key in keys} if held else {}
    images = arrays or {key: OnDemand(records, rows, key, size) for key in keys}
    joints = builder.info.features["keypoints"].shape[0]
    keypoints = np.empty((count, joints, 2), np.float32)
    visible = np.empty((count, joints), bool)
    texts: dict[str, list] = {"name": [None] * count, "identity": [None] * count}

    def read(start: int) -> None:
        chunk = range(start, min(start + CHUNK, count))
        for row, record in zip(chunk, records.__getitems__(list(chunk)), strict=True):
            place = int(record["order"])  # a builder may have written them in any order
            rows[place] = row
            keypoints[place], visible[place] = record["keypoints"], record["visible"]
            for key, values in texts.items():
                values[place] = record[key].decode()
            for key, array in arrays.items():
                array[place] = _decode(record, key, shape[1:])

    try:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(read, range(0, count, CHUNK)))
    except RuntimeError as error:  # array_record's, which checks hashes
        raise InputError(
            f"{builder.data_dir}: split {split} is damaged ({error}); remove it and build it again"
        ) from error
    names = tuple(texts["name"])
    store = Store(
        images["image"], keypoints, visible, images.get("background"), _views(builder, names)
    )
    metadata = (builder.info.metadata or {}) if split == "train" else {}
    own, listed = metadata.get("train_pairs"), metadata.get("published_train_pairs")
    given = own or listed
    return Split(
        store,
        names,
        np.array(texts["identity"]),
        given and _positions(given, names),
        None if own or not listed else PUBLISHED_RULE,
    )


def train_pairs(split: Split, rule: str) -> np.ndarray:
    """All pairs of a split under a rule of `pairs.RULES`, or its user's own, whatever the rule.

    A published list of training pairs stands for the rule that it was made by.

    Returns:
      int32 (P, 2), source and target.

    Raises:
      InputError: there is no such rule, or no pair.
    """
    if rule not in pairs.RULES:
        raise InputError(f"unknown pair rule {rule!r}; there are {', '.join(pairs.RULES)}")
    if split.pairs is not None and split.rule in (None, rule):
        return split.pairs
    found = pairs.RULES[rule](split.names, split.identities, split.store.visible)
    if len(found) == 0:
        raise InputError(f"rule {rule!r} finds no pair among {len(split.names)} images")
    return found


def test_pairs(
    dataset: str, split: Split, data_dir: str | os.PathLike = data.DATA_DIR
) -> np.ndarray:
    """The published or own test pairs, kept when the data set was built, else the rule's sample of 12,000.

    Args:
      split: the data set's split "test", loaded.

    Returns:
      int32 (P, 2), source and target.
    """
    published = (data.load(dataset, data_dir).info.metadata or {}).get("test_pairs")
    if not published:
        return pairs.sample(train_pairs(split, "deformable"))
    return _positions(published, split.names)


# Pytest takes it for a test where it is imported.
test_pairs.__test__ = False  # ty: ignore[missing-attribute]


def _views(builder, names: Sequence[str]) -> np.ndarray | None:
    """The numbers of the photos' views, where the builder tells them of names (`view_of`)."""
    if not hasattr(builder, "view_of"):
        return None
    numbers = np.empty(len(names), np.int8)
    for place, name in enumerate(names):
        view = builder.view_of(name)
        if view is not None and view not in VIEWS:
            raise InputError(
                f"view_of of {builder.name}: {view!r} for the photo {name}; expected "
                f"{', '.join(VIEWS)} or None"
            )
        numbers[place] = view_number(view)
    return numbers


def _positions(named: Sequence[Sequence[str]], names: Sequence[str]) -> np.ndarray:
    positions = {name: position for position, name in enumerate(names)}
    return np.array([[positions[name] for name in pair] for pair in named], np.int32)


def _records(builder, split: str):
    import tensorflow_datasets as tfds

    splits = builder.info.splits
    if split not in splits:
        raise InputError(f"{builder.name} has no split {split!r}; there are {', '.join(splits)}")
    for path in splits[split].filepaths:
        if not path.exists():
            raise FileNotFoundError(
                f"{path}: missing from a built data set; remove its folder and build it again"
            )
    skip = {key: tfds.decode.SkipDecoding() for key in IMAGES if key in builder.info.features}
    return builder.as_data_source(split, decoders=skip)


def _decode(record: dict, key: str, shape: tuple[int, ...]) -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(record[key])))
    if image.shape != shape:
        raise InputError(
            f"{key} of {record['name'].decode()}: expected shape {shape}, found {image.shape}"
        )
    return image
