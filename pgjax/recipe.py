"""A row as frozen records, built from its config and checked key by key.

Everything that training and evaluation read stands in a Recipe. A key that no record has, a value of
the wrong type, or an option that the chosen network, loss or optimizer does not take stops here, with
an error that names the key.
"""

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import optax

from pgjax import frozen, losses, scene
from pgjax.data import DATASETS
from pgjax.data.pairs import RULES
from pgjax.errors import InputError
from pgjax.nets import NETS, OVER_BATCH

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "rmsprop": optax.rmsprop,
}

PRECISIONS = ("float32", "bfloat16")
PLACES = ("auto", "host", "device")
"""Of photos; "device" gathers pairs in the compiled step, "auto" does on accelerators that have the room."""


@dataclasses.dataclass(frozen=True)
class Data:
    """Which photos and pairs: a name in DATASETS, a name in pairs.RULES, mirrored pairs half the time.

    Photos are decoded once and held in memory where they take at most `memory_limit_gb` (10^9 bytes).
    """

    name: str
    pairs: str
    flip: bool = False
    memory_limit_gb: float = 8.0


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """A name in OPTIMIZERS; options are its keyword arguments."""

    name: str
    learning_rate: float
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Network:
    """A name in NETS; options are the module's fields."""

    net: str
    optimizer: Optimizer
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Loss:
    """A name in losses.TERMS or losses.ADVERSARIAL is its key; options are its keyword arguments."""

    weight: float = 1.0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Stage:
    """What is trained, for how many steps, and how it is judged.

    `generators` run in this order, each seeing the images of those before it; the last one's image is
    the stage's output. `players` move in this order; every other network is frozen. `terms` compare
    the output with the target. Where there is a `critic`, it judges the target against `negatives`:
    weights by name, where "generated" is the stage's output, "source" the source image, and any
    other name that generator's image. `draws` numbers the batch that each player sees (0 unless said);
    `real_draw` the one whose targets are real to the critic when it moves (its own unless said).
    """

    steps: int
    players: tuple[str, ...]
    generators: tuple[str, ...]
    terms: Mapping[str, Loss]
    critic: str | None = None
    adversarial: Mapping[str, Loss] = dataclasses.field(default_factory=dict)
    negatives: Mapping[str, float] = dataclasses.field(default_factory=dict)
    real_weight: float = 1.0
    draws: Mapping[str, int] = dataclasses.field(default_factory=dict)
    real_draw: int | None = None

    @property
    def batches(self) -> int:
        """How many batches one step takes."""
        return 1 + max(self.real_draw or 0, *(self.draws.get(p, 0) for p in self.players))


@dataclasses.dataclass(frozen=True)
class Features:
    """The frozen network that terms read: a name in frozen.NETS, and how it is fed.

    weights: "imagenet", or "random" where no file is wanted. means: "proper", or "swapped" as in the
    released deformable GAN (reference fact 1.3).
    """

    net: str
    weights: str = "imagenet"
    means: str = "proper"


