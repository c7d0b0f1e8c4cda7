"""Runs that begin with other weights: a model's or a run's, all of them or named networks."""

import jax
import numpy as np
import pytest

import tiny
from pgjax.errors import InputError
from pgjax.nets import spectral
from pgjax.serving import export, model_card
from pgjax.tools import row_summary
from pgjax.training import finetuning, loop, run_directory
from pgjax.training.checkpoint import Checkpoints
from pgjax.training.recipe import build
from pgjax.training.state import init_state, state_shapes


@pytest.fixture(scope="module", autouse=True)
def _tiny_data():
    with pytest.MonkeyPatch.context() as patch:
        tiny.use_data(patch)
        patch.setattr(finetuning, "init_state", _init_state)
        yield


_STATES = {}


def _init_state(recipe):
    """Compiled once a seed and networks: that is most of the time."""
    key = recipe.seed, repr(recipe.networks)
    if key not in _STATES:
        _STATES[key] = init_state(recipe)
    return _STATES[key]


def _config(seed=0, **options):
    """A generator and a critic with vectors of spectral normalisation; no step of it is compiled."""
    made = tiny.narrow(tiny.deformable_config("baseline"))
    for network in made.networks.values():
        network.options.spectral = 1.0
        network.options.update(options)
    made.seed = seed
    return made


def _save(workdir, config, step, shift=0.0):
    """A run of that config with a checkpoint whose weights no other run has."""
    state = _init_state(build(config))
    networks = {
        name: network._replace(
            params=jax.tree.map(lambda x: x + shift, network.params),
            optimizer=jax.tree.map(lambda x: x + 1, network.optimizer),
            vectors=jax.tree.map(lambda x: x + 2 * shift, network.vectors),
        )
        for name, network in state.networks.items()
    }
    state = state._replace(step=np.int32(step), networks=networks)
    with (
        run_directory.open_run(workdir, config),
        Checkpoints(workdir, run_directory.identity(config)) as kept,
    ):
        kept.save(state)
    return state


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run's directory, and its states at steps 2 and 3."""
    workdir = tmp_path_factory.mktemp("source") / "run"
    return workdir, [_save(workdir, _config(), step, step / 8) for step in (2, 3)]


def _same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def _differ(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return any((np.asarray(x) != np.asarray(y)).any() for x, y in pairs)


@pytest.mark.slow
def test_all_of_a_runs_last_checkpoint(run):
    workdir, (_, last) = run
    config = finetuning.with_init(_config(seed=5), str(workdir))
    assert config.init.networks == ["d", "g"] and config.init.step == 3
    own, state = _init_state(build(config)), finetuning.first_state(build(config))
    assert int(state.step) == 0
    for name, network in state.networks.items():
        assert jax.tree.leaves(network.vectors)
        _same(network.variables, last.networks[name].variables)
        _same(network.optimizer, own.networks[name].optimizer)
        assert _differ(network.params, own.networks[name].params)


@pytest.mark.slow
def test_named_networks(run):
    workdir, (_, last) = run
    config = finetuning.with_init(_config(seed=5), str(workdir), ["g"])
    own, state = _init_state(build(config)), finetuning.first_state(build(config))
    _same(state.networks["g"].variables, last.networks["g"].variables)
    _same(state.networks["d"], own.networks["d"])
    assert finetuning.described(build(config)).startswith(
        f"begins with g of {workdir} (synthetic_people/baseline, step 3, sha256 "
    )
    assert finetuning.described(build(config)).endswith("; d and all optimizers begin anew")


def test_an_average_begins_with_what_was_taken(run, monkeypatch):
    workdir, (_, last) = run
    config = _config(seed=5)
    config.ema = 0.9
    config = finetuning.with_init(config, str(workdir), ["g"])

    def begun(recipe):
        """As init_state makes it, but for compiling it again."""
        state = _init_state(recipe)
        network = state.networks["g"]
        network = network._replace(average=network.params)
        return state._replace(networks=state.networks | {"g": network})

    monkeypatch.setattr(finetuning, "init_state", begun)
    network = finetuning.first_state(build(config)).networks["g"]
    _same(network.average, last.networks["g"].params)
    _same(network.averaged, last.networks["g"].variables)


def test_an_exported_model_gives_its_generators(run, tmp_path):
    workdir, (_, last) = run
    model = export.export_run(workdir, tmp_path / "model")
    config = finetuning.with_init(_config(seed=5), str(model))
    assert config.init.networks == ["g"]
    state = finetuning.first_state(build(config))
    _same(state.networks["g"].variables, last.networks["g"].variables)
    # The same arrays, wherever they come from.
    assert config.init.sha256 == finetuning.with_init(_config(), str(workdir), ["g"]).init.sha256
    # The card and the model of what comes of it say so.
    made = export.model_of(config, state)
    assert (
        f"| started from | `g` of `{model}` (`synthetic_people/baseline`), step 3, sha256 "
        in model_card.text(made)
    )
    assert made.config["init"]["sha256"] == config.init.sha256
    assert "started from" not in model_card.text(export.model_of(_config(), state))
    assert f"begins with g of {model} (" in row_summary.describe(config)


@pytest.mark.parametrize(
    ("made", "names", "told"),
    [
        (
            lambda: _config(features=8),
            (),
            r"network d, array params/\S+: \(.*\) in .*, \(.*\) in this config \(and \d+ more arrays\)",
        ),
        (
            lambda: _config(spectral=0.0),
            ("g",),
            r"network g, array spectral\S*/\S+: .* not there in this",
        ),
        (tiny.generator_config, (), r"holds the network 'd', .* --init_networks=g$"),
        (lambda: tiny.config("g1_l1"), (), r"holds the network 'd', .* --init_networks=NAMES$"),
        (_config, ("g", "e"), r"--init_networks: .* holds no network 'e'; there are d, g"),
    ],
)
def test_what_does_not_fit_is_one_error(run, made, names, told):
    with pytest.raises(InputError, match=told):
        finetuning.with_init(made(), str(run[0]), names)


def test_what_is_no_source_is_told(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"--init: .*neither an exported model .* nor a run"
    ):
        finetuning.with_init(_config(), str(tmp_path))
    with pytest.raises(InputError, match="--init_networks: needs --init"):
        finetuning.with_init(_config(), None, ["g"])
    config = _config()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / run_directory.CONFIG).write_text('{"row": "x", "networks": {}}')
    with pytest.raises(InputError, match=r"config\.data: missing"):
        finetuning.with_init(config, str(tmp_path / "run"))


