"""The network against TensorFlow running the published graph, and its weights' files."""

import pathlib
import shutil

import jax
import numpy as np
import pytest
import skimage.data

from pgjax.errors import InputError
from pgjax.frozen import (
    openpose_mobilenet,
    openpose_weights,
    tensorflow_graph,
    weights,
)
from pgjax.frozen.openpose_weights import MOMENTS, SOURCE

GRAPH = "openpose_mobilenet_v2_small.pb"
EXPECTED = pathlib.Path(__file__).with_name("openpose_tensorflow.npz")


@pytest.fixture(scope="module")
def params(shared):
    return openpose_weights.load(shared / "weights")


def _picture(name):
    astronaut = skimage.data.astronaut()
    return {"even": astronaut[:384:4, 64:384:4], "odd": astronaut[:360:5, 60:340:5]}[name]


@pytest.mark.parametrize("name", ["even", "odd"])
def test_maps_are_tensorflows(params, name):
    with np.load(EXPECTED) as file:
        expected = file[name]
    joints, fields = jax.jit(openpose_mobilenet.apply)(params, _picture(name)[None])
    graph_fields = np.empty((*expected.shape[:2], 38), np.float32)
    order = openpose_mobilenet.FIELD_MAPS
    assert sorted(order.ravel()) == list(range(38))
    graph_fields[..., order] = np.asarray(fields[0])[..., ::-1]
    found = np.concatenate([joints[0], graph_fields], axis=-1)
    expected = np.delete(expected, openpose_mobilenet.JOINTS, axis=-1)
    scale = np.abs(expected).max(axis=(0, 1))
    assert scale.min() > 1e-4  # of every map; errors are compared with it
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=5e-3)


def test_fixed_moments_are_those_of_the_file(params):
    picture = _picture("even")[None]
    with np.load(MOMENTS) as file:
        moments = dict(file)
    given = jax.jit(
        lambda params, images: openpose_mobilenet.apply(
            params,
            images,
            lambda name, x: tuple(
                moments[f"{name}/{part}"].reshape(1, 1, 1, -1) for part in ("mean", "variance")
            ),
        )
    )(params, picture)
    folded = jax.jit(openpose_mobilenet.apply)(openpose_weights.fixed(params), picture)
    for ours, theirs in zip(folded, given, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_photo_does_not_depend_on_its_batch(params, fixed):
    params = openpose_weights.fixed(params) if fixed else params
    pictures = np.stack([_picture("even"), np.zeros_like(_picture("even"))])
    together = jax.jit(openpose_mobilenet.apply)(params, pictures)
    alone = jax.jit(openpose_mobilenet.apply)(params, pictures[:1])
    for both, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(both[:1], one, rtol=0, atol=1e-5)


def test_fetched_once_and_kept_as_our_own_file(shared, params, tmp_path, monkeypatch):
    site = tmp_path / "site" / "graph_opt.pb"
    site.parent.mkdir()
    shutil.copy(shared / "weights" / GRAPH, site)
    monkeypatch.setattr(openpose_weights, "SOURCE", SOURCE._replace(url=site.as_uri()))
    folder = tmp_path / "weights"
    for _ in range(2):
        found = openpose_weights.load(folder)
        assert [path.name for path in folder.iterdir()] == [SOURCE.file]
        assert weights.digest(found) == SOURCE.sha256 == weights.digest(params)
        site.unlink(missing_ok=True)  # the second time it is not asked for


def test_where_the_weights_belong_is_told(tmp_path, monkeypatch):
    url = (tmp_path / "none.pb").as_uri()
    monkeypatch.setattr(openpose_weights, "SOURCE", SOURCE._replace(url=url))
    with pytest.raises(InputError, match=f"fetch {url} and put it into {tmp_path} as {GRAPH}$"):
        openpose_weights.load(tmp_path)


def _cut(content):
    return content[:-1000]


def _flip_a_bit(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage", [_cut, _flip_a_bit, lambda content: b"", lambda content: b"\xff" * 100]
)
def test_damaged_graphs_are_named(shared, tmp_path, damage):
    path = tmp_path / GRAPH
    path.write_bytes(damage((shared / "weights" / GRAPH).read_bytes()))
    with pytest.raises(InputError, match=f"^{path}: .*; delete it, fetch https"):
        openpose_weights.load(tmp_path)


def test_any_cut_of_a_graph_is_no_other_error_than_of_damage(shared, tmp_path):
    content = (shared / "weights" / GRAPH).read_bytes()
    path = tmp_path / "cut.pb"
    for length in np.random.default_rng(0).integers(1, 20_000, 60):
        path.write_bytes(content[:length])
        try:
            tensorflow_graph.constants(path)
        except weights.DAMAGE:
            continue
