import re

import pytest

import tiny
from configs import deformable, pg2, varigan
from pgjax import nets
from pgjax.errors import InputError
from pgjax.scoring.run_evaluation import draws_noise
from pgjax.training import losses
from pgjax.training.model_folder import Model
from pgjax.training.recipe import build
from pgjax.training.run_directory import plain


@pytest.fixture
def config():
    return plain(pg2.get_config("synthetic_people/g1_g2_d"))


def _set(config, path, value):
    *parents, last = path.split(".")
    for name in parents:
        config = config[name]
    config[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("batchsize", 4, r"config\.batchsize: unknown key"),
        ("batch_size", 2.5, r"config\.batch_size: expected int"),
        ("batch_size", 0, r"config\.batch_size: expected a positive"),
        (
            "data.name",
            "market",
            r"config\.data\.name: unknown data set 'market'; there are market1501",
        ),
        ("data.pairs", "all", r"config\.data\.pairs: unknown name"),
        ("data.flip", "yes", r"config\.data\.flip: expected bool"),
        (
            "scene.radius",
            4,
            r"config\.scene\.radius: derive takes no such option; it takes disc_radius",
        ),
        ("networks.g1.net", "pg2", r"config\.networks\.g1\.net: unknown name"),
        ("networks.g1.options.width", 8, r"config\.networks\.g1\.options\.width: G1 takes no such"),
        (
            "networks.g1.options.features",
            "8",
            r"config\.networks\.g1\.options\.features: expected int",
        ),
        ("networks.g1.optimizer.name", "sgdd", r"config\.networks\.g1\.optimizer\.name"),
        ("networks.g1.optimizer.options.beta1", 0.5, r"optimizer\.options\.beta1: adam takes no"),
        ("networks.g1.optimizer.learning_rate", "big", r"learning_rate: expected float"),
        ("stages.stage1.step", 4, r"config\.stages\.stage1\.step: unknown key"),
        ("stages.stage1.steps", -4, r"config\.stages\.stage1\.steps: expected a positive"),
        ("stages.stage1.players", ["g3"], r"config\.stages\.stage1\.players: unknown name 'g3'"),
        ("stages.stage1.players", ["g2"], r"config\.stages\.stage1\.players: 'g2' is neither"),
        ("stages.stage1.terms.l2", {}, r"config\.stages\.stage1\.terms: unknown name 'l2'"),
        ("stages.stage1.terms.mask_l1.options", {"n": 1}, r"terms\.mask_l1\.options\.n"),
        (
            "stages.stage1.negatives",
            {"generated": 1.0},
            r"stage1\.negatives: only a stage with a critic",
        ),
        ("stages.stage2.negatives", {"target": 1.0}, r"stage2\.negatives: unknown name 'target'"),
        ("stages.stage2.adversarial", {"gan": {}}, r"stage2\.adversarial: unknown name 'gan'"),
        ("stages.stage2.draws", {"g1": 1}, r"stage2\.draws: unknown name 'g1'"),
        ("stages.stage2.adversarial", {}, r"stage2: a critic needs"),
        ("seed", -1, r"config\.seed: expected a number from 0 on"),
        ("data.name", "market1501", r"config\.data\.name: .* not the data set of row 'synthetic"),
        ("data.memory_limit_gb", float("inf"), r"memory_limit_gb: expected a positive number"),
        ("evaluation.mask_radius", -1, r"config\.evaluation\.mask_radius: expected a positive"),
        ("scene.disc_radius", 0, r"config\.scene\.disc_radius: expected a positive"),
        ("scene.disc_radius", 1.5, r"config\.scene\.disc_radius: expected int"),
        ("networks.g1.optimizer.learning_rate", -1.0, r"learning_rate: expected a positive"),
        ("networks.g1.optimizer.options.b1", 1.5, r"options\.b1: expected 0 <= b1 < 1"),
        ("networks.g1.optimizer.options.b1", "0.5", r"optimizer\.options\.b1: expected float"),
        ("networks.g1.optimizer.options.eps", 0, r"optimizer\.options\.eps: expected a positive"),
        (
            "networks.g1.optimizer",
            {"name": "rmsprop", "learning_rate": 2e-4, "options": {"decay": 1.0}},
            r"networks\.g1\.optimizer\.options\.decay: expected 0 <= decay < 1",
        ),
        (
            "networks.g1.optimizer",
            {"name": "rmsprop", "learning_rate": 2e-4, "options": {"rho": 0.9}},
            r"networks\.g1\.optimizer\.options\.rho: rmsprop takes no such option",
        ),
        (
            "stages.stage2.adversarial",
            {"hinge": {"options": {"on_probability": "yes"}}},
            r"adversarial\.hinge\.options\.on_probability: expected bool",
        ),
        (
            "stages.stage1.terms",
            {"ssim": {"options": {"alpha": 0.5}}},
            r"terms\.ssim\.options\.alpha",
        ),
        ("networks.g1.options.pose_range", 0.0, r"pose_range: expected a tuple"),
        ("networks.g1.options.pose_range", [0.0], r"pose_range: expected 2 values"),
        ("networks.d.options.condition", [3], r"condition: expected str"),
        ("report.log_every", 0, r"config\.report\.log_every: expected a positive"),
    ],
)
def test_a_wrong_key_is_named(config, path, value, message):
    _set(config, path, value)
    with pytest.raises(ValueError, match=message):
        build(config)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("features", {"net": "vgg16"}, r"config\.features\.net: unknown name 'vgg16'"),
        ("features.weights", "none", r"config\.features\.weights: unknown name 'none'"),
        ("features.means", "both", r"config\.features\.means: unknown name 'both'"),
        (
            "features",
            {"net": "vgg19_torchvision", "means": "swapped"},
            r"config\.features\.means: unknown name 'swapped'; known are proper",
        ),
        ("features.scale", 0.0, r"config\.features\.scale: expected a positive number, got 0.0"),
        ("features", None, r"terms\.feature_l1: layer 'block2_conv1' is of a frozen network"),
        (
            "stages.stage1.terms.feature_l1.options.layer",
            "block9_conv1",
            r"terms\.feature_l1\.options\.layer: unknown name 'block9_conv1'",
        ),
        (
            "stages.stage1.terms.nearest",
            {"options": {"window": 4}},
            r"terms\.nearest\.options\.window: expected a positive odd number, got 4",
        ),
        ("stages.stage1.terms.feature_l1.weight", -1.0, r"feature_l1\.weight: expected a number"),
        ("stages.stage1.real_draw", -1, r"config\.stages\.stage1\."),
        ("stages.stage1.real_draw", 5, r"stage1\.draws: \[0, 1, 5\] are used"),
        (
            "stages.stage1.draws.d",
            0,
            r"\[0, 2\] are used \(draws\.d=0, draws\.g=0, real_draw=2\); .*stage1\.real_draw among",
        ),
        ("stages.stage1.critics", ("d",), r"stage1\.critics: .*stage1\.critic names one already"),
        ("stages.stage1.generators_from", -1, r"stage1\.generators_from: -1 is negative"),
        (
            "stages.stage1.generators_from",
            10**6,
            r"generators_from: in \d+ steps no generator would",
        ),
        ("stages.stage1.terms.pose", {}, r"stage1\.terms\.pose: compares poses; g makes images"),
        ("stages.stage1.earlier_fakes", True, r"earlier_fakes: d moves on draw 1; expected a gen"),
        ("networks.g.options.featurs", 4, r"featurs: .* no such .*\(did you mean features\?\)"),
        ("stages.stage1.player", ("g",), r"stage1\.player: unknown key; .*mean players\?\)"),
        ("stages.stage1.players", ("g1",), r"unknown name 'g1'; known are d, g"),
        ("networks.g.options.dropout", "half", r"options\.dropout: expected float"),
    ],
)
def test_a_wrong_key_of_a_deformable_row_is_named(path, value, message):
    config = plain(deformable.get_config("synthetic_people/percloss"))
    _set(config, path, value)
    with pytest.raises(ValueError, match=message):
        build(config)


