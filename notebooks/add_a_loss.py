# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Add a loss and train it
#
# A generator that is trained with L1 alone draws pale people: where it does not know a colour, grey costs
# the least. This notebook adds a loss that compares the colours of the person, trains with it and without
# it, and compares.
#
# It needs no data and no GPU. It takes about a minute on two CPU cores. The files that it makes are in the
# folder `work`, beside the notebook.

# %%
import pathlib
import shutil
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from pgjax import TERMS, PoseTransfer, evaluate, export, load_config, train_and_evaluate

WORK = pathlib.Path("work")
DATA = WORK / "data"


def pgjax(*arguments):
    """Runs a command of pgjax, as `pgjax NAME ...` does in a terminal."""
    subprocess.run([sys.executable, "-m", "pgjax", *map(str, arguments)], check=True)


# %% [markdown]
# ## 1. The loss
#
# A loss, or *term*, is a function of three arguments:
#
# - `scene`: what a training step knows of its pairs. Here we need `scene.target_image`, (B, H, W, 3) with
#   values from -1 to 1, and `scene.pose_mask`, (B, H, W), which is 1 on the person and 0 elsewhere.
# - `image`: what the generator made, (B, H, W, 3) from -1 to 1.
# - `features`: the activations of a frozen network. Our loss does not use them.
#
# It returns one number. More arguments are its options, which the config sets.
#
# Ours cuts the difference of both images into patches, and takes the mean of each. In a patch that is right
# on average, differences cancel out. So this loss asks for the right colour, not for the right pixel.


# %%
def colours(scene, image, features, patch: int = 8):
    """Mean absolute difference of the mean colours in patches of the person."""
    del features
    mask = scene.pose_mask[..., None]
    difference = (image - scene.target_image) * mask
    batch, height, width, channels = difference.shape
    shape = (batch, height // patch, patch, width // patch, patch, channels)
    return jnp.mean(jnp.abs(difference.reshape(shape).mean((2, 4)))) / jnp.mean(mask)


# %% [markdown]
# Try it before you train with it. It is 0 for the target itself, larger for grey, and a checkerboard that
# is added to the target costs nothing, as intended. Its gradient is finite.


# %%
class Example:
    target_image = jax.random.uniform(jax.random.key(0), (2, 64, 32, 3), minval=-1)
    pose_mask = jnp.ones((2, 64, 32))


checkerboard = jnp.indices((64, 32)).sum(0)[..., None] % 2 - 0.5
perfect = colours(Example, Example.target_image, None)
grey = colours(Example, jnp.zeros_like(Example.target_image), None)
checked = colours(Example, Example.target_image + checkerboard, None)
print(f"target {perfect:.4f}, grey {grey:.4f}, with a checkerboard {checked:.4f}")
assert perfect == 0 and grey > 0.05 and checked < 1e-6
slope = jax.grad(lambda image: colours(Example, image, None))(jnp.zeros((2, 64, 32, 3)))
assert jnp.isfinite(slope).all() and jnp.abs(slope).max() > 0

# %% [markdown]
# ## 2. Its name
#
# Configs know losses by their names in the table `TERMS`. One line adds ours:

# %%
TERMS["colours"] = colours

# %% [markdown]
# ## 3. Two runs
#
# Both train the generator of the deformable GAN, narrow and without a critic, so that it takes seconds. The
# second has our loss beside L1. (L1 has the weight 100 in this row.)


# %%
def config_of(terms):
    """A short schedule of a row, with more terms: {name: {"weight": ..., "options": {...}}}."""
    config = load_config("deformable:synthetic_people/dsc")
    del config.networks["d"]
    stage = config.stages.stage1
    stage.players, stage.critic, stage.real_draw = ("g",), None, None
    stage.adversarial, stage.negatives, stage.draws = {}, {}, {}
    stage.terms.update(terms)
    config.networks.g.options.features = 8
    config.networks.g.optimizer.learning_rate = 1.5e-3
    config.batch_size = 4
    config.total_steps = 200
    config.report.update(log_every=50, sample_every=200)
    return config


configs = {
    "l1": config_of({}),
    "l1_and_colours": config_of({"colours": {"weight": 200.0, "options": {"patch": 8}}}),
}
print(configs["l1_and_colours"].stages.stage1.terms)

# %% [markdown]
# A config holds the name of a loss, not its code. A run that is continued would not notice that you changed
# the code. So start anew after each change: delete the runs.

# %%
RUNS = WORK / "runs" / "add_a_loss"
shutil.rmtree(RUNS, ignore_errors=True)
pgjax("prepare", "synthetic_people", f"--data_dir={DATA}")
for name, config in configs.items():
    train_and_evaluate(config, RUNS / name, str(DATA))

# %% [markdown]
# ## 4. What it changed
#
# The scores on 64 test pairs, under the protocol `pgjax`. `mask_ssim` looks at the person; a higher value
# is better. A lower `l1` is better.

# %%
for name in configs:
    result = evaluate(RUNS / name, str(DATA), limit=64, protocol="pgjax")
    scores = result["scores"]["model"]
    print(f"{name:15}", {key: round(scores[key], 4) for key in ("l1", "ssim", "mask_ssim")})

# %% [markdown]
# Expect a higher `l1` of the second run: the first run trained for nothing else. Scores after 200 steps
# with one seed prove nothing about a loss. For that, train for longer and with several seeds: `pgjax study`
# does this.
#
# The same person, drawn by both. From left to right: source, with L1 alone, with our loss, true target.

# %%
transfers = [PoseTransfer.load(export(RUNS / name)) for name in configs]
rows = []
for pair in (0, 6):
    folder = WORK / "pairs" / str(pair)
    pgjax("examples", "synthetic_people", f"--data_dir={DATA}", f"--out={folder}", f"--pair={pair}")
    source, target = folder / "source.png", folder / "target.png"
    poses = folder / "source_keypoints.json", folder / "target_keypoints.json"
    drawn = [transfer(source, *poses) for transfer in transfers]
    rows.append(np.hstack([Image.open(source), *drawn, Image.open(target)]))
picture = Image.fromarray(np.vstack(rows))
picture.resize((4 * picture.width, 4 * picture.height), Image.Resampling.NEAREST)

# %% [markdown]
# With our loss the colours of the clothes are stronger.
#
# ## 5. To keep it
#
# A loss of this notebook is known in this process alone. To keep it for all commands, add it to the code:
# [Extend it](../docs/extend/index.md) shows how, also for a network, a metric, a row and a data set.
