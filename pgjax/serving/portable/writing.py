"""Writes a model's ONNX file, after ONNX Runtime has drawn with it what JAX draws."""

import dataclasses
import os
from typing import NamedTuple

import numpy as np

from pgjax import __version__, data
from pgjax.data import people
from pgjax.errors import InputError
from pgjax.files import paths
from pgjax.images.photo import fit
from pgjax.keypoints import inside, make_pose, moved
from pgjax.pose.skeleton import VIEWS
from pgjax.serving import model_card
from pgjax.serving.drawing import Drawing
from pgjax.serving.portable import conversion, interface
from pgjax.serving.portable.session import Session
from pgjax.training.model_folder import Model, digest_of

GREY_LEVELS = 1
SHARE = 0.001
"""A file is written where no more than this share of pixels is off by more grey levels."""
PICTURES = 8