def _begin(workdir, config):
    with run_directory.open_run(workdir, config):
        pass


def test_a_run_goes_on_with_what_it_began_with(run, tmp_path):
    source, workdir = str(run[0]), str(tmp_path / "new")
    config = finetuning.with_init(_config(), source, ["g"], workdir)
    _begin(workdir, config)
    for init, names in ((source, ["g"]), (source, []), (f"{source}/", ["g"]), (None, [])):
        again = finetuning.with_init(_config(), init, names, workdir)
        assert again.init.to_dict() == config.init.to_dict()
        run_directory.check(workdir, again)
    # Its source may go on, or be gone.
    assert finetuning.with_init(_config(), source, [], workdir).init.step == 3
    for names in (["d"], ["g", "d"]):
        told = rf"began with g of .*, step 3, .* has {', '.join(sorted(names))} of .*, step 3"
        with pytest.raises(InputError, match=told):
            finetuning.with_init(_config(), source, names, workdir)
    with pytest.raises(InputError, match=r"config\.init is .* there and None here"):
        run_directory.check(workdir, _config())


def test_a_run_with_weights_of_its_own_takes_no_others(run, tmp_path):
    _begin(tmp_path / "new", _config())
    with pytest.raises(
        InputError, match=r"--init: .*new holds a run that began with weights of its"
    ):
        finetuning.with_init(_config(), str(run[0]), (), str(tmp_path / "new"))
    assert finetuning.with_init(_config(), None, (), str(tmp_path / "new")).to_dict() == (
        _config().to_dict()
    )


@pytest.mark.slow
def test_a_source_that_has_changed_is_told(tmp_path):
    _save(tmp_path / "run", _config(), 2)
    model = str(export.export_run(tmp_path / "run", tmp_path / "model"))
    config = finetuning.with_init(_config(seed=5), model)
    _save(tmp_path / "run", _config(), 3, shift=1.0)
    export.export_run(tmp_path / "run", model)
    with pytest.raises(InputError, match=r"its weights have changed since this run was begun"):
        finetuning.first_state(build(config))
    # Of a run the very step is taken, as long as it is kept.
    config = finetuning.with_init(_config(seed=5), str(tmp_path / "run"))
    _save(tmp_path / "run", _config(), 4, shift=2.0)
    assert finetuning.first_state(build(config)).networks["g"]
    with pytest.raises(FileNotFoundError, match="no checkpoint of step 9"):
        finetuning.read(str(tmp_path / "run"), step=9)


@pytest.mark.slow
def test_training_begins_with_them(tmp_path, capsys):
    """A learning rate of next to nothing leaves them as they are."""
    source = tmp_path / "source"
    first = _save(source, tiny.generator_config(), 2, shift=0.25)
    config = tiny.generator_config()
    config.seed, config.total_steps = 3, 2
    config.networks.g.optimizer.learning_rate = 1e-30
    config = finetuning.with_init(config, str(source), workdir=str(tmp_path / "run"))
    state = loop.train_and_evaluate(config, tmp_path / "run", "unused")
    assert int(state.step) == 2
    _same(state.networks["g"].params, first.networks["g"].params)
    assert f"begins with g of {source} (" in capsys.readouterr().err
    assert run_directory.read_config(tmp_path / "run")["init"]["step"] == 2
    # Evaluation, export and going on read such a run.
    assert export.export_run(tmp_path / "run").is_dir()
    again = finetuning.with_init(_without_init(config), None, workdir=str(tmp_path / "run"))
    again.total_steps = 3
    assert int(loop.train_and_evaluate(again, tmp_path / "run", "unused").step) == 3
    assert "begins with" not in capsys.readouterr().err


def _without_init(config):
    with config.unlocked():
        del config.init
    return config


def test_arrays_are_found_by_the_names_that_models_have(run):
    arrays = finetuning.read(str(run[0])).networks["g"]
    shapes = state_shapes(build(_config())).networks["g"]
    assert len(arrays) == len(jax.tree.leaves((shapes.params, shapes.vectors)))
    assert {path.partition("/")[0] for path in arrays} == {"params", spectral.COLLECTION}
