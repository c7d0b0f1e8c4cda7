"""One training step against the same step written out by hand, on two different draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import jax_utils

import tiny
from pgjax.data.pipeline import split_over_devices
from pgjax.nets import NETS
from pgjax.pose.scene import derive
from pgjax.runtime.devices import DEVICES, over_devices, replicate
from pgjax.training.recipe import build
from pgjax.training.state import init_state, optimizer
from pgjax.training.steps import make_generate, make_step

BATCHES = (tiny.batch(3), tiny.batch(4))


def _recipe(seed: int = 0):
    """The released row, which has every kind of negative, with a draw for each player."""
    config = tiny.config("g1_g2_d_released")
    config.stages.stage2.draws = {"d": 1}
    config.seed = seed
    return build(config)


class Compiled:
    def __init__(self):
        self.recipe = _recipe()
        self.state = init_state(self.recipe)
        self.steps = {
            name: over_devices(make_step(self.recipe, stage))
            for name, stage in self.recipe.stages.items()
        }

    def run(self, stage, devices, batches):
        state = jax_utils.replicate(self.state, jax.devices()[:devices])
        split = tuple(split_over_devices(b, devices) for b in batches)
        state, log = self.steps[stage](state, split)
        # Not flax's unreplicate, which keeps the axis of one device among several.
        return jax.tree.map(lambda x: x[0], state), {k: float(v[0]) for k, v in log.items()}


@pytest.fixture(scope="module")
def compiled():
    return Compiled()


@pytest.fixture(scope="module")
def two(compiled):
    """Stage 2 after one step over two devices."""
    return compiled.run("stage2", 2, BATCHES)


class ByHand:
    """Stage 2 of the released code (docs/reference_facts.md, 2.3-2.5), without our own step and losses."""

    def __init__(self, recipe, state):
        self.nets = {name: NETS[n.net](**n.options) for name, n in recipe.networks.items()}
        self.params = {name: network.params for name, network in state.networks.items()}
        self.scenes = [derive(batch, disc_radius=2, heatmap_sigma=3.0) for batch in BATCHES]

    def image(self, scene, g2):
        first = self.nets["g1"].apply({"params": self.params["g1"]}, scene, {}, train=False)
        given = {"g1": first}
        return first, self.nets["g2"].apply({"params": g2}, scene, given, train=True)

    def logits(self, d, scene, images):
        """Of several sets of images, judged as one batch."""
        scenes = jax.tree.map(lambda x: jnp.concatenate([x] * len(images)), scene)
        judge = jax.vmap(
            lambda s, x: self.nets["d"].apply({"params": d}, s, x, train=True), axis_name=DEVICES
        )
        one_device = jax.tree.map(lambda x: x[None], (scenes, jnp.concatenate(images)))
        return jnp.split(judge(*one_device)[0], len(images))

    def g2_loss(self, g2):
        scene = self.scenes[0]
        first, image = self.image(scene, g2)
        shown = [scene.target_image, image, scene.source_image, first]
        _, fake, _, _ = self.logits(self.params["d"], scene, shown)
        difference = jnp.abs(image - scene.target_image)
        mask_l1 = jnp.mean(difference) + jnp.mean(difference * scene.pose_mask[..., None])
        bce = -jnp.mean(jnp.log(jax.nn.sigmoid(fake)))
        # The toy row's lambda.
        return bce + 100.0 * mask_l1, {"bce": bce, "mask_l1": mask_l1}

    def d_loss(self, d, g2):
        scene = self.scenes[1]
        first, image = self.image(scene, g2)
        shown = [scene.target_image, image, scene.source_image, first]
        real, fake, source, _ = self.logits(d, scene, shown)
        parts = {
            "bce_real": -jnp.mean(jnp.log(jax.nn.sigmoid(real))),
            "bce_generated": -jnp.mean(jnp.log(1 - jax.nn.sigmoid(fake))),
            "bce_source": -jnp.mean(jnp.log(1 - jax.nn.sigmoid(source))),
        }
        weights = {"bce_real": 0.5, "bce_generated": 0.25, "bce_source": 0.25}
        return sum(weights[name] * part for name, part in parts.items()), parts


def _compare(log, player, loss, parts):
    np.testing.assert_allclose(log[f"{player}/loss"], loss, rtol=1e-4)
    for name, part in parts.items():
        np.testing.assert_allclose(log[f"{player}/{name}"], part, rtol=1e-4, err_msg=name)


def _adams_first_step(before, after, gradient, rate):
    """Adam's first step is rate * g / (|g| + eps), whatever the betas."""
    expected = before - rate * gradient / (np.abs(gradient) + 1e-8)
    clear = np.abs(gradient) > 1e-5  # where rounding does not decide the sign
    assert clear.any()
    np.testing.assert_allclose(after[clear], expected[clear], atol=rate * 1e-2)


