"""Toy rows and a toy data set that compile in seconds; for tests alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import deformable, pg2
from pgjax.data import pairs, store
from pgjax.data.store import Split
from pgjax.keypoints import Pose, make_pose
from pgjax.pose.batch import Batch, Indices, Store, fetch
from pgjax.serving import export
from pgjax.training.model_folder import Model
from pgjax.training.recipe import build
from pgjax.training.state import init_state

SIZE = (64, 32)


def config(row: str = "g1_g2_d", steps: tuple[int, int] = (4, 4)):
    """PG2 at 64×32, four features wide, batch 4."""
    made = pg2.get_config(f"synthetic_people/{row}")
    narrow(made).networks.g1.options.code = 8
    return _shorten(made, steps)


def deformable_config(row: str = "full", steps: int = 4):
    """A deformable row at 64×32, four features wide, batch 4."""
    made = deformable.get_config(f"synthetic_people/{row}")
    return _shorten(narrow(made), (steps,))


def generator_config():
    """A generator with dropout under L1, and nothing else: compiles fastest of all that has noise."""
    made = deformable_config("baseline")
    del made.networks["d"]
    stage = made.stages.stage1
    stage.players, stage.critic, stage.real_draw = ("g",), None, None
    stage.adversarial, stage.negatives, stage.draws = {}, {}, {}
    return made


USERS_FUSIONS = {"xla_cpu_use_fusion_emitters": True} if jax.__version_info__ < (0, 11) else {}
"""Options of a compilation: the emitters that users have, not the older ones of other tests (conftest.py).

The older ones round one formula otherwise in another program; with these the programs that tests compare
agree to the bit (as measured; XLA promises neither).
"""


def with_users_fusions(function):
    """A jitted or mapped function, compiled with USERS_FUSIONS; static arguments by keyword."""
    programs = {}

    def call(*args, **static):
        leaves, structure = jax.tree.flatten(args)
        key = structure, tuple(map(jnp.shape, leaves)), tuple(sorted(static.items()))
        if key not in programs:
            programs[key] = function.lower(*args, **static).compile(USERS_FUSIONS)
        return programs[key](*args)

    return call


def narrow(made):
    """Any config at batch 4, its networks four features wide and, of equal blocks, two deep."""
    made.batch_size = 4
    for network in made.networks.values():
        network.options.features = 4
        if network.net in ("patn", "residual_critic"):
            network.options.blocks = 2
    return made


def _shorten(made, steps: tuple[int, ...]):
    for stage, count in zip(made.stages.values(), steps, strict=False):
        stage.steps = count
    made.report.update(
        log_every=2,
        sample_every=4,
        sample_pairs=2,
        score_pairs=4,
        checkpoint_every=2,
        keep_checkpoints=10,
    )
    made.evaluation.batch_size = 4
    return made


def split(seed: int, identities: int = 3, photos: int = 3) -> Split:
    """Photos of coloured noise with joints about where a standing person has them."""
    rng = np.random.default_rng(seed)
    count = identities * photos
    base = np.linspace(6, 58, 18)[None, :, None] * [1.0, 0.0] + [0.0, 16.0]
    keypoints = (base + rng.normal(0, 3, (count, 18, 2))).astype(np.float32)
    visible = rng.random((count, 18)) < 0.9
    visible[:, [2, 5, 8, 11]] = True
    who = np.repeat([f"{seed}{i:03d}" for i in range(identities)], photos)
    names = tuple(f"{name}_c1s1_{i:06d}_00.png" for i, name in enumerate(who))
    images = rng.integers(0, 256, (count, *SIZE, 3), np.uint8)
    return Split(Store(images, keypoints, visible), names, who)


def batch(seed: int = 0, size: int = 4) -> Batch:
    made = split(seed)
    rng = np.random.default_rng(seed)
    count = len(made.names)
    chosen = rng.integers(0, count, (2, size))
    return fetch(made.store, Indices(*chosen, np.zeros(size, bool)))


def model(made, step: int = 4) -> Model:
    """A row's generators as they start, as an exported model."""
    return export.model_of(made, init_state(build(made))._replace(step=jnp.int32(step)))


def pose(seed: int, place: int, size: tuple[int, int] | None = None) -> Pose:
    """Of a photo of `split(seed)`."""
    made = split(seed).store
    return make_pose(made.keypoints[place], made.visible[place], size=size)


SPLITS = {"train": split(1), "test": split(2)}


def use_data(patch: pytest.MonkeyPatch) -> None:
    """Puts SPLITS and six of their pairs in the place of every data set."""
    patch.setattr(store, "load_split", lambda name, split, data_dir, limit: SPLITS[split])
    patch.setattr(
        store,
        "test_pairs",
        lambda name, split, data_dir: pairs.sample(store.train_pairs(split, "deformable"), 6),
    )


def logged(stage) -> set[str]:
    """What a step logs of its players, as PLAYER/NAME."""
    names = {f"{player}/{term}" for player in stage.players for term in ("loss", "gradient_norm")}
    for player in stage.players:
        if player in stage.judges:
            sides = ("real", *stage.negatives)
            names |= {f"{player}/{k}_{side}" for k in stage.adversarial for side in sides}
        else:
            critics = [f"_{name}" for name in stage.judges] if len(stage.judges) > 1 else [""]
            names |= {f"{player}/{k}" for k in stage.terms}
            names |= {f"{player}/{k}{critic}" for k in stage.adversarial for critic in critics}
    return names


def of_players(log) -> set[str]:
    """The names in a step's log that have a player before them."""
    return {name for name in log if "/" in name}


def kept_gradient(learning_rate: float) -> optax.GradientTransformation:
    """An optimizer that moves nothing and keeps the gradient in its state."""
    del learning_rate

    def update(gradient, state, params=None):
        del state, params
        return jax.tree.map(jnp.zeros_like, gradient), gradient

    return optax.GradientTransformation(lambda p: jax.tree.map(jnp.zeros_like, p), update)
