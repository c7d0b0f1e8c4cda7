"""Builds a data set: python -m pgjax.tools.prepare DATASET --raw DIR --data_dir DIR [--size HxW ...]

Checks every file on the way and stops at the first fault. The last line on standard output is JSON:
{"images": {split: n}, "identities": {split: n}, "train_pairs": n, "test_pairs": n}, identities
without Market-1501's junk and distractors, training pairs under the four-joint rule (reference
fact 5.3). What the builder left out stands on standard error, counted, with the reasons.
"""

import json
import os
import sys

from pgjax import cli, data
from pgjax.data import pairs, store
from pgjax.errors import InputError


def summary(name: str, data_dir: str | os.PathLike = data.DATA_DIR) -> dict:
    """Counts of a built data set, as the command prints them."""
    splits = {
        split: store.load_split(name, split, data_dir, memory_limit=0)
        for split in data.load(name, data_dir).info.splits
    }
    found = {split: _count(loaded) for split, loaded in splits.items()}
    drawn = len(store.test_pairs(name, splits["test"], data_dir)) if found.get("test") else 0
    return {
        "images": {split: len(loaded.names) for split, loaded in splits.items()},
        "identities": {
            split: len(set(loaded.identities[~pairs.junk(loaded.names)]))
            for split, loaded in splits.items()
        },
        "train_pairs": found.get("train", 0),
        "test_pairs": drawn,
    }


def _count(split: store.Split) -> int:
    """How many pairs the four-joint rule finds."""
    return len(pairs.deformable(split.names, split.identities, split.store.visible))


def remarks(name: str, data_dir: str | os.PathLike = data.DATA_DIR) -> list[str]:
    """What the builder noted: what it found missing, and what it left out for which reason."""
    metadata = data.load(name, data_dir).info.metadata or {}
    lines = [f"note: {note}" for note in metadata.get("notes", ())]
    for what, reasons in metadata.get("excluded", {}).items():
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        lines.append(f"excluded {what}: {counts}")
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.prepare",
        description="Build a data set and check it. Prints its counts as one line of JSON.",
    )
    parser.add_argument("dataset", help=f"one of {', '.join(data.DATASETS)}")
    parser.add_argument(
        "--raw",
        metavar="DIR",
        help="folder of the files as published; market1501: Market-1501-v15.09.15.zip or its "
        "unpacked folder, market-annotation-train.csv, market-annotation-test.csv and, if at hand, "
        "market-pairs-test.csv; deepfashion: img.zip, its unpacked folder img or flattened photos, and "
        "the annotations and test pairs of one published split, such as fasion-resize-*.csv; custom: "
        "photos in a folder a person, or named PERSON_*, and their keypoints; not needed for synthetic "
        "data",
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets, or gs://BUCKET/FOLDER (default: %(default)s)",
    )
    custom = parser.add_argument_group("custom photos")
    custom.add_argument(
        "--size",
        metavar="HxW",
        help="of the pictures, 256x256 if not given; rows name the data set custom_HxW",
    )
    custom.add_argument(
        "--keypoints", metavar="PATH", help="their file or folder (default: keypoints.* in --raw)"
    )
    custom.add_argument(
        "--threshold", type=float, help="joints need more confidence (default: 0.1)"
    )
    custom.add_argument(
        "--fit",
        help="letterbox: the whole photo, its edge repeated; crop: the picture filled; stretch "
        "(default: letterbox)",
    )
    custom.add_argument(
        "--test_share", type=float, help="share of the people for the test split (default: 0.2)"
    )
    custom.add_argument("--seed", type=int, help="deals people to the splits (default: 0)")
    arguments = parser.parse_args(argv)
    name, data_dir = arguments.dataset, arguments.data_dir
    if arguments.size is not None:
        if name != "custom":
            raise InputError(f"--size {arguments.size}: photos of {name} have a size of their own")
        name = f"custom_{arguments.size}"
    names = ("keypoints", "threshold", "fit", "test_share", "seed")
    options = {key: getattr(arguments, key) for key in names if getattr(arguments, key) is not None}
    place = data.path(name, data_dir)
    if data.is_built(name, data_dir):
        print(f"{place} is built already; remove it to build it anew", file=sys.stderr)
    data.build(name, data_dir, arguments.raw, **options)
    for line in remarks(name, data_dir):
        print(line, file=sys.stderr)
    counts = summary(name, data_dir)
    for split, images in counts["images"].items():
        print(f"{split}: {images} images of {counts['identities'][split]} people", file=sys.stderr)
    print(
        f"{counts['train_pairs']} training pairs, {counts['test_pairs']} test pairs in {place} "
        f"(DATASET of a row: {name})",
        file=sys.stderr,
    )
    print(json.dumps(counts))


if __name__ == "__main__":
    cli.run(main)
