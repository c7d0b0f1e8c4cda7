"""Agreement of a pose estimator with the published keypoints of real photos, and photos a second.

    python -m benchmarks.keypoints --raw=RAW --weights=WEIGHTS \\
        --out=benchmarks/results/keypoints_cpu.json

On the DeepFashion photos in RAW/deepfashion/images, and on crops of Market-1501's test split (--limit of
each, chosen by a seed; of Market-1501 the people alone, who have a published joint). Of the published
joints: `within`, the share found within 5 % of the photo's height, and `not_found`; of the found joints
`false`, those that are not published; `median_px`, over the joints that both have. The published ones are
themselves OpenPose's. `photos_per_second` is one photo after another, decoding left out, compiling too.

--as_published normalises every photo by itself, as the published graph does. --picture draws the photos
beside each other: published joints left, found ones right. The pictures of these data sets may not be
published: keep them out of the repository.
"""

import functools
import json
import pathlib
import time
import zipfile
from collections.abc import Iterator

import numpy as np

from benchmarks import measure
from pgjax import keypoints
from pgjax.data import pairs
from pgjax.frozen import estimators
from pgjax.frozen.estimators.openpose import OpenPose
from pgjax.images import photo, pixels
from pgjax.pose.drawing import draw_skeleton
from pgjax.runtime import cpu_process
from pgjax.tools import cli

NEAR = 0.05  # of the photo's height
DRAWN = 24


def deepfashion(raw: pathlib.Path) -> dict:
    """{name: (photo as bytes or path, Pose)} of the photos with a published joint."""
    published = keypoints.read(raw / "deepfashion" / "fasion-resize-annotation-test.csv")
    paths = sorted((raw / "deepfashion" / "images").iterdir())
    found = keypoints.for_photos(published, paths)
    return {str(p): (p, found[str(p)][0]) for p in paths if found.get(str(p))}


def market1501(raw: pathlib.Path) -> dict:
    folder = raw / "market1501"
    published = keypoints.read(folder / "market-annotation-test.csv")
    archive = zipfile.ZipFile(folder / "Market-1501-v15.09.15.zip")
    names = {name.rpartition("/")[2]: name for name in archive.namelist() if "_test/" in name}
    return {
        name: (functools.partial(archive.read, names[name]), people[0])
        for name, people in sorted(published.items())
        if people and name in names and not pairs.junk([name]).any()
    }


DATA = {"deepfashion": deepfashion, "market1501": market1501}


def compared(photos: dict, estimator: estimators.Estimator) -> tuple[dict, list]:
    """The figures, and (photo, published, found) of each."""
    loaded = [
        (photo.read_photo(source() if callable(source) else source), pose)
        for source, pose in photos.values()
    ]
    for size in {picture.shape for picture, _ in loaded}:
        estimator(np.zeros(size, np.uint8))
    started = time.perf_counter()
    found = [estimator(picture) for picture, _ in loaded]
    seconds = time.perf_counter() - started
    triples = [
        (picture, pose, people) for (picture, pose), people in zip(loaded, found, strict=True)
    ]
    return figures(triples) | {
        "photos_per_second": measure.rounded(len(loaded) / seconds, 3)
    }, triples


def figures(triples) -> dict:
    published = within = missing = given = false = 0
    distances: list[float] = []
    for picture, pose, people in triples:
        seen = people[0].visible if people else np.zeros_like(pose.visible)
        both = seen & pose.visible
        if people:
            gap = np.linalg.norm(people[0].keypoints - pose.keypoints, axis=1)[both]
            within += int((gap <= NEAR * picture.shape[0]).sum())
            distances += gap.tolist()
        published += int(pose.visible.sum())
        given += int(seen.sum())
        missing += int((pose.visible & ~seen).sum())
        false += int((seen & ~pose.visible).sum())
    return {
        "photos": len(triples),
        "published_joints": published,
        "within": round(within / published, 3),
        "not_found": round(missing / published, 3),
        "false": round(false / max(1, given), 3),
        "median_px": round(float(np.median(distances)), 2) if distances else None,
        "nobody": sum(not people for _, _, people in triples),
    }


def drawn(triples) -> np.ndarray:
    """Published joints left and found ones right, four photos in a row."""
    cells = []
    for picture, pose, people in triples[:DRAWN]:
        cells.append(draw_skeleton(picture, pose.keypoints, pose.visible))
        found = (
            people[0] if people else keypoints.make_pose(np.zeros((18, 2)), confidence=np.zeros(18))
        )
        cells.append(draw_skeleton(picture, found.keypoints, found.visible))
    cells = cells[: len(cells) // 8 * 8]
    rows = [cells[i : i + 8] for i in range(0, len(cells), 8)]
    return pixels.grid(rows, scale=max(1, 256 // triples[0][0].shape[0]))


def chosen(photos: dict, limit: int) -> Iterator:
    names = list(photos)
    picked = np.random.default_rng(0).permutation(len(names))[:limit]
    return ((names[i], photos[names[i]]) for i in sorted(picked))


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.keypoints",
        description="Compare a pose estimator with the published keypoints of real photos.",
    )
    parser.add_argument(
        "--raw", metavar="DIR", required=True, help="folder of both data sets' files"
    )
    parser.add_argument("--weights", metavar="PATH", help="the estimator's --model")
    parser.add_argument("--estimator", choices=estimators.ESTIMATORS, default="openpose")
    parser.add_argument("--as_published", action="store_true", help="each photo's own statistics")
    parser.add_argument("--limit", type=int, default=500, help="photos of each (default: 500)")
    parser.add_argument("--picture", metavar="DIR", help="draws DIR/NAME.png of the first photos")
    parser.add_argument("--out", metavar="FILE", help="gets all lines as JSON")
    args = parser.parse_args(argv)
    if args.as_published:
        estimator = OpenPose(args.weights or estimators.WEIGHTS, fixed=False)
    else:
        estimator = estimators.load(args.estimator, args.weights)
    lines = []
    for name, photos in DATA.items():
        found, triples = compared(
            dict(chosen(photos(pathlib.Path(args.raw)), args.limit)), estimator
        )
        lines.append({"data": name, "size": list(triples[0][0].shape[:2]), **found})
        print(json.dumps(lines[-1]), flush=True)
        if args.picture:
            pixels.write_png(pathlib.Path(args.picture) / f"{name}.png", drawn(triples))
    settings = {"estimator": args.estimator, "as_published": args.as_published}
    measure.write(args.out, measure.machine() | settings | {"lines": lines})


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
