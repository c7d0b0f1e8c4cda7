import json

import jax
import numpy as np
import pytest

from configs import deformable, horiuchi, kurupathi, patn, pdig, pg2, varigan, vdg
from pgjax.errors import InputError
from pgjax.frozen import vgg19_torchvision
from pgjax.tools import papers, row_summary
from pgjax.training import run_directory
from pgjax.training.recipe import build
from pgjax.training.state import learning_rate, parameter_counts, state_shapes

ROWS = [
    (paper, f"{dataset}/{row}")
    for paper in papers.load().values()
    for dataset in paper.SETTINGS
    for row in paper.ROWS
]


@pytest.mark.parametrize(("paper", "spec"), ROWS, ids=lambda part: getattr(part, "__name__", part))
def test_every_row_builds(paper, spec):
    recipe = build(paper.get_config(spec))
    assert recipe.row == spec
    for network in recipe.networks.values():
        if paper is kurupathi:
            expected = {"decay": 0.9, "eps": 1e-7, "eps_in_sqrt": False}
            assert (network.optimizer.name, network.optimizer.options) == ("rmsprop", expected)
        elif network.net.startswith("pdig_mapping"):
            assert (network.optimizer.name, network.optimizer.options) == ("rmsprop_tf1", {})
        else:
            assert network.optimizer.options == {"b1": 0.5, "b2": 0.999}


@pytest.mark.parametrize(
    ("paper", "spec", "counts"),
    [
        (pg2, "market1501/g1_g2_d", {"g1": 70_795_075, "g2": 6_058_883, "d": 4_329_537}),
        (pg2, "market1501/g1_g2_d_released", {"g1": 70_795_075, "g2": 6_058_883, "d": 4_324_737}),
        (pg2, "deepfashion/g1_mask", {"g1": 122_103_235}),
        (deformable, "market1501/baseline", {"g": 36_072_533, "d": 2_803_782}),
        (deformable, "market1501/full", {"g": 61_109_085, "d": 2_803_782}),
        (deformable, "deepfashion/baseline", {"g": 48_655_449, "d": 2_803_782}),
        (deformable, "deepfashion/dsc", {"g": 82_080_611, "d": 2_803_782}),
        (patn, "market1501/patn", {"g": 41_365_763, "d_pp": 3_930_368, "d_pb": 3_977_408}),
        (patn, "deepfashion/patn", {"g": 41_358_019, "d_pp": 3_928_384, "d_pb": 3_975_424}),
        (pdig, "market1501/pdig", {"g": 118_549_859, "d": 4_324_737}),
        (pdig, "deepfashion/pdig", {"g": 140_229_219, "d": 10_896_257}),
        (vdg, "market1501/vdg_w", {"g": 60_974_245, "g2": 36_063_893, "d": 2_803_782}),
        (vdg, "deepfashion/vdg", {"g": 82_732_717, "g2": 48_646_809, "d": 2_803_782}),
        (vdg, "synthetic_people/vdg_l1", {"g": 2_456_509, "g2": 1_471_153, "d": 52_756}),
    ],
)
def test_parameter_counts(paper, spec, counts):
    recipe = build(paper.get_config(spec))
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


def test_the_deformable_rows_are_the_papers():
    full = build(deformable.get_config("market1501/full"))
    (stage,) = full.stages.values()
    assert (full.batch_size, full.total_steps, stage.players) == (4, 90_000, ("d", "g"))
    assert stage.batches == 3
    assert {n.optimizer.learning_rate for n in full.networks.values()} == {2e-4}
    assert stage.terms["nearest"].weight == 0.01
    assert stage.terms["nearest"].options == {"layer": "block1_conv2", "window": 3}
    assert full.features.means == "proper"
    released = build(deformable.get_config("deepfashion/full_released"))
    assert released.batch_size == 2 and released.features.means == "swapped"
    assert released.networks["g"].options["gradient"] == "reference"
    (stage,) = released.stages.values()
    assert stage.terms["nearest"].options["window"] == 5
    (stage,) = build(deformable.get_config("market1501/percloss")).stages.values()
    assert stage.terms["feature_l1"].weight == 0.5
    baseline = build(deformable.get_config("deepfashion/baseline"))
    assert baseline.batch_size == 4 and baseline.features is None
    assert baseline.stages["stage1"].terms["l1"].weight == 100.0