@dataclasses.dataclass(frozen=True)
class Report:
    """How often, in steps, a run logs, draws samples, scores held-out pairs and saves itself."""

    log_every: int = 100
    sample_every: int = 1000
    sample_pairs: int = 8
    score_pairs: int = 64
    checkpoint_every: int = 1000
    keep_checkpoints: int = 3


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Batch size of generation, and the radius in pixels of the mask of mask-SSIM."""

    batch_size: int = 32
    mask_radius: int = 4


@dataclasses.dataclass(frozen=True)
class Compute:
    """How a row is computed.

    precision: a name in PRECISIONS, of the networks' arithmetic; parameters, statistics and losses are
    float32 always. Products in "float32" have the backend's default (TF32 on some GPUs), but for
    spectral norms, transforms and distances, which are exact. accumulate: a step's batch goes through
    in so many equal parts, and the mean of their gradients is applied. images: a name in PLACES: where
    decoded photos are held while training. steps_per_call: so many steps run in one call of the
    compiled program.
    """

    precision: str = "float32"
    accumulate: int = 1
    images: str = "auto"
    steps_per_call: int = 1


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One row of a published table; `stages` and `networks` by name, stages in the names' order.

    A config may also have `total_steps`, where the whole run ends (0: after the stages' own sum): `build`
    lengthens or cuts the last stage to end there; stages that would begin there or later get no steps.
    """

    row: str
    data: Data
    batch_size: int
    networks: Mapping[str, Network]
    stages: Mapping[str, Stage]
    seed: int = 0
    features: Features | None = None
    scene: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    report: Report = dataclasses.field(default_factory=Report)
    evaluation: Evaluation = dataclasses.field(default_factory=Evaluation)
    compute: Compute = dataclasses.field(default_factory=Compute)
    published: Mapping[str, float] = dataclasses.field(default_factory=dict)
    published_in: str = ""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the data set's photos, pixels."""
        return DATASETS[self.data.name].size

    @property
    def total_steps(self) -> int:
        return sum(stage.steps for stage in self.stages.values())

    @property
    def reads_features(self) -> bool:
        """Whether a term asks the frozen network for a layer."""
        terms = [item for stage in self.stages.values() for item in stage.terms.items()]
        return any(_layer(name, loss) not in (None, losses.PIXELS) for name, loss in terms)

    @property
    def critics(self) -> frozenset[str]:
        return frozenset(s.critic for s in self.stages.values() if s.critic is not None)

    def stage_of(self, step: int) -> str:
        """The name of the stage that made step `step` (counted from 1); step 0 is the first stage's."""
        return [name for name, start in self.starts().items() if start < max(step, 1)][-1]

    def starts(self) -> dict[str, int]:
        """The number of steps before each stage."""
        starts, step = {}, 0
        for name, stage in self.stages.items():
            starts[name] = step
            step += stage.steps
        return starts


def build(config: Mapping[str, Any]) -> Recipe:
    """Builds and checks a Recipe.

    Args:
      config: nested mapping with the fields of Recipe, such as a ConfigDict.

    Raises:
      InputError: names the key that is unknown, missing, of the wrong type or not allowed, and what is.
    """
    total = 0
    if hasattr(config, "items"):
        config = dict(config.items())
        total = _value(int, config.pop("total_steps", 0), "config.total_steps")
    recipe = _record(Recipe, config, "config")
    _choice(recipe.data.name, DATASETS, "config.data.name")
    if recipe.row.partition("/")[0] != recipe.data.name:
        raise InputError(
            f"config.data.name: {recipe.data.name!r} is not the data set of row {recipe.row!r}"
        )
    _choice(recipe.data.pairs, RULES, "config.data.pairs")
    _options(scene.derive, recipe.scene, "config.scene", skip=("batch",))
    _positive(recipe.batch_size, "config.batch_size")
    _positive(recipe.data.memory_limit_gb, "config.data.memory_limit_gb")
    for part in ("report", "evaluation", "scene"):
        values = getattr(recipe, part)
        values = values if part == "scene" else dataclasses.asdict(values)
        for name, value in values.items():
            _positive(value, f"config.{part}.{name}")
    _choice(recipe.compute.precision, PRECISIONS, "config.compute.precision")
    _choice(recipe.compute.images, PLACES, "config.compute.images")
    _positive(recipe.compute.accumulate, "config.compute.accumulate")
    _positive(recipe.compute.steps_per_call, "config.compute.steps_per_call")
    every = min(getattr(recipe.report, f"{what}_every") for what in ("log", "sample", "checkpoint"))
    if recipe.compute.steps_per_call > every:
        raise InputError(
            f"config.compute.steps_per_call: {recipe.compute.steps_per_call} steps are more than "
            f"config.report logs, samples or saves after, {every}"
        )
    if recipe.seed < 0:
        raise InputError(f"config.seed: expected a number from 0 on, got {recipe.seed}")
    for name, network in recipe.networks.items():
        key = f"config.networks.{name}"
        _choice(network.net, NETS, f"{key}.net")
        _module_options(NETS[network.net], network.options, f"{key}.options")
        _check_optimizer(network.optimizer, f"{key}.optimizer")
    if recipe.features is not None:
        _choice(recipe.features.net, frozen.NETS, "config.features.net")
        _choice(recipe.features.weights, frozen.WEIGHTS, "config.features.weights")
        _choice(recipe.features.means, frozen.MEANS, "config.features.means")
    if not recipe.stages:
        raise InputError("config.stages: a recipe needs at least one stage")
    for name, stage in recipe.stages.items():
        _check_stage(recipe, stage, f"config.stages.{name}")
        _check_accumulation(recipe, stage, f"config.stages.{name}")
    if total < 0:
        raise InputError(f"config.total_steps: expected a number from 0 on, got {total}")
    return dataclasses.replace(recipe, stages=_ending_at(recipe, total)) if total else recipe


