"""The state of a run: every network and optimizer of every stage, from step 0 on."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from pgjax import frozen
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.nets import NETS, layers, spectral
from pgjax.pose.batch import Batch
from pgjax.pose.scene import derive
from pgjax.runtime import random_keys
from pgjax.training.optimizers import OPTIMIZERS, SCHEDULES
from pgjax.training.pools import Pool, empty_pool
from pgjax.training.recipe import Network, Optimizer, Recipe

NO_ARRAYS: dict[str, Any] = {}


class NetworkState(NamedTuple):
    """`vectors` are those of spectral normalisation (pgjax.nets.spectral), `statistics` the running ones of
    norms over the batch (layers.STATISTICS); {} where no layer has any.

    `average` is that of the parameters (recipe.records.Recipe.ema); None where none is kept.
    """

    params: Any
    optimizer: Any
    vectors: Any = NO_ARRAYS
    average: Any = None
    statistics: Any = NO_ARRAYS

    @property
    def variables(self) -> dict[str, Any]:
        """What the network's module is applied with where it is trained."""
        return {
            "params": self.params,
            spectral.COLLECTION: self.vectors,
            layers.STATISTICS: self.statistics,
        }

    @property
    def averaged(self) -> dict[str, Any]:
        """What it is applied with elsewhere: with the average, where one is kept."""
        return self.variables | ({"params": self.average} if self.average else {})


class State(NamedTuple):
    """`step` counts finished steps over all stages (int32 scalar); `pools` are of critics, by name."""

    step: jax.Array
    networks: dict[str, NetworkState]
    pools: dict[str, Pool] = NO_ARRAYS


def modules(recipe: Recipe) -> dict[str, nn.Module]:
    """Every network of the recipe, by name."""
    return {name: NETS[n.net](**n.options) for name, n in recipe.networks.items()}


def optimizer(network: Network) -> optax.GradientTransformation:
    """The optimizer of a network, with what is done to its gradients before."""
    chosen = network.optimizer
    made = OPTIMIZERS[chosen.name](learning_rate=learning_rate(chosen), **chosen.options)
    before = []
    if chosen.clip_value:
        before.append(optax.clip(chosen.clip_value))
    if chosen.clip_norm:
        before.append(optax.clip_by_global_norm(chosen.clip_norm))
    return optax.chain(*before, made) if before else made


def learning_rate(chosen: Optimizer) -> float | optax.Schedule:
    """The learning rate by the count of moves that were made before; a number where it never changes."""
    schedule = chosen.schedule
    # As a number it is no part of the optimizer's state: checkpoints of before have no count of it.
    if schedule.name == "constant" and not schedule.warmup:
        return chosen.learning_rate
    factor = SCHEDULES[schedule.name].factor(**schedule.options)

    def rate(count):
        found = chosen.learning_rate * factor(count // schedule.every * schedule.every)
        if schedule.warmup:
            found *= jnp.minimum(1.0, (count + 1) / schedule.warmup)
        return found

    return rate


def blank_batch(recipe: Recipe, count: int = 1) -> Batch:
    """A Batch of black photos without joints, for shapes."""
    image = jnp.zeros((count, *recipe.image_size, 3), jnp.uint8)
    keypoints, visible = jnp.zeros((count, 18, 2)), jnp.zeros((count, 18), bool)
    return Batch(image, image, keypoints, visible, keypoints, visible)


def init_state(recipe: Recipe) -> State:
    """The state at step 0: a pure function of the recipe, the same on every device.

    Each network's key is folded from the seed and the network's own name, so that a network starts
    alike in every row that has it.
    """
    # Run once, so that compiling is all that it costs: unoptimised it takes a quarter of the time.
    options = {"xla_backend_optimization_level": 0}
    return jax.jit(_initializer(recipe), compiler_options=options)()


def state_shapes(recipe: Recipe) -> State:
    """A State of shapes and types; computes nothing."""
    return jax.eval_shape(_initializer(recipe))


def _initializer(recipe: Recipe) -> Callable[[], State]:
    made = modules(recipe)

    def init() -> State:
        scene = derive(blank_batch(recipe), **recipe.scene)
        images = dict.fromkeys(made, scene.target_image)
        networks = {}
        # Generators before those that see their outputs, and before critics.
        stages = recipe.stages.values()
        seen = {name: stage.generators[-1] for stage in stages for name in stage.judges}
        generators = [name for stage in stages for name in stage.generators]
        for name in dict.fromkeys([*generators, *made]):
            key = jax.random.fold_in(random_keys.key(recipe.seed), zlib.crc32(name.encode()))
            given = images[seen[name]] if name in seen else images
            try:
                output, variables = made[name].init_with_output(key, scene, given, train=False)
            except InputError as error:
                raise InputError(f"config.networks.{name}.options: {error}") from error
            if name in generators:
                images[name] = jnp.zeros_like(output)  # of which the shape alone is read
            params = variables["params"]
            moments = optimizer(recipe.networks[name]).init(params)
            averaged = recipe.ema and name not in recipe.critics
            networks[name] = NetworkState(
                params,
                moments,
                variables.get(spectral.COLLECTION, {}),
                params if averaged else None,
                variables.get(layers.STATISTICS, {}),
            )
        kept = {
            name: empty_pool(images[stage.generators[-1]], blank_batch(recipe), stage.pool)
            for stage in stages
            if stage.pool
            for name in stage.judges
        }
        return State(jnp.zeros((), jnp.int32), {name: networks[name] for name in made}, kept)

    return init


def frozen_weights(recipe: Recipe, data_dir: str) -> Any:
    """Weights of the frozen network that the row's losses read, or None where they read none.

    They lie in data_dir/weights and are no part of the State: no step changes or saves them.

    Raises:
      InputError: they are nowhere to be had; says what to fetch.
    """
    features = recipe.features
    if features is None or not recipe.reads_features:
        return None
    if features.weights == "random":
        return frozen.random(features.net)
    return frozen.load(features.net, paths.of(data_dir) / "weights")


def parameter_counts(state: State) -> dict[str, int]:
    """The number of parameters of each network; takes a State of shapes as well."""

    def count(params: Mapping) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    return {name: count(network.params) for name, network in state.networks.items()}
