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
# # Re-pose a photo
#
# You give pgjax a photo of a person and a pose. It draws the person in this pose.
#
# This notebook trains a small model on drawn people, and then re-poses one of them: into one pose, and into
# a sequence of poses. It needs no data and no GPU. It takes about a minute on two CPU cores.
#
# The files that it makes are in the folder `work`, beside the notebook.

# %%
import io
import pathlib
import subprocess
import sys

import IPython.display
import numpy as np
from PIL import Image

from pgjax import PoseTransfer, export, load_config, read_keypoints, train_and_evaluate

WORK = pathlib.Path("work")
DATA = WORK / "data"


def pgjax(*arguments):
    """Runs a command of pgjax, as `pgjax NAME ...` does in a terminal."""
    subprocess.run([sys.executable, "-m", "pgjax", *map(str, arguments)], check=True)


def side_by_side(*pictures, enlarge=4):
    """Pictures of one size, uint8 (height, width, 3), as one image to look at."""
    row = Image.fromarray(np.hstack(pictures))
    return row.resize((enlarge * row.width, enlarge * row.height), Image.Resampling.NEAREST)


# %% [markdown]
# ## 1. A model
#
# First make the data set, 2,320 pictures of drawn people. (If you ran `make demo`, you have a better model
# than this notebook trains: then set `MODEL = "../runs/demo/export"` after this cell, and skip to part 2.)

# %%
pgjax("prepare", "synthetic_people", f"--data_dir={DATA}")

# %% [markdown]
# A *row* is one line of a published table. `load_config` gives its config, and you may change every value.
#
# The row `dsc` is the deformable GAN. A GAN has a critic, which improves the pictures only after many
# steps. There are few steps here, so we take the critic out and train the generator alone.

# %%
config = load_config("deformable:synthetic_people/dsc")
del config.networks["d"]
stage = config.stages.stage1
stage.players, stage.critic, stage.real_draw = ("g",), None, None
stage.adversarial, stage.negatives, stage.draws = {}, {}, {}
config.networks.g.optimizer.learning_rate = 1e-3
config.batch_size = 4
config.total_steps = 250
config.report.update(log_every=50, sample_every=250)

# %% [markdown]
# If you raise `total_steps` and run the notebook again, the training continues where it ended.

# %%
RUN = WORK / "runs" / "re_pose_a_photo"
train_and_evaluate(config, RUN, str(DATA))
MODEL = export(RUN)

# %% [markdown]
# ## 2. A photo and a pose
#
# `pgjax examples` takes them from a pair of test photos. The model has never seen the person. For each
# photo, there is a file with the places of the joints.

# %%
EXAMPLES = WORK / "examples"
pgjax("examples", "synthetic_people", f"--data_dir={DATA}", f"--out={EXAMPLES}", "--pair=6")
photo, pose = EXAMPLES / "source.png", EXAMPLES / "source_keypoints.json"
target_photo, target_pose = EXAMPLES / "target.png", EXAMPLES / "target_keypoints.json"

# %% [markdown]
# Always look at the joints before you use them. `pgjax overlay` draws them on the photos: the right arm is
# red, the right leg orange, the left arm blue, the left leg cyan.

# %%
for name in ("source", "target"):
    joints, drawn = EXAMPLES / f"{name}_keypoints.json", WORK / f"{name}_overlay.png"
    pgjax("overlay", joints, f"--photos={EXAMPLES / name}.png", f"--out={drawn}")
    IPython.display.display(Image.open(drawn))

# %% [markdown]
# ## 3. The person in the new pose
#
# From left to right: the source photo, the picture that the model made, and the true photo of the person in
# the target pose. The model did not see the third one.

# %%
transfer = PoseTransfer.load(MODEL)
image = transfer(photo, pose, target_pose)
side_by_side(Image.open(photo), image, Image.open(target_photo))

# %% [markdown]
# The clothes are at their new places. The picture is blurred, and the background is grey: the model has
# seen only 250 small batches, and it is not told what is behind the person.
#
# ## 4. A sequence of poses
#
# The target may be a folder of poses, a file of several, or an array. Then you get a list of pictures.
# `read_keypoints` shows what is in a file or folder.

# %%
poses = read_keypoints(EXAMPLES / "sequence")
print(len(poses), "poses:", ", ".join(list(poses)[:3]), "...")
images = transfer(photo, pose, EXAMPLES / "sequence")
side_by_side(*images[::3], enlarge=2)

# %%
frames = [side_by_side(image) for image in images]
moving = io.BytesIO()
frames[0].save(moving, format="gif", save_all=True, append_images=frames[1:], duration=80, loop=0)
IPython.display.Image(moving.getvalue(), format="gif")

# %% [markdown]
# ## 5. Your own photo
#
# `pgjax keypoints` finds the joints in photos:
#
# ```
# pgjax keypoints anna.jpg bob.jpg --out poses
# pgjax overlay poses --photos . --out overlay.png
# ```
#
# ```python
# image = transfer("anna.jpg", "poses/anna_keypoints.json", "poses/bob_keypoints.json", refit=True)
# ```
#
# `refit=True` keeps the lengths of Anna's arms and legs. With the model of this notebook the result is
# noise, because it has seen drawings only. You need a model that was trained on photos like yours. [Your
# own photos and poses](../docs/photos.md) explains each step.
#
# Each model has a card, which says how it was trained and what it scored:

# %%
print(*(pathlib.Path(MODEL) / "README.md").read_text().splitlines()[:24], sep="\n")
