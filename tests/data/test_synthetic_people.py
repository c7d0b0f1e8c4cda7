"""The tfds builder of the synthetic people."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from pgjax.data import people
from pgjax.data.records import encode
from pgjax.data.synthetic_people import SEED, PeopleConfig, SyntheticPeople, photo_name
from pgjax.pose import skeleton, views

CONFIGS = {config.name: config for config in SyntheticPeople.BUILDER_CONFIGS}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_test_identities_are_not_trained_on(config):
    train = {identity for identity, _ in config.photos("train")}
    test = {identity for identity, _ in config.photos("test")}
    assert len(train) == config.train[0] and len(test) == config.test[0]
    assert not train & test
    assert min(train) == 1  # 0000 is Market's mark of junk
    assert len(list(config.photos("train"))) == config.train[0] * config.train[1]
    assert config.size in people.SIZES


def test_png_is_lossless():
    image = people.photo(0, 1, 0, (64, 32))["image"]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode(image)))), image)


def test_names_tell_from_where_a_person_is_drawn():
    """As the shoulders say, and for nearly all: by a rule that knows only joints."""
    photos = [(identity, index) for identity in range(1, 41) for index in range(3)]
    drawn = [people.photo(SEED, *photo, (64, 32)) for photo in photos]
    named = [
        SyntheticPeople.view_of(photo_name(identity, photo["camera"], index))
        for (identity, index), photo in zip(photos, drawn, strict=True)
    ]
    keypoints = np.stack([photo["joints"] for photo in drawn])
    seen = views.by_shoulders(keypoints, np.ones((len(drawn), 18), bool))
    agree = np.array([skeleton.view_number(view) for view in named]) == seen
    assert {*named} == {"front", "side", "back"}
    assert agree.mean() > 0.97
    assert SyntheticPeople.view_of("0001_c1s1_000001_01.jpg") is None


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A built data set of 3 + 2 identities."""
    config = PeopleConfig(name="tiny", size=(64, 32), train=(3, 4), test=(2, 3))
    folder = tmp_path_factory.mktemp("people")
    builder = SyntheticPeople(data_dir=folder, config=config, file_format="array_record")
    builder.download_and_prepare()
    return builder


def test_records_are_the_photos_in_order(tiny):
    splits = {split: tiny.as_data_source(split) for split in ("train", "test")}
    assert {split: len(source) for split, source in splits.items()} == {"train": 12, "test": 6}
    assert "tensorflow" not in sys.modules
    for split, source in splits.items():
        records = [source[i] for i in range(len(source))]
        assert [int(record["order"]) for record in records] == list(range(len(source)))
        for record, (identity, index) in zip(
            records, tiny.builder_config.photos(split), strict=True
        ):
            photo = people.photo(SEED, identity, index, (64, 32))
            for key in ("image", "background", "keypoints", "visible"):
                np.testing.assert_array_equal(record[key], photo[key])
            name = record["name"].decode()
            assert name.split("_")[0] == record["identity"].decode() == f"{identity:04d}"
            assert name.split("_")[1][:2] == f"c{photo['camera']}"
        assert len({record["name"] for record in records}) == len(records)
