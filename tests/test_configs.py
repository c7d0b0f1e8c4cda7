import json

import pytest

from configs import pg2
from pgjax import summary
from pgjax.recipe import build
from pgjax.state import parameter_counts, state_shapes

ROWS = [f"{dataset}/{row}" for dataset in pg2.SETTINGS for row in pg2.ROWS]


@pytest.mark.parametrize("spec", ROWS)
def test_every_row_builds(spec):
    recipe = build(pg2.get_config(spec))
    assert recipe.row == spec
    for network in recipe.networks.values():
        assert network.optimizer.options == {"b1": 0.5, "b2": 0.999}


@pytest.mark.parametrize(
    ("spec", "counts"),
    {
        "market1501/g1_g2_d": {"g1": 70_795_075, "g2": 6_058_883, "d": 4_329_537},
        "market1501/g1_g2_d_released": {"g1": 70_795_075, "g2": 6_058_883, "d": 4_324_737},
        "deepfashion/g1_mask": {"g1": 122_103_235},
    }.items(),
)
def test_parameter_counts(spec, counts):
    recipe = build(pg2.get_config(spec))
    assert parameter_counts(state_shapes(recipe)) == counts


def test_parameter_counts_of_g2_at_256():
    counts = parameter_counts(state_shapes(build(pg2.get_config("deepfashion/g1_g2_d"))))
    assert (counts["g1"], counts["g2"]) == (122_103_235, 12_696_067)


def test_the_papers_schedule():
    market = build(pg2.get_config("market1501/g1_g2_d"))
    assert (market.batch_size, market.starts(), market.total_steps) == (
        16,
        {"stage1": 0, "stage2": 22_000},
        36_000,
    )
    assert market.stages["stage2"].terms["mask_l1"].weight == 10.0
    fashion = build(pg2.get_config("deepfashion/g1_g2_d"))
    assert (fashion.batch_size, fashion.total_steps) == (8, 50_000)
    assert fashion.stages["stage2"].terms["mask_l1"].weight == 50.0
    assert {n.optimizer.learning_rate for n in market.networks.values()} == {2e-5}


def test_the_released_schedule():
    market = build(pg2.get_config("market1501/g1_g2_d_released"))
    assert (market.total_steps, market.starts()["stage2"], market.batch_size) == (
        60_000,
        22_000,
        16,
    )
    stage = market.stages["stage2"]
    assert stage.negatives == {"generated": 0.25, "source": 0.25, "g1": 0.0}
    assert stage.real_weight == 0.5
    fashion = build(pg2.get_config("deepfashion/g1_g2_d_released"))
    assert (fashion.total_steps, fashion.batch_size) == (80_000, 1)


def test_published_numbers_are_the_tables(shared):
    table = json.loads((shared / "published.json").read_text())["ma2017_table1"]["rows"]
    for row, by_dataset in table.items():
        for dataset, numbers in by_dataset.items():
            assert pg2.get_config(f"{dataset}/{row}").published.to_dict() == numbers


@pytest.mark.parametrize("spec", [None, "market1501", "market1501/g1_g3", "market/g1_l1"])
def test_an_unknown_row_is_named(spec):
    with pytest.raises(ValueError, match=r"unknown row .*DATASET/ROW"):
        pg2.get_config(spec)


def test_the_summary_has_full_integers():
    text = summary.describe(pg2.get_config("market1501/g1_g2_d"))
    assert "70795075" in text and "6058883" in text and "4329537" in text