def test_a_loss_that_cannot_be_called_is_named(monkeypatch):
    terms = {
        "few": lambda scene, image: 0.0,
        "unset": lambda scene, image, features, step: 0.0,
    }
    for name, term in terms.items():
        monkeypatch.setitem(losses.TERMS, name, term)
        config = plain(deformable.get_config("synthetic_people/dsc"))
        config["stages"]["stage1"]["terms"] = {name: {"weight": 1.0}}
        with pytest.raises(InputError, match=rf"terms\.{name}: .* as \(scene, image, features\)"):
            build(config)
    pair = losses.Adversarial(lambda real, fake: (0.0, 0.0), lambda fake: 0.0)
    monkeypatch.setitem(losses.ADVERSARIAL, "half", pair)
    config = plain(deformable.get_config("synthetic_people/dsc"))
    config["stages"]["stage1"]["adversarial"] = {"half": {"weight": 1.0}}
    with pytest.raises(InputError, match=r"adversarial\.half: .* called as \(real, fake\)"):
        build(config)


def test_features_are_read_where_a_term_has_a_layer():
    for row, read in {"percloss": True, "full": False, "dsc": False}.items():
        assert build(deformable.get_config(f"synthetic_people/{row}")).reads_features == read
    config = plain(deformable.get_config("market1501/full"))
    assert build(config).reads_features
    _set(config, "stages.stage1.terms.nearest.options.layer", "none")
    assert not build(config).reads_features