@pytest.mark.parametrize(
    ("row", "weights"),
    [
        ("vdg_l1", {"l1": 100.0}),
        ("vdg_mask_l1", {"mask_l1": 100.0}),
        ("vdg", {"ssim": 84.0, "l1": 8.0}),
        ("vdg_w", {"mask_ssim": 84.0, "mask_l1": 8.0}),
    ],
)
@pytest.mark.parametrize("dataset", vdg.SETTINGS)
def test_the_vdg_rows_have_two_stages(dataset, row, weights):
    recipe = build(vdg.get_config(f"{dataset}/{row}"))
    first, second = recipe.stages.values()
    assert (first.players, first.generators, first.critic) == (("g",), ("g",), None)
    assert {name: term.weight for name, term in first.terms.items()} == {"l1": 1.0}
    assert (second.players, second.generators, second.critic) == (("d", "g2"), ("g", "g2"), "d")
    assert {name: term.weight for name, term in second.terms.items()} == weights
    assert {name: loss.weight for name, loss in second.adversarial.items()} == {"bce": 1.0}
    assert recipe.networks["g2"].options["prior"] == "g"
    assert (recipe.data.pairs, recipe.data.flip) == ("deformable", False)
    # All else is the deformable GAN's.
    other = build(deformable.get_config(f"{dataset}/baseline"))
    (stage,) = other.stages.values()
    assert (recipe.total_steps, recipe.batch_size) == (other.total_steps, other.batch_size)
    assert (second.draws, second.real_draw) == (stage.draws, stage.real_draw)
    assert recipe.networks["d"] == other.networks["d"]
    for name in ("g", "g2"):
        assert recipe.networks[name].optimizer == other.networks["g"].optimizer
        assert recipe.networks[name].options["features"] == other.networks["g"].options["features"]


def test_the_vdg_schedule():
    market, fashion = (build(vdg.get_config(f"{d}/vdg")) for d in ("market1501", "deepfashion"))
    assert (market.total_steps, market.starts()["stage2"]) == (90_000, 55_000)
    assert (fashion.total_steps, fashion.starts()["stage2"]) == (90_000, 54_000)


