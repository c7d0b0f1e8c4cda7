"""Builds a data set: python -m pgjax.tools.prepare DATASET --raw DIR --data_dir DIR

Checks every file on the way and stops at the first fault. The last line on standard output is JSON:
{"images": {split: n}, "identities": {split: n}, "train_pairs": n, "test_pairs": n}, identities
without Market-1501's junk and distractors, training pairs under the four-joint rule (reference
fact 5.3).
"""

import json
import os
import sys

from pgjax import cli, data
from pgjax.data import pairs, store


def summary(name: str, data_dir: str | os.PathLike = data.DATA_DIR) -> dict:
    """Counts of a built data set, as the command prints them."""
    splits = {
        split: store.load_split(name, split, data_dir, memory_limit=0)
        for split in data.load(name, data_dir).info.splits
    }
    train, test = splits.get("train"), splits.get("test")
    return {
        "images": {split: len(loaded.names) for split, loaded in splits.items()},
        "identities": {
            split: len(set(loaded.identities[~pairs.junk(loaded.names)]))
            for split, loaded in splits.items()
        },
        "train_pairs": 0 if train is None else len(store.train_pairs(train, "deformable")),
        "test_pairs": 0 if test is None else len(store.test_pairs(name, test, data_dir)),
    }


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
    parser.add_argument("dataset", choices=data.DATASETS, help="name of the data set")
    parser.add_argument(
        "--raw",
        metavar="DIR",
        help="folder of the files as published; market1501: Market-1501-v15.09.15.zip or its "
        "unpacked folder, market-annotation-train.csv, market-annotation-test.csv and, if at hand, "
        "market-pairs-test.csv; not needed for synthetic data",
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    name, data_dir = arguments.dataset, arguments.data_dir
    place = data.path(name, data_dir)
    if data.is_built(name, data_dir):
        print(f"{place} is built already; remove it to build it anew", file=sys.stderr)
    else:
        data.build(name, data_dir, arguments.raw)
    for line in remarks(name, data_dir):
        print(line, file=sys.stderr)
    counts = summary(name, data_dir)
    for split, images in counts["images"].items():
        print(f"{split}: {images} images of {counts['identities'][split]} people", file=sys.stderr)
    print(
        f"{counts['train_pairs']} training pairs, {counts['test_pairs']} test pairs in {place}",
        file=sys.stderr,
    )
    print(json.dumps(counts))


if __name__ == "__main__":
    cli.run(main)