def _ending_at(recipe: Recipe, total: int) -> dict[str, Stage]:
    """The stages, the last that begins before step `total` ending there; those after it have no steps.

    They are kept, since networks start by the part that they play in them.
    """
    starts, last = recipe.starts(), recipe.stage_of(total)
    stages = {}
    for name, stage in recipe.stages.items():
        room = max(0, total - starts[name])
        steps = room if name == last else min(stage.steps, room)
        stages[name] = dataclasses.replace(stage, steps=steps)
    return stages


def _check_optimizer(optimizer: Optimizer, key: str) -> None:
    _choice(optimizer.name, OPTIMIZERS, f"{key}.name")
    _positive(optimizer.learning_rate, f"{key}.learning_rate")
    maker = OPTIMIZERS[optimizer.name]
    _options(maker, optimizer.options, f"{key}.options", ("learning_rate",))
    for name, value in optimizer.options.items():
        # Optax annotates its numbers as arrays, so that _options lets anything pass.
        if name in ("b1", "b2", "decay", "eps"):
            value = _value(float, value, f"{key}.options.{name}")
        if name == "eps":
            _positive(value, f"{key}.options.{name}")
        elif name in ("b1", "b2", "decay") and not 0 <= value < 1:
            raise InputError(f"{key}.options.{name}: expected 0 <= {name} < 1, got {value}")


def _check_stage(recipe: Recipe, stage: Stage, key: str) -> None:
    _positive(stage.steps, f"{key}.steps")
    if not stage.players or not stage.generators:
        raise InputError(f"{key}: needs at least one player and one generator")
    for field in ("players", "generators"):
        for name in getattr(stage, field):
            _choice(name, recipe.networks, f"{key}.{field}")
    for name, loss in stage.terms.items():
        _choice(name, losses.TERMS, f"{key}.terms")
        skip = ("scene", "image", "features")
        _options(losses.TERMS[name], loss.options, f"{key}.terms.{name}.options", skip)
        _check_layer(recipe, name, loss, f"{key}.terms.{name}")
        window = loss.options.get("window", 1)
        if window < 1 or window % 2 == 0:
            raise InputError(
                f"{key}.terms.{name}.options.window: expected a positive odd number, got {window}"
            )
    for name, loss in stage.adversarial.items():
        _choice(name, losses.ADVERSARIAL, f"{key}.adversarial")
        skip = ("real", "fake")
        maker = losses.ADVERSARIAL[name].critic
        _options(maker, loss.options, f"{key}.adversarial.{name}.options", skip)
    if stage.critic is None:
        for field in ("adversarial", "negatives"):
            if getattr(stage, field):
                raise InputError(f"{key}.{field}: only a stage with a critic takes this")
    else:
        _choice(stage.critic, recipe.networks, f"{key}.critic")
        if not stage.adversarial or not any(stage.negatives.values()):
            raise InputError(f"{key}: a critic needs `adversarial` and weighted `negatives`")
        for name in stage.negatives:
            _choice(name, ("generated", "source", *stage.generators), f"{key}.negatives")
    for name in stage.players:
        if name not in (*stage.generators, stage.critic):
            raise InputError(f"{key}.players: {name!r} is neither a generator nor the critic here")
    for group in ("terms", "adversarial"):
        for name, loss in getattr(stage, group).items():
            if not 0 <= loss.weight < math.inf:
                raise InputError(
                    f"{key}.{group}.{name}.weight: expected a number from 0 on, got {loss.weight}"
                )
    for name, draw in stage.draws.items():
        _choice(name, stage.players, f"{key}.draws")
        if draw < 0:
            raise InputError(f"{key}.draws.{name}: {draw} is negative")
    drawn = {stage.draws.get(name, 0) for name in stage.players} | {stage.real_draw or 0}
    if not drawn <= set(range(len(drawn))):
        raise InputError(
            f"{key}.draws: {sorted(drawn)} are used; number them 0, 1, ... without gaps"
        )
    if stage.real_draw is not None and (stage.critic not in stage.players or stage.real_draw < 0):
        raise InputError(
            f"{key}.real_draw: expected a number from 0 on in a stage whose critic plays, "
            f"got {stage.real_draw}"
        )


