"""Draws the people of a re-identification data set in new poses: python -m pgjax.tools.augment

    pgjax augment --model runs/full/export --photos Market-1501-v15.09.15/bounding_box_train \\
        --keypoints market-annotation-train.csv --per_identity 8 --out augmented

--photos is a folder of files with names as in Market-1501, or of folders with such files (one for each
person). For each identity, --per_identity images are drawn: its photos in the poses of other identities. The
poses are those of --pose_photos and --pose_keypoints, if these are given. The name of an image is that of its
source, with a new frame number from 900000 on. OUT also gets keypoints.csv with the joints of every image,
and manifest.csv: name, source, pose (these two as paths below their folders), model (sha256 of its weights),
seed, batch_size. The same arguments draw the same images. A run that was stopped continues.

A photo is used only if it can be read and its hips and shoulders are known. The identities -1 and 0000 (junk
and distractors) are not used as sources. A line says what is left out. The command prints
{"images": n, "drawn": n, "identities": n} as JSON. Such images show real people as they were never seen: see
the model's card.
"""

import json
import sys

from pgjax import keypoints
from pgjax.errors import InputError
from pgjax.runtime import cpu_process
from pgjax.tools import cli, extension_flag, keypoint_flags


def main(argv: list[str] | None = None) -> None:
    arguments = _parser().parse_args(argv)
    if arguments.per_identity < 1 or arguments.seed < 0:
        raise InputError("--per_identity and --seed: expected a positive number, and one from 0 on")
    if (arguments.pose_photos is None) != (arguments.pose_keypoints is None):
        raise InputError("--pose_photos and --pose_keypoints: expected both or none")

    from pgjax.files import buckets, paths
    from pgjax.runtime import compilation
    from pgjax.serving import augmentation, reid_photos
    from pgjax.serving.transfer import PoseTransfer
    from pgjax.training import model_folder

    poses = reid_photos.usable(
        arguments.photos, arguments.keypoints, arguments.out, arguments.format
    )
    targets = poses
    if arguments.pose_photos is not None:
        targets = reid_photos.usable(
            arguments.pose_photos, arguments.pose_keypoints, format=arguments.format
        )
    junk = [name for name in poses if reid_photos.is_junk(name)]
    if junk:
        print(
            f"{arguments.photos}: {len(junk)} photos of junk and distractors (identities "
            f"{' and '.join(reid_photos.JUNK)}) get no images",
            file=sys.stderr,
        )
    items = augmentation.plan(poses, list(targets), arguments.per_identity, arguments.seed)
    augmentation = augmentation.Augmentation(
        arguments.photos,
        poses,
        items,
        target_poses=targets,
        refit=arguments.refit,
    )
    compilation.keep()
    transfer = PoseTransfer.load(arguments.model, arguments.batch_size)
    digest = model_folder.check(buckets.local(paths.of(arguments.model)))[model_folder.WEIGHTS]
    drawn = augmentation.write(
        arguments.out, transfer, digest, arguments.seed, arguments.batch_size
    )
    identities = {item.name.partition("_")[0] for item in items}
    print(json.dumps({"images": len(items), "drawn": drawn, "identities": len(identities)}))


def _parser() -> cli.ArgumentParser:
    parser = cli.ArgumentParser(
        prog="python -m pgjax.tools.augment",
        description="Draw people in new poses. The photos have names as in Market-1501.",
        epilog=keypoints.FORMAT_IS,
    )
    add = parser.add_argument
    add("--model", metavar="DIR", required=True, help="exported model, such as WORKDIR/export")
    add("--photos", metavar="DIR", required=True, help="folder of the photos")
    add("--keypoints", metavar="FILE", required=True, help="keypoints of the photos, in any format")
    keypoint_flags.add_format(parser, of="all keypoints")
    add(
        "--out",
        metavar="DIR",
        required=True,
        help="folder for the images; a run that was stopped continues in its folder",
    )
    add(
        "--per_identity",
        metavar="K",
        type=int,
        default=4,
        help="number of images for each person (default: %(default)s)",
    )
    add(
        "--seed",
        type=int,
        default=0,
        help="seed for the choice of photos and poses (default: %(default)s)",
    )
    add(
        "--pose_photos",
        metavar="DIR",
        help="take the new poses from these photos (default: from --photos)",
    )
    add("--pose_keypoints", metavar="FILE", help="keypoints of --pose_photos")
    add("--refit", action="store_true", help="give the poses the limb lengths of the source person")
    add(
        "--batch_size",
        type=int,
        default=8,
        help="number of images that are drawn together (default: %(default)s)",
    )
    extension_flag.add(parser)
    return parser


if __name__ == "__main__":
    cpu_process.begin()
    cli.run(main)