def test_a_step_is_the_step_written_out(compiled, two):
    state, log = two
    hand = ByHand(compiled.recipe, compiled.state)
    old = hand.params
    (loss, parts), gradient = jax.jit(jax.value_and_grad(hand.g2_loss, has_aux=True))(old["g2"])
    _compare(log, "g2", loss, parts)
    new = state.networks["g2"].params
    place = ("out", "bias")
    _adams_first_step(
        *(np.asarray(p[place[0]][place[1]]) for p in (old["g2"], new, gradient)), 2e-4
    )

    # The critic moves second: it judges the images of the G2 that has just moved, of its own draw.
    loss_of_d = jax.jit(jax.value_and_grad(hand.d_loss, has_aux=True))
    (loss, parts), gradient = loss_of_d(old["d"], new)
    _compare(log, "d", loss, parts)
    moved = state.networks["d"].params
    kernels = (np.asarray(p["logit"]["kernel"]) for p in (old["d"], moved, gradient))
    _adams_first_step(*kernels, 2e-5)
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in jax.tree.leaves(gradient)))
    np.testing.assert_allclose(log["d/gradient_norm"], norm, rtol=1e-3)


def _changed(a, b) -> set[str]:
    return {
        name
        for name in a.networks
        if not all(
            np.array_equal(x, y)
            for x, y in zip(
                jax.tree.leaves(a.networks[name]), jax.tree.leaves(b.networks[name]), strict=True
            )
        )
    }


def test_only_the_players_of_a_stage_move(compiled, two):
    one, log = compiled.run("stage1", 2, BATCHES[:1])
    assert _changed(compiled.state, one) == {"g1"} and int(one.step) == 1
    assert _changed(compiled.state, two[0]) == {"g2", "d"}
    assert set(log) == {"g1/mask_l1", "g1/loss", "g1/gradient_norm"}


@pytest.mark.slow
def test_two_devices_equal_one(compiled, two):
    one_state, one = compiled.run("stage2", 1, BATCHES)
    assert two[1].keys() == one.keys()
    for name, value in one.items():
        np.testing.assert_allclose(two[1][name], value, rtol=2e-5, err_msg=name)
    # Adam keeps half of the first gradient. Biases before a batch norm have none but rounding.
    for player in ("g2", "d"):
        a, b = (jax.tree.leaves(s.networks[player].optimizer[0].mu) for s in (one_state, two[0]))
        largest = max(np.abs(x).max() for x in a)
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, atol=1e-5 * largest)


def test_the_optimizer_is_adam_with_the_papers_betas():
    network = _recipe().networks["g1"]
    made = optimizer(network)
    gradients = np.array([[0.5, -2.0, 0.01], [-1.5, 1.0, 0.02]])
    state, updates = made.init(jnp.zeros(3)), None
    mean = square = np.zeros(3)
    for step, gradient in enumerate(gradients, 1):
        updates, state = made.update(jnp.asarray(gradient, jnp.float32), state)
        mean = 0.5 * mean + 0.5 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = (mean / (1 - 0.5**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        np.testing.assert_allclose(updates, -7e-4 * corrected, rtol=1e-4)


def test_generation_is_what_the_modules_compute(compiled, two):
    hand = ByHand(compiled.recipe, compiled.state)
    generate = jax.jit(make_generate(compiled.recipe, compiled.recipe.stages["stage2"]))
    variables = {name: {"params": hand.params[name]} for name in ("g1", "g2")}
    images = generate(variables, BATCHES[0])
    first, second = jax.jit(hand.image)(hand.scenes[0], hand.params["g2"])
    assert list(images) == ["g1", "g2"]
    for image, expected in zip(images.values(), (first, second), strict=True):
        np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.slow
def test_the_state_is_a_function_of_the_seed(compiled):
    assert not _changed(compiled.state, init_state(_recipe()))
    assert _changed(compiled.state, init_state(_recipe(seed=1))) == {"g1", "g2", "d"}


def test_the_second_step_does_not_compile_again(compiled, caplog):
    step, batches = compiled.steps["stage1"], (split_over_devices(BATCHES[0], 2),)

    def compilations(state):
        caplog.clear()
        with jax.log_compiles():
            state, _ = step(state, batches)
        return state, sum(r.getMessage().startswith("Compiling") for r in caplog.records)

    # Restored states are numpy arrays; they must not compile anew either.
    state, first = compilations(replicate(compiled.state))
    assert first == 1
    assert compilations(state)[1] == 0
    restored = jax.tree.map(np.asarray, compiled.state)
    assert compilations(replicate(restored))[1] == 0