def _check_accumulation(recipe: Recipe, stage: Stage, key: str) -> None:
    """What depends on the batch as a whole cannot be computed from its parts."""
    if recipe.compute.accumulate == 1:
        return
    networks = [*stage.generators, *([] if stage.critic is None else [stage.critic])]
    parts = [f"config.networks.{n}" for n in networks if recipe.networks[n].net in OVER_BATCH]
    parts += [f"{key}.adversarial.{n}" for n in stage.adversarial if n in losses.OVER_BATCH]
    if parts:
        raise InputError(
            f"config.compute.accumulate: {parts[0]} depends on the whole batch at once; this row "
            "takes 1 only"
        )


def _layer(term: str, loss: Loss) -> str | None:
    """The layer that a term compares, losses.PIXELS for the image; None where it knows none."""
    option = inspect.signature(losses.TERMS[term]).parameters.get("layer")
    return None if option is None else loss.options.get("layer", option.default)


def _check_layer(recipe: Recipe, name: str, loss: Loss, key: str) -> None:
    """A term on features needs a frozen network that has its layer."""
    layer = _layer(name, loss)
    if layer in (None, losses.PIXELS):
        return
    if recipe.features is None:
        raise InputError(
            f"{key}: layer {layer!r} is of a frozen network; config.features names none"
        )
    _choice(layer, frozen.LAYERS[recipe.features.net], f"{key}.options.layer")


def _record(cls, values: Any, key: str):
    """Builds the dataclass `cls` from a mapping, checking names and types, field by field."""
    if not isinstance(values, Mapping) and not hasattr(values, "items"):
        raise InputError(f"{key}: expected a mapping with {_names(cls)}, got {values!r}")
    values = dict(values.items())
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for name in values:
        if name not in fields:
            raise InputError(f"{key}.{name}: unknown key; known are {_names(cls)}")
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING is field.default_factory
        if name not in values and required:
            raise InputError(f"{key}.{name}: missing")
    return cls(**{name: _value(hints[name], v, f"{key}.{name}") for name, v in values.items()})


def _names(cls) -> str:
    return ", ".join(f.name for f in dataclasses.fields(cls))


def _value(hint: Any, value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _record(hint, value, key)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else _value(args[0], value, key)
    if origin is Mapping:
        if not hasattr(value, "items"):
            raise InputError(f"{key}: expected a mapping, got {value!r}")
        return {k: _value(args[1], v, f"{key}.{k}") for k, v in value.items()}
    if origin is tuple:
        if not isinstance(value, tuple | list):
            raise InputError(f"{key}: expected a tuple, got {value!r}")
        kinds = args[:1] * len(value) if args[-1] is Ellipsis else args
        if len(kinds) != len(value):
            raise InputError(f"{key}: expected {len(kinds)} values, got {value!r}")
        return tuple(_value(kind, v, key) for kind, v in zip(kinds, value, strict=True))
    if hint is Any:
        # A config read back from JSON has lists where the original had tuples.
        return tuple(value) if isinstance(value, list) else value
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise InputError(f"{key}: expected {hint.__name__}, got {value!r}")
    return value


def _choice(name: str, known, key: str) -> None:
    if name not in known:
        raise InputError(f"{key}: unknown name {name!r}; known are {', '.join(sorted(known))}")


def _positive(value: float, key: str) -> None:
    if not 0 < value < math.inf:
        raise InputError(f"{key}: expected a positive number, got {value}")


def _options(function: Callable, options: Mapping, key: str, skip: tuple[str, ...]) -> None:
    """Options of a function: names of its parameters, values of their types where they say one."""
    hints = typing.get_type_hints(function)
    known = [n for n in inspect.signature(function).parameters if n not in skip]
    _known_options(function.__name__, known, hints, options, key)


def _module_options(module: type, options: Mapping, key: str) -> None:
    """Options of a flax module: names of its fields, values of their types."""
    known = [f.name for f in dataclasses.fields(module) if f.name not in ("parent", "name")]
    _known_options(module.__name__, known, typing.get_type_hints(module), options, key)


def _known_options(
    owner: str, known: list[str], hints: Mapping, options: Mapping, key: str
) -> None:
    for name, value in options.items():
        if name not in known:
            taken = ", ".join(known) or "none"
            raise InputError(f"{key}.{name}: {owner} takes no such option; it takes {taken}")
        hint = hints.get(name)
        if hint in (int, float, str, bool) or typing.get_origin(hint) is tuple:
            _value(hint, value, f"{key}.{name}")
