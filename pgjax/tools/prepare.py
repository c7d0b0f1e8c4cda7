"""Builds a data set: python -m pgjax.tools.prepare DATASET --raw DIR --data_dir DIR [--size HxW ...]

Checks every file and stops at the first fault. The last line on standard output is JSON:
{"images": {split: n}, "identities": {split: n}, "train_pairs": n, "test_pairs": n}. Market-1501's junk and
distractors are not counted as identities. Training pairs follow the four-joint rule
(docs/reference_facts.md, 5.3), or are own ones. For custom photos, standard error first says how the
folder was understood (docs/datasets.md). It also says how many photos were left out, and why.
"""

import json
import os
import sys
from collections.abc import Mapping

from pgjax import data, keypoints
from pgjax.data import lists, pairs, split_folders, store
from pgjax.data.fashion_frames import RESIZES
from pgjax.errors import InputError
from pgjax.tools import cli, extension_flag, keypoint_flags


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
    """How many pairs the four-joint rule finds, or its user has given."""
    if split.pairs is not None:
        return len(split.pairs)
    return len(pairs.deformable(split.names, split.identities, split.store.visible))


def remarks(name: str, data_dir: str | os.PathLike = data.DATA_DIR) -> list[str]:
    """What the builder noted: what it found missing, and what it left out for which reason."""
    metadata = data.load(name, data_dir).info.metadata or {}
    lines = [f"note: {note}" for note in metadata.get("notes", ())]
    for what, reasons in metadata.get("excluded", {}).items():
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        lines.append(f"excluded {what}: {counts}")
    return lines + _misread(name, data_dir, metadata)


def _misread(name: str, data_dir: str | os.PathLike, metadata: Mapping) -> list[str]:
    """A line on custom photos whose folders of splits an earlier version took for people."""
    if "published_split" in metadata or "options" not in metadata or "layout" in metadata:
        return []
    splits = data.load(name, data_dir).info.splits
    people = {
        who
        for split in splits
        for who in store.load_split(name, split, data_dir, memory_limit=0).identities
        if split_folders.is_one(who)
    }
    if not people:
        return []
    return [
        f"warning: its people are called {', '.join(sorted(people))}: folders of splits, perhaps, which "
        f"an earlier version took for people; remove {data.path(name, data_dir)} to build it anew"
    ]


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.prepare",
        description="Build a data set from published files or own photos, and check it. Prints the counts as "
        "one line of JSON. docs/datasets.md describes the folders.",
        epilog=keypoints.FORMAT_IS,
    )
    parser.add_argument("dataset", help=f"one of {', '.join(data.DATASETS)}")
    parser.add_argument(
        "--raw",
        metavar="DIR",
        help="folder of the input files. market1501: Market-1501-v15.09.15.zip or its unpacked folder, "
        "market-annotation-train.csv, market-annotation-test.csv, and optionally market-pairs-test.csv. "
        "deepfashion, deepfashion_256x176, deepfashion_512x352: img.zip or img_highres.zip, its unpacked "
        "folder, or flattened photos; and the annotations and test pairs of one published split, such as "
        "fasion-resize-*.csv, and optionally train.lst and test.lst. custom: photos with one folder for "
        "each person, or with names PERSON_*, with or without folders train and test; and "
        "their keypoints; not needed for synthetic data",
    )
    parser.add_argument(
        "--data_dir",
        metavar="DIR",
        default=data.DATA_DIR,
        help="folder of built data sets, or gs://BUCKET/FOLDER (default: %(default)s)",
    )
    parser.add_argument(
        "--resize",
        metavar="|".join(RESIZES),
        help="deepfashion_256x176, deepfashion_512x352: the filter with which the photos of img_highres.zip "
        "are made smaller, even if those of img.zip are there too (default: pil_bicubic, as CFLD)",
    )
    custom = parser.add_argument_group("custom photos")
    custom.add_argument(
        "--size",
        metavar="HxW",
        help="height and width of the stored images (default: 256x256); the name of the data set in a row is "
        "custom_HxW",
    )
    custom.add_argument(
        "--keypoints",
        metavar="PATH",
        help="file or folder of the keypoints (default: keypoints.* in --raw)",
    )
    keypoint_flags.add_format(custom)
    keypoint_flags.add_threshold(custom)
    custom.add_argument(
        "--fit",
        help="how a photo is brought to --size. letterbox: the whole photo, with its edge repeated; crop: "
        "the photo fills the image and is cut; stretch: height and width are scaled separately (default: "
        "letterbox)",
    )
    custom.add_argument(
        "--persons",
        metavar="HOW",
        help="how the person of a photo is found. folder: the first folder below the splits; subfolder: "
        "all folders below the splits; name: the file name up to the first _; or a regular expression, "
        "whose group 1 in the path of the photo is the person (default: found from folders and names)",
    )
    custom.add_argument(
        "--splits",
        metavar="|".join(split_folders.WAYS),
        help="folders: folders such as train and test are the splits; dealt: people are divided at "
        "random, whatever the folders are called (default: found from folders and lists)",
    )
    for option in lists.OPTIONS:
        split, _, kind = option.partition("_")
        what = (
            "the photos of the split {}, one in each line"
            if kind == "list"
            else "the pairs of the split {}, with the header from,to"
        )
        custom.add_argument(f"--{option}", metavar="FILE", help=what.format(split))
    custom.add_argument(
        "--test_share",
        type=float,
        help="share of the people in the test split, if people are divided at random (default: 0.2)",
    )
    custom.add_argument(
        "--seed", type=int, help="seed by which people are divided at random (default: 0)"
    )
    extension_flag.add(parser)
    arguments = parser.parse_args(argv)
    name, data_dir = arguments.dataset, arguments.data_dir
    if arguments.size is not None:
        if name != "custom":
            raise InputError(f"--size {arguments.size}: photos of {name} have a size of their own")
        name = f"custom_{arguments.size}"
    names = ("keypoints", "format", "threshold", "fit", "persons", "splits", *lists.OPTIONS)
    names += ("test_share", "seed", "resize")
    options = {key: getattr(arguments, key) for key in names if getattr(arguments, key) is not None}
    place = data.path(name, data_dir)
    if data.is_built(name, data_dir):
        print(f"{place} is built already; remove it to build it anew", file=sys.stderr)
        layout = (data.load(name, data_dir).info.metadata or {}).get("layout", ())
        print(*layout, sep="\n", end="\n" if layout else "", file=sys.stderr)
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
    for use in [use for use in ("train", "test") if not counts[f"{use}_pairs"]]:
        why = "expected two photos of one person at least, in which both shoulders and both hips are visible"
        if use not in counts["images"]:
            why = f"there is no split {use}"
        print(f"warning: no {use} pair: {why}", file=sys.stderr)
    print(json.dumps(counts))


if __name__ == "__main__":
    cli.run(main)
