"""Networks of a few weights for steps of several critics, and rows of them; for tests alone."""

import contextlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import pytest

import tiny
from pgjax import nets
from pgjax.nets import NETS, layers
from pgjax.runtime.devices import DEVICES
from pgjax.training.recipe import OPTIMIZERS


class Painter(nn.Module):
    """A generator, pixel by pixel, with flax's running statistics and with dropout."""

    @nn.compact
    def __call__(self, scene, images, train):
        x = nn.Dense(4, name="in")(jnp.concatenate([scene.source_image, scene.target_discs], -1))
        x = nn.BatchNorm(not train, momentum=0.9, axis_name=DEVICES, name="norm")(x)
        x = layers.dropout(nn.relu(x), scene.keys, 0.5, salt=0)
        return jnp.tanh(nn.Dense(3, name="out")(x))


class Judge(nn.Module):
    """A critic, pixel by pixel, that normalises over the batch."""

    condition: str = "source_image"

    @nn.compact
    def __call__(self, scene, image, train):
        x = jnp.concatenate([image, getattr(scene, self.condition)], -1)
        x = nn.leaky_relu(layers.BatchNorm(name="norm")(nn.Dense(4, name="in")(x)), 0.2)
        return nn.Dense(1, name="out")(x).reshape(len(x), -1)


class Teller(nn.Module):
    """A critic whose logits tell its keys: uniform numbers, or 0 where nothing is random."""

    @nn.compact
    def __call__(self, scene, image, train):
        bias = self.param("bias", nn.initializers.zeros, (1,))
        drawn = (
            jnp.zeros(len(image))
            if scene.keys is None
            else jax.vmap(jax.random.uniform)(scene.keys)
        )
        return drawn + bias


class Coder(nn.Module):
    """A generator of codes (B, 5) from source photos."""

    @nn.compact
    def __call__(self, scene, images, train):
        return nn.Dense(5, name="out")(
            scene.source_image[:, ::16, ::16].reshape(len(scene.source_image), -1)
        )


class Mapper(nn.Module):
    """A generator of codes (B, 5) from noise."""

    @nn.compact
    def __call__(self, scene, images, train):
        count = len(scene.source_image)
        if scene.keys is None:
            noise = jnp.zeros((count, 5))
        else:
            noise = jax.vmap(lambda key: jax.random.normal(key, (5,)))(scene.keys)
        return nn.Dense(5, name="out")(noise)


class CodeJudge(nn.Module):
    """A critic of codes."""

    @nn.compact
    def __call__(self, scene, code, train):
        return nn.Dense(1, name="out")(jnp.square(nn.Dense(4, name="in")(code)))[:, 0]


NETWORKS = {
    "painter": Painter,
    "judge": Judge,
    "teller": Teller,
    "coder": Coder,
    "mapper": Mapper,
    "code_judge": CodeJudge,
}
CODES = {"coder", "mapper"}
RATE = 0.05


@contextlib.contextmanager
def known():
    """NETWORKS under their names, and plain gradient descent as sgd."""
    with pytest.MonkeyPatch.context() as patch:
        for name, net in NETWORKS.items():
            patch.setitem(NETS, name, net)
        patch.setitem(OPTIMIZERS, "sgd", optax.sgd)
        nets.NO_IMAGES.update(CODES)
        try:
            yield
        finally:
            nets.NO_IMAGES.difference_update(CODES)


def network(net: str, **options):
    return {"net": net, "options": options, "optimizer": {"name": "sgd", "learning_rate": RATE}}


def patn(**changes):
    """A stage as PATN's: two critics, separate forward passes, fakes of before the generator's move."""
    config = tiny.deformable_config("baseline")
    config.networks = {
        "g": network("painter"),
        "pp": network("judge"),
        "pb": network("judge", condition="target_discs"),
    }
    stage = {
        "steps": 4,
        "players": ("g", "pp", "pb"),
        "generators": ("g",),
        "terms": {"l1": {"weight": 10.0}},
        "critics": ("pp", "pb"),
        "adversarial": {"bce": {"weight": 5.0}},
        "negatives": {"generated": 0.5},
        "real_weight": 0.5,
        "separate": True,
        "earlier_fakes": True,
    }
    config.stages = {"stage1": stage | changes}
    return config


def coded():
    """A painter that is trained on single images, then codes from noise against those of a frozen coder."""
    config = tiny.deformable_config("baseline")
    config.data.draw = "images"
    chosen = {"g": "painter", "e": "coder", "m": "mapper", "d": "code_judge"}
    config.networks = {name: network(net) for name, net in chosen.items()}
    config.stages = {
        "stage1": {
            "steps": 2,
            "players": ("g",),
            "generators": ("e", "g"),
            "terms": {"l1": {"weight": 1.0}},
        },
        "stage2": {
            "steps": 2,
            "players": ("m", "d"),
            "generators": ("e", "m"),
            "terms": {},
            "critic": "d",
            "adversarial": {"bce": {"weight": 1.0}},
            "negatives": {"generated": 1.0},
            "real": "e",
            "draws": {"d": 1},
            "real_draw": 2,
        },
    }
    return config
