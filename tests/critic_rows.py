"""Networks of a few weights for steps of several critics, and rows of them; for tests alone."""

import contextlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import pytest

import tiny
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


RATE = 0.05


@contextlib.contextmanager
def known():
    """The networks under the names painter, judge and teller, and plain gradient descent as sgd."""
    with pytest.MonkeyPatch.context() as patch:
        for name, net in {"painter": Painter, "judge": Judge, "teller": Teller}.items():
            patch.setitem(NETS, name, net)
        patch.setitem(OPTIMIZERS, "sgd", optax.sgd)
        yield


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
