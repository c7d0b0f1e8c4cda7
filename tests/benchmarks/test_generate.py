"""The benchmark of generation, on a toy."""

import tiny
from benchmarks import latency


def test_latency_of_one_and_of_a_batch():
    result = latency.measured(tiny.model(tiny.generator_config()), [1, 4], repeats=3)
    assert list(result["batches"]) == ["1", "4"] and result["image_size"] == [64, 32]
    for size, found in result["batches"].items():
        low, high = found["seconds_range"]
        assert 0 < low <= found["seconds"] <= high
        assert abs(found["images_per_second"] * found["seconds"] / int(size) - 1) < 0.01
    assert "images/s" in latency.table(result)
