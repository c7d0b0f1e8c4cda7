"""What the page's modules compute, run by Node, beside pgjax and Pillow."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from pgjax import keypoints
from pgjax.frozen import openpose_mobilenet
from pgjax.frozen.estimators import openpose
from pgjax.images.photo import MODES, fit
from pgjax.keypoints import limbs, make_pose
from pgjax.serving.page import site

SIZE = (16, 8)
PHOTOS = (16, 8), (33, 21), (60, 12), (7, 40), (48, 24), (5, 3)
RUN = """
import { readFileSync } from "node:fs";
import { fit, laid, taken, toPicture, toPhoto } from "./placement.js";
import { readPose, writePose } from "./pose_files.js";
import { found, networkSize } from "./people.js";
import { dragged, refitted } from "./skeleton.js";

const asked = JSON.parse(readFileSync(0, "utf8"));
const list = ({ data }) => [...data];
const laidOut = asked.photos.map(({ height, width, data, mode }) => {
  const photo = { height, width, data: Uint8Array.from(data) };
  const placement = fit([height, width], asked.size, mode);
  const picture = laid(placement, photo);
  const there = asked.points.map((point) => toPicture(placement, point));
  const back = there.map((point) => toPhoto(placement, point));
  return { picture: list(picture), photo: list(taken(placement, picture, photo)), there, back };
});
const read = Object.entries(asked.files).map(([name, text]) => [name, readPose(text, name)]);
const { person, poses } = asked;
process.stdout.write(JSON.stringify({
  laidOut,
  read: Object.fromEntries(read),
  refitted: poses.map((pose) => refitted(asked.skeleton, person, pose)),
  dragged: asked.drags.map(([joint, to, keep]) => dragged(asked.skeleton, person, joint, to, keep)),
  sizes: asked.sizes.map((size) => networkSize(asked.estimator, size)),
  found: asked.maps.map(({ height, width, joints, fields }) => found(asked.estimator, {
    height, width, joints: Float32Array.from(joints), fields: Float32Array.from(fields),
  }, 18)),
  written: poses.map((pose) => writePose(pose, [64, 32])),
}));
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What was asked of the modules, and what they gave."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    folder = tmp_path_factory.mktemp("modules")
    for name in ("people", "placement", "pose_files", "skeleton"):
        shutil.copy(site.FILES / f"{name}.js", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "run.js").write_text(RUN)
    rng = np.random.default_rng(0)
    asked = {
        "size": SIZE,
        "skeleton": site.skeleton_settings(),
        "points": [{"y": 0, "x": 0}, {"y": 3.25, "x": 1.7}],
        "photos": [],
        "person": _json(_pose(rng, missing=())),
        "poses": [
            _json(_pose(rng, missing)) for missing in ((), (1, 4), (0, 1, 2, 3), (8, 11, 16))
        ],
        "files": {},
        "estimator": site.estimator_settings(),
        "sizes": [[64, 32], [1280, 720], [100, 900], [368, 184], [33, 21]],
        "maps": [_maps(np.random.default_rng(seed), people=seed) for seed in range(4)],
        "drags": [
            (3, {"y": 20, "x": 9}, True),
            (3, {"y": 20, "x": 9}, False),
            (1, {"y": 5, "x": 5}, True),
        ],
    }
    for height, width in PHOTOS:
        data = rng.integers(0, 256, height * width * 3).tolist()
        for mode in MODES:
            asked["photos"].append({"height": height, "width": width, "data": data, "mode": mode})
    for format in ("openpose", "openpose25", "coco17", "coco17_results"):
        path = folder / f"{format}.json"
        keypoints.write(path, {"a.png": [_pose(rng, missing=(4, 7))]}, format)
        asked["files"][format] = path.read_text()
    done = subprocess.run(
        [node, "run.js"], input=json.dumps(asked), capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder, asked, json.loads(done.stdout)


def _pose(rng, missing):
    points = rng.uniform((4, 4), (60, 28), (18, 2)).round(3)
    return make_pose(points, ~np.isin(np.arange(18), missing), size=(64, 32))


def _maps(rng, people):
    """What a network gives that sees so many people, and something where nobody is; in lists."""
    height, width = 30, 24
    rows, columns = np.mgrid[:height, :width]
    joints = rng.uniform(0, 0.15, (height, width, 18))
    fields = rng.normal(0, 0.03, (height, width, len(openpose_mobilenet.LIMBS), 2))
    for _ in range(people):
        points = rng.uniform((1, 1), (height - 2, width - 2), (18, 2))
        for joint in np.flatnonzero(rng.random(18) < 0.9):
            y, x = points[joint]
            joints[..., joint] += rng.uniform(0.3, 0.8) * np.exp(
                -((rows - y) ** 2 + (columns - x) ** 2)
            )
        for limb, (a, b) in enumerate(openpose_mobilenet.LIMBS):
            along = points[b] - points[a]
            for share in np.linspace(0, 1, 60):
                y, x = np.round(points[a] + share * along).astype(int)
                fields[y, x, limb] = along / np.linalg.norm(along)
    sides = {"height": height, "width": width}
    return sides | {
        k: v.astype(np.float32).ravel().tolist()
        for k, v in (("joints", joints), ("fields", fields))
    }


def _json(pose):
    return [
        {"y": float(y), "x": float(x)} if seen else None
        for (y, x), seen in zip(pose.keypoints.astype(float).round(3), pose.visible, strict=True)
    ]


def _arrays(points):
    """(18, 2) and (18,) of a pose of the page."""
    seen = np.array([point is not None for point in points])
    return np.array([(p["y"], p["x"]) if p else (0, 0) for p in points]), seen


def test_photos_are_laid_as_pillow_resizes_them(ran):
    _, asked, given = ran
    assert len(given["laidOut"]) == len(PHOTOS) * len(MODES)
    for photo, found in zip(asked["photos"], given["laidOut"], strict=True):
        size = photo["height"], photo["width"]
        image = np.array(photo["data"], np.uint8).reshape(*size, 3)
        placement = fit(size, SIZE, photo["mode"])
        picture = placement.image(image)
        np.testing.assert_array_equal(np.reshape(found["picture"], picture.shape), picture)
        back = placement.back(picture, around=image)
        np.testing.assert_array_equal(np.reshape(found["photo"], back.shape), back)
        points = np.array([(p["y"], p["x"]) for p in asked["points"]], np.float32)
        there = np.array([(p["y"], p["x"]) for p in found["there"]], np.float32)
        np.testing.assert_array_equal(there, placement.points(points))
        np.testing.assert_array_equal(
            np.array([(p["y"], p["x"]) for p in found["back"]], np.float32),
            placement.points_back(there),
        )


def test_poses_get_the_persons_limb_lengths(ran):
    _, asked, given = ran

    def pose(points):
        return make_pose(*_arrays(points), size=(64, 32))

    for target, found in zip(asked["poses"], given["refitted"], strict=True):
        (expected,) = limbs.refit(pose(asked["person"]), [pose(target)])
        points, seen = _arrays(found)
        np.testing.assert_array_equal(seen, expected.visible)
        np.testing.assert_allclose(points, expected.keypoints, atol=2e-3)


def test_files_of_poses_are_those_of_pgjax(ran):
    folder, asked, given = ran
    for format, read in given["read"].items():
        (people,) = keypoints.read(folder / f"{format}.json").values()
        points, seen = _arrays(read["pose"])
        np.testing.assert_array_equal(seen, people[0].visible)
        np.testing.assert_allclose(points, people[0].keypoints, atol=1e-3)
        assert read["size"] == ([64, 32] if format.startswith("openpose") else None)
        assert read["people"] == 1
    for number, (pose, text) in enumerate(zip(asked["poses"], given["written"], strict=True)):
        path = folder / f"written{number}.json"
        path.write_text(text)
        (people,) = keypoints.read(path).values()
        points, seen = _arrays(pose)
        assert people[0].size == (64, 32)
        np.testing.assert_array_equal(people[0].visible, seen)
        np.testing.assert_allclose(people[0].keypoints, points, atol=1e-5)


def test_a_dragged_limb_keeps_its_length_where_it_is_asked_to(ran):
    _, asked, given = ran
    before, _ = _arrays(asked["person"])
    kept, free, whole = (_arrays(points)[0] for points in given["dragged"])
    to = np.array((20, 9))
    np.testing.assert_allclose(free[3], to)
    np.testing.assert_array_equal(np.delete(free, 3, 0), np.delete(before, 3, 0))
    shoulder = before[2]
    length = np.linalg.norm(before[3] - shoulder)
    direction = (to - shoulder) / np.linalg.norm(to - shoulder)
    np.testing.assert_allclose(kept[3], shoulder + length * direction, atol=2e-3)
    # The wrist comes along, and nothing else does.
    np.testing.assert_allclose(kept[4] - before[4], kept[3] - before[3], atol=2e-3)
    others = [joint for joint in range(18) if joint not in (3, 4)]
    np.testing.assert_array_equal(kept[others], before[others])
    # All hangs on the neck.
    np.testing.assert_allclose(
        whole - before, np.broadcast_to((5, 5) - before[1], (18, 2)), atol=2e-3
    )


def test_the_estimator_sees_photos_at_the_same_size(ran):
    _, asked, given = ran
    assert [tuple(size) for size in given["sizes"]] == [
        openpose.network_size(tuple(size)) for size in asked["sizes"]
    ]


def test_people_are_found_in_maps_as_the_estimator_finds_them(ran, monkeypatch):
    """The estimator of pgjax with these maps in the place of its network's."""
    _, asked, given = ran
    estimator = object.__new__(openpose.OpenPose)
    monkeypatch.setattr(openpose, "network_size", lambda size: size)
    monkeypatch.setattr(
        openpose_mobilenet, "apply", lambda maps, _: (maps["joints"], maps["fields"])
    )
    openpose._candidates.clear_cache()
    several = 0
    for maps, points in zip(asked["maps"], given["found"], strict=True):
        shape = maps["height"], maps["width"]
        joints = np.array(maps["joints"], np.float32).reshape(1, *shape, 18)
        fields = np.array(maps["fields"], np.float32).reshape(1, *shape, -1, 2)
        estimator._params, estimator._threshold = (
            {"joints": joints, "fields": fields},
            keypoints.THRESHOLD,
        )
        photo = np.zeros((8 * shape[0], 8 * shape[1], 3), np.uint8)
        several += len(estimator(photo, everyone=True)) > 1
        poses = estimator(photo)
        found, seen = _arrays(points)
        assert seen.any() == bool(poses)
        if poses:
            np.testing.assert_array_equal(seen, poses[0].visible)
            inside = found.clip(0, np.array(photo.shape[:2]) - 1)
            np.testing.assert_allclose(inside[seen], poses[0].keypoints[seen], atol=1e-3)
    assert several == 2
    openpose._candidates.clear_cache()
