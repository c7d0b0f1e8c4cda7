"""Splits in memory and on demand, and their pairs."""

import numpy as np
import pytest

from pgjax import data
from pgjax.data import store
from pgjax.data.market1501 import Market1501
from pgjax.errors import InputError
from pgjax.pose.batch import Indices, fetch


@pytest.fixture
def built(market, tmp_path):
    data.build("market1501", tmp_path / "built", market.raw)
    return tmp_path / "built"


def test_held_and_on_demand_are_equal(built):
    held = store.load_split("market1501", "train", built)
    demanded = store.load_split("market1501", "train", built, memory_limit=5 * 128 * 64 * 3 - 1)
    assert isinstance(held.store.images, np.ndarray)
    assert isinstance(demanded.store.images, store.OnDemand)
    assert held.store.images.shape == demanded.store.images.shape == (5, 128, 64, 3)
    assert held.store.images.dtype == demanded.store.images.dtype == np.uint8
    assert held.names == demanded.names
    assert list(held.identities) == ["0007", "0002", "0007", "0002", "0002"]
    np.testing.assert_array_equal(held.store.keypoints, demanded.store.keypoints)
    for indices in (np.array([3, 0, 3, -1]), 2, slice(1, 4), np.array([[0, 1], [2, 3]])):
        np.testing.assert_array_equal(held.store.images[indices], demanded.store.images[indices])
    with pytest.raises(IndexError):
        demanded.store.images[np.array([5])]

    indices = Indices(np.array([1, 3]), np.array([3, 4]), np.array([True, False]))
    for one, other in zip(fetch(held.store, indices), fetch(demanded.store, indices), strict=True):
        np.testing.assert_array_equal(one, other)


def test_views_are_told_by_a_builder_that_knows_them_of_names(built, monkeypatch):
    assert store.load_split("market1501", "train", built).store.views is None

    def view_of(name):
        return {"0007": "back"}.get(name[:4])

    monkeypatch.setattr(Market1501, "view_of", staticmethod(view_of), raising=False)
    held = store.load_split("market1501", "train", built).store
    assert held.views.tolist() == [2, -1, 2, -1, -1] and held.views.dtype == np.int8
    indices = Indices(np.array([1, 3, 0]), np.array([0, 4, 2]), np.array([True, False, False]))
    assert fetch(held, indices).target_view.tolist() == [2, -1, 2]


@pytest.mark.parametrize("told", ["Back", 2])
def test_what_is_no_view_is_told_with_the_photo(built, monkeypatch, told):
    def view_of(name):
        return told if name.startswith("0007") else None

    monkeypatch.setattr(Market1501, "view_of", staticmethod(view_of), raising=False)
    with pytest.raises(
        InputError, match=rf"view_of of market1501: {told!r} for the photo 0007\w*\."
    ):
        store.load_split("market1501", "train", built)


def test_pairs_of_a_split(built):
    split = store.load_split("market1501", "train", built)
    found = store.train_pairs(split, "deformable")
    assert len(found) == 2 * 1 + 3 * 2
    assert found[0].tolist() == [0, 2]
    with pytest.raises(ValueError, match="unknown pair rule 'all'; there are deformable, pg2"):
        store.train_pairs(split, "all")
    query = store.load_split("market1501", "query", built)
    with pytest.raises(ValueError, match="rule 'pg2' finds no pair"):
        store.train_pairs(query, "pg2")


def test_without_a_published_list_the_rule_is_sampled(market, tmp_path):
    market.pairs_csv.unlink()
    data.build("market1501", tmp_path / "built", market.raw)
    split = store.load_split("market1501", "test", tmp_path / "built")
    found = store.test_pairs("market1501", split, tmp_path / "built")
    assert sorted(found.tolist()) == [[1, 3], [3, 1]]


def test_what_is_not_there(built, tmp_path):
    with pytest.raises(ValueError, match="no split 'dev'; there are train, test, query"):
        store.load_split("market1501", "dev", built)
    with pytest.raises(ValueError, match="unknown data set 'market'; there are market1501"):
        store.load_split("market", "train", built)
    with pytest.raises(FileNotFoundError, match=r"data set market1501 is not in .*nowhere: build"):
        store.load_split("market1501", "train", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (shard,) = data.path("market1501", built).glob("*train*")
    shard.unlink()
    with pytest.raises(FileNotFoundError, match="missing from a built data set"):
        store.load_split("market1501", "train", built)


@pytest.mark.parametrize("fault", ["changed", "cut"])
def test_damage_on_disk_is_noticed(built, fault):
    (shard,) = data.path("market1501", built).glob("*train*")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content if fault == "changed" else content[: len(content) // 3])
    with pytest.raises(ValueError, match=r"split train is damaged .* remove it and build it again"):
        store.load_split("market1501", "train", built)


def test_sizes_are_known_without_a_builder():
    assert data.DATASETS["deepfashion"].size == (256, 256)
    assert data.DATASETS["deepfashion_256x176"].size == (256, 176)
    assert data.DATASETS["market1501"].size == (128, 64)
    assert data.DATASETS["synthetic_people"].size == (64, 32)
    assert data.DATASETS["synthetic_people_128x64"].size == (128, 64)
    assert data.DATASETS["synthetic_people_256x256"].size == (256, 256)


@pytest.mark.parametrize("builder", ["no_such_file:Street", "pgjax.data.records:Street"])
def test_a_builder_that_is_not_there_is_named(monkeypatch, tmp_path, builder):
    monkeypatch.setitem(data.DATASETS, "street", data.Dataset("street", (64, 32), builder))
    with pytest.raises(InputError, match=rf"DATASETS\['street'\]: there is no builder '{builder}'"):
        data.build("street", tmp_path, tmp_path)