def test_a_missing_key_is_named(config):
    del config["stages"]["stage1"]["terms"]
    with pytest.raises(ValueError, match=re.escape("config.stages.stage1.terms: missing")):
        build(config)


def test_a_config_read_back_from_json_is_the_same_recipe():
    config = pg2.get_config("synthetic_people/g1_g2_d_released")
    assert build(plain(config)) == build(config)


def test_the_stage_of_a_step(config):
    recipe = build(config)
    first = recipe.stages["stage1"].steps
    assert [recipe.stage_of(s) for s in (0, 1, first, first + 1, recipe.total_steps)] == [
        "stage1",
        "stage1",
        "stage1",
        "stage2",
        "stage2",
    ]


def test_a_short_run_of_a_stage_whose_generators_wait(config):
    config["stages"]["stage2"]["generators_from"] = 2
    config["total_steps"] = config["stages"]["stage1"]["steps"] + 1
    assert build(config).stages["stage2"].steps == 1


def test_a_call_does_not_run_past_a_report():
    config = tiny.config()
    config.compute.steps_per_call = 3
    with pytest.raises(InputError, match=r"steps_per_call: 3 steps .* 2$"):
        build(config)


def test_several_critics_are_named():
    config = plain(deformable.get_config("synthetic_people/dsc"))
    stage = config["stages"]["stage1"]
    stage |= {"critic": None, "critics": ["d"]}
    assert build(config).critics == {"d"}
    stage["critics"] = ["d", "d"]
    with pytest.raises(InputError, match=r"stage1\.critics: d, d: expected different networks"):
        build(config)
    stage["critics"] = ["d", "e"]
    with pytest.raises(InputError, match=r"stage1\.critics: unknown name 'e'; known are d, g"):
        build(config)
    stage["critics"], stage["separate"] = [], True
    stage["adversarial"], stage["negatives"], stage["players"] = {}, {}, ["g"]
    with pytest.raises(InputError, match=r"stage1\.separate: only a stage with a critic"):
        build(config)


def test_moves_of_a_player_take_the_draws_that_follow():
    config = plain(deformable.get_config("synthetic_people/dsc"))
    stage = config["stages"]["stage1"]
    stage |= {"players": ["g", "d", "d"], "draws": {"d": 1}, "real_draw": 3}
    recipe = build(config)
    assert recipe.stages["stage1"].moves == (("g", 0, 0), ("d", 1, 3), ("d", 2, 4))
    assert recipe.stages["stage1"].batches == 5
    stage["real_draw"] = 4
    with pytest.raises(InputError, match=r"draws: \[0, 1, 2, 4, 5\] are used"):
        build(config)


def test_a_network_of_ones_own_in_the_sets_of_networks(monkeypatch):
    """As docs/extend/network.md adds it."""
    monkeypatch.setitem(nets.NETS, "mine", nets.NETS["pg2_g1"])
    config = pg2.get_config("synthetic_people/g1_l1")
    config.networks.g1.net = "mine"
    config.stages.stage1.terms = {}  # no term of images: later it makes none
    in_parts = config.copy_and_resolve_references()
    in_parts.compute.accumulate = 2
    build(in_parts)

    def told():
        recipe = build(config)
        ((name, stage),) = recipe.stages.items()
        reads_view = Model(plain(config), name, 4, (128, 64), {}).reads_view
        return recipe.draws_images(stage), reads_view, draws_noise(recipe, name)

    sets = nets.NO_IMAGES, nets.BY_VIEW, nets.LATENT, nets.OVER_BATCH
    assert told() == (True, False, False)
    for names in sets:
        names.add("mine")
    try:
        assert told() == (False, True, True)
        with pytest.raises(InputError, match=r"networks\.g1 depends on the whole batch"):
            build(in_parts)
    finally:
        for names in sets:
            names.remove("mine")


@pytest.mark.parametrize(
    ("config", "noisy"),
    [
        (varigan.get_config("synthetic_people/varigan_reading"), [True, True]),
        (deformable.get_config("synthetic_people/dsc"), [True]),
        (pg2.get_config("synthetic_people/g1_l1"), [False]),
    ],
)
def test_dropout_and_a_latent_are_noise(config, noisy):
    recipe = build(config)
    assert [draws_noise(recipe, stage) for stage in recipe.stages] == noisy
