"""The benchmark of the input pipeline against pipelines whose speed is known."""

import itertools
import json

import numpy as np
import pytest

from benchmarks import feeding, input_pipeline
from pgjax.errors import InputError
from pgjax.pose.batch import Batch

BUILT = ("market1501", "deepfashion")


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self):
        self._now = 100.0

    def perf_counter(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(feeding, "time", made)
    return made


def _batches(clock: Clock, seconds: float, draws: int = 1, size: int = 8):
    one = Batch(*[np.zeros((1, size, 2))] * 6)
    for _ in itertools.count():
        clock.sleep(seconds)
        yield (one,) * draws


def test_pairs_of_all_draws_count(clock):
    rates = feeding.pairs_per_second(_batches(clock, 0.01, draws=3), 0.2, 2)
    np.testing.assert_allclose(rates, [3 * 8 / 0.01] * 2)


def test_waiting_is_the_share_of_the_slower_side(clock):
    assert feeding.waiting(_batches(clock, 0.01), 0.03, 10) == pytest.approx(0.25)
    assert feeding.waiting(_batches(clock, 0.0), 0.01, 10) == 0


def test_the_command_measures_noise(tmp_path, capsys):
    out = tmp_path / "deep" / "out.json"
    arguments = ["--random=16x8", "--batch=4", "--draws=2", "--seconds=0.1", "--step_seconds=0.01"]
    input_pipeline.main([*arguments, f"--out={out}"])
    line = json.loads(capsys.readouterr().out)
    assert line["image_size"] == [16, 8] and line["draws"] == 2 and line["flip"] is True
    low, high = line["pairs_per_second_range"]
    assert 0 < low <= line["pairs_per_second"] <= high
    assert 0 <= line["waiting_share"] < 1
    assert json.loads(out.read_text())["lines"] == [line]


def test_the_command_measures_every_built_data_set(tmp_path, capsys, monkeypatch):
    made = input_pipeline.random_pairs((64, 32), 32)
    monkeypatch.setattr(input_pipeline.data, "is_built", lambda name, _: name == "market1501")
    monkeypatch.setattr(
        input_pipeline.stores, "load_split", lambda *_: type("S", (), {"store": made[0]})
    )
    monkeypatch.setattr(input_pipeline.stores, "train_pairs", lambda *_: made[1])
    input_pipeline.main([f"--data_dir={tmp_path}", "--seconds=0.05", "--noflip"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(x["dataset"], x["batch_size"]) for x in lines] == [
        ("market1501", b) for b in (4, 16, 64)
    ]
    assert not any(line["flip"] for line in lines)


def test_a_data_set_without_training_photos_is_left_out_and_told(tmp_path, capsys, monkeypatch):
    made = input_pipeline.random_pairs((64, 32), 32)

    def load_split(name, split, _):
        if name == "deepfashion":
            raise InputError("deep_fashion has no split 'train'; there are test")
        return type("S", (), {"store": made[0]})

    monkeypatch.setattr(input_pipeline.data, "is_built", lambda name, _: name in BUILT)
    monkeypatch.setattr(input_pipeline.stores, "load_split", load_split)
    monkeypatch.setattr(input_pipeline.stores, "train_pairs", lambda *_: made[1])
    arguments = [f"--data_dir={tmp_path}", "--seconds=0.05", "--batch=4"]
    input_pipeline.main(arguments)
    out, err = capsys.readouterr()
    assert [json.loads(line)["dataset"] for line in out.splitlines()] == ["market1501"]
    assert err.splitlines() == [
        "left out: deepfashion: deep_fashion has no split 'train'; there are test"
    ]
    with pytest.raises(InputError, match="has no split 'train'"):
        input_pipeline.main([*arguments, "--dataset=deepfashion"])


def test_a_data_set_that_is_asked_for_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="market1501 is not in"):
        input_pipeline.main([f"--data_dir={tmp_path}", "--dataset=market1501"])