@pytest.mark.parametrize(
    ("paper", "tables"),
    [
        (pg2, ("ma2017_table1",)),
        (deformable, ("kurupathi2020_table1",)),
        # Table 2 rounds what Table 1 has.
        (kurupathi, ("kurupathi2020_table3", "kurupathi2020_table2", "kurupathi2020_table1")),
        (horiuchi, ("kurupathi2020_table3",)),
        (vdg, ("lakhal2018_table",)),
        (pdig, ("ma2018_dpig",)),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_published_numbers_are_the_tables(paper, tables, shared):
    published = json.loads((shared / "published.json").read_text())
    published |= json.loads((shared / "published_more.json").read_text())
    own = paper.__name__.rpartition(".")[2] + "/"
    found = {
        row: {d: rows[row] for d, rows in paper.PUBLISHED.items() if row in rows}
        for row in {row for rows in paper.PUBLISHED.values() for row in rows}
    }
    expected = {}
    for table in tables:
        for row, by_dataset in published[table]["rows"].items():
            name = "pdig" if row == "dpig" else row.removeprefix(own)
            # Other systems' rows may be left out, the paper's own may not.
            if row.startswith(own) or name in found:
                kept = expected.setdefault(name, {})
                for dataset, numbers in by_dataset.items():
                    kept[dataset] = kept.get(dataset, {}) | numbers
    assert found == expected
    for dataset, rows in paper.PUBLISHED.items():
        for row in rows.keys() & paper.ROWS:
            config = paper.get_config(f"{dataset}/{row}")
            assert config.published.to_dict() == rows[row] and config.published_in


@pytest.mark.parametrize("dataset", varigan.SETTINGS)
def test_the_reading_of_varigan(dataset):
    recipe = build(varigan.get_config(f"{dataset}/varigan_reading"))
    first, second = recipe.stages.values()
    assert (first.players, second.players) == (("g",), ("d", "g2"))
    height, width = recipe.image_size
    # The bound of a Laplace distribution of scale 1, over the number of values of the half-size image.
    bound = {"l1": 1.0, "kl": 4 / (3 * height * width)}
    assert {name: term.weight for name, term in first.terms.items()} == pytest.approx(bound)
    assert {name: term.weight for name, term in second.terms.items()} == {"l1": 100.0}
    assert {name: loss.weight for name, loss in second.adversarial.items()} == {"bce": 1.0}
    critic = recipe.networks["d"].options
    assert not (critic["source_pose"] or critic["target_pose"] or critic["background"])
    assert {n.optimizer.learning_rate for n in recipe.networks.values()} == {2e-4}
    assert recipe.published == {} and recipe.published_in == recipe.protocol == ""


def test_kurupathis_rows():
    full = build(deformable.get_config("market1501/full"))
    for row, (spectral, losses, mode) in {
        "sn": (1.0, {"bce"}, "concat"),
        "sn_h": (1.0, {"bce", "hinge"}, "concat"),
        "sn_h_w": (1.0, {"bce", "hinge"}, "warp"),
        "w": (0.0, {"bce"}, "warp"),
    }.items():
        recipe = build(kurupathi.get_config(f"market1501/{row}"))
        (stage,) = recipe.stages.values()
        assert set(stage.adversarial) == losses and stage.terms == full.stages["stage1"].terms
        assert {n.options["spectral"] for n in recipe.networks.values()} == {spectral}
        assert recipe.networks["d"].options["mode"] == mode
        assert recipe.total_steps == full.total_steps
    for row in ("w_baseline", "w_dsc", "w_percloss"):
        recipe = build(kurupathi.get_config(f"deepfashion/{row}"))
        assert recipe.networks["d"].options["mode"] == "warp"
    terms = {
        row: list(build(kurupathi.get_config(f"market1501/{row}")).stages["stage1"].terms)
        for row in ("w_baseline", "w_dsc", "w_percloss")
    }
    assert terms == {"w_baseline": ["l1"], "w_dsc": ["l1"], "w_percloss": ["feature_l1"]}


@pytest.mark.parametrize(
    ("dataset", "batch", "steps", "norm", "weight", "adversarial", "pool"),
    [
        ("market1501", 32, 87_500, "batch", 10.0, {"bce": 5.0}, 50),
        ("deepfashion", 7, 400_400, "instance", 1.0, {"least_squares": 10.0}, 0),
        ("deepfashion_256x176", 7, 400_400, "instance", 1.0, {"least_squares": 10.0}, 0),
    ],
)
def test_patns_rows(dataset, batch, steps, norm, weight, adversarial, pool):
    recipe = build(patn.get_config(f"{dataset}/patn"))
    (stage,) = recipe.stages.values()
    assert (recipe.batch_size, recipe.total_steps) == (batch, steps)
    assert {n.options["norm"] for n in recipe.networks.values()} == {norm}
    assert stage.players == ("g", "d_pp", "d_pb") and stage.critics == ("d_pp", "d_pb")
    assert [recipe.networks[name].options["condition"] for name in stage.critics] == [
        ("source_image",),
        ("target_heatmaps",),
    ]
    assert {name: term.weight for name, term in stage.terms.items()} == {
        "l1": weight,
        "feature_l1": weight,
    }
    assert stage.terms["feature_l1"].options == {"layer": "block1_conv2"}
    assert {name: loss.weight for name, loss in stage.adversarial.items()} == adversarial
    assert (stage.real_weight, stage.negatives) == (0.5, {"generated": 0.5})
    assert stage.separate and stage.critic_noise and stage.earlier_fakes and stage.pool == pool
    assert (recipe.features.net, recipe.features.scale) == ("vgg19", 57.6)
    # 255 times the mean of ImageNet's standard deviations.
    assert abs(255 * sum(vgg19_torchvision.STD) / 3 - recipe.features.scale) < 0.05


def test_patns_learning_rate():
    """Constant for 499 epochs, then on a line to 0 in epoch 700 (docs/reference_facts.md, 4.4)."""
    for dataset, epoch in (("market1501", 125), ("deepfashion", 572)):
        recipe = build(patn.get_config(f"{dataset}/patn"))
        assert recipe.total_steps == 700 * epoch
        for network in recipe.networks.values():
            rate = jax.jit(learning_rate(network.optimizer))
            for first, factor in ((1, 1.0), (499, 1.0), (500, 200 / 201), (699, 1 / 201), (700, 0)):
                for move in (epoch * (first - 1), epoch * first - 1):
                    assert float(rate(move)) == pytest.approx(2e-4 * factor, rel=1e-6)
            assert float(rate(recipe.total_steps - 1)) == 0


def test_patns_learning_rate_is_the_released_codes(shared):
    with np.load(shared / "golden" / "patn_dev.npz") as file:
        expected = file["schedule/lr_of_epoch_1_to_700"]
    (rate, *_) = (n.optimizer for n in build(patn.get_config("market1501/patn")).networks.values())
    found = jax.jit(learning_rate(rate))(125 * np.arange(700))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_patns_published_numbers_are_those_that_were_seen(shared):
    table = json.loads((shared / "published_more.json").read_text())["zhu2019_table1"]
    seen = {
        "market1501": ("ssim", "mask_ssim", "mask_is", "pckh"),
        "deepfashion": ("ssim", "is", "ds", "pckh"),
    }
    for dataset, names in seen.items():
        numbers = table["rows"]["patn"][dataset]
        assert patn.PUBLISHED[dataset] == {"patn": {name: numbers[name] for name in names}}
    assert patn.PUBLISHED["deepfashion_256x176"] == patn.PUBLISHED["deepfashion"]


def test_horiuchis_rows():
    for row, loss in {"sn": "bce", "sn_rh": "relativistic_hinge"}.items():
        recipe = build(horiuchi.get_config(f"market1501/{row}"))
        assert list(recipe.stages["stage1"].adversarial) == [loss]
        assert [recipe.networks[n].options["attention"] for n in ("g", "d")] == [(2,), (1,)]
        assert {n.options["spectral"] for n in recipe.networks.values()} == {1.0}


@pytest.mark.parametrize(
    "row", ["deformable/full", "pg2/g1_g2_d_released", "horiuchi/sn", "vdg/vdg", "patn/patn"]
)
@pytest.mark.parametrize(
    ("dataset", "like", "size"),
    [
        ("custom", "deepfashion", (256, 256)),
        ("custom_256x192", "deepfashion", (256, 192)),
        ("custom_128x64", "market1501", (128, 64)),
    ],
)
def test_ones_own_photos_take_the_settings_of_their_size(row, dataset, like, size):
    name, row = row.split("/")
    paper = papers.find(name)
    config, known = (paper.get_config(f"{where}/{row}") for where in (dataset, like))
    recipe = build(config)
    assert recipe.image_size == size
    assert recipe.published == {} and recipe.published_in == ""
    assert (recipe.stages, recipe.networks) == (build(known).stages, build(known).networks)
    assert recipe.batch_size == known.batch_size
    assert papers.owner(run_directory.plain(config)) == name
    if size != (256, 192):
        return
    assert all(parameter_counts(state_shapes(recipe)).values())  # the networks take the size


@pytest.mark.parametrize(
    "spec", [None, "market1501", "market1501/g1_g3", "market/g1_l1", "custom/g1_g3"]
)
def test_an_unknown_row_is_named(spec):
    with pytest.raises(ValueError, match=r"(unknown row '|no row: ).*DATASET/ROW"):
        pg2.get_config(spec)
    with pytest.raises(ValueError, match=r"unknown data set 'custom_64'; .*custom_HEIGHTxWIDTH"):
        pg2.get_config("custom_64/g1_l1")


def test_the_summary_has_full_integers():
    text = row_summary.describe(pg2.get_config("market1501/g1_g2_d"))
    assert "70795075" in text and "6058883" in text and "4329537" in text


def test_the_pdig_rows_are_the_released_code():
    """docs/reference_facts.md, 3.4 to 3.6."""
    recipe = build(pdig.get_config("market1501/pdig"))
    (stage,) = recipe.stages.values()
    assert (recipe.batch_size, recipe.total_steps) == (16, 120_000)
    assert (recipe.data.pairs, recipe.data.draw, recipe.data.flip) == ("pg2", "images", True)
    assert (stage.players, stage.draws, stage.generators_from) == (("g", "d"), {"d": 1}, 1)
    assert (stage.separate, stage.real_weight, stage.negatives) == (True, 0.5, {"generated": 0.5})
    assert {k: term.weight for k, term in stage.terms.items()} == {"l1": 20.0}
    rates = [learning_rate(recipe.networks["g"].optimizer)(step) for step in (0, 49_999, 50_000)]
    np.testing.assert_allclose(rates, (2e-5, 2e-5, 1e-5), rtol=1e-6)

    recipe = build(pdig.get_config("market1501/pdig_sampling"))
    assert [stage.steps for stage in recipe.stages.values()] == [
        *(120_000, 60_000, 120_000, 120_000, 60_000)
    ]
    reals = {"foreground": "g.foreground", "background": "g.background", "pose": "poses.embedding"}
    for stage, (part, real) in zip(list(recipe.stages.values())[2:], reals.items(), strict=True):
        critic = f"{part}_critic"
        assert (stage.players, stage.real) == ((part, *[critic] * 5), real)
        # Every move sees photos of its own.
        assert [move.draw for move in stage.moves] == [0, 1, 2, 3, 4, 5]
        assert [move.real for move in stage.moves] == [0, 1, 2, 3, 4, 5]
        assert recipe.networks[critic].weight_clip == 0.01
        # Rates follow the step, in which a critic moves five times.
        for name, moves in ((part, 50_000), (critic, 250_000)):
            assert recipe.networks[name].optimizer.name == "rmsprop_tf1"
            rate = learning_rate(recipe.networks[name].optimizer)
            np.testing.assert_allclose((rate(moves - 1), rate(moves)), (2e-5, 1e-5), rtol=1e-6)
    fashion = build(pdig.get_config("deepfashion/pdig_sampling"))
    assert "background" not in fashion.networks and len(fashion.stages) == 4
    assert not fashion.stages["stage1"].separate


@pytest.mark.parametrize(
    ("real", "message"),
    [
        ("g.hair", "stage3.real: g has no method 'hair'"),
        ("g.embed", r"stage3.real: embed cannot be called as \(self, scene, images, train"),
        ("h.foreground", "stage3.real: unknown name 'h'"),
        ("foreground.of", "stage3.real: foreground plays; expected it to be frozen"),
    ],
)
def test_a_real_side_that_cannot_be_is_named(real, message):
    config = pdig.get_config("market1501/pdig_sampling")
    config.stages.stage3.real = real
    with pytest.raises(InputError, match=message):
        build(config)
