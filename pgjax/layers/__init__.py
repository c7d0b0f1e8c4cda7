"""Layers that the networks share: linear ones, norms, self-attention, dropout, upsampling."""

from pgjax.devices import DEVICES
from pgjax.layers.attention import SelfAttention
from pgjax.layers.functions import dropout, upsample
from pgjax.layers.linear import Conv, ConvTranspose, Dense, uniform
from pgjax.layers.norms import NORMS, BatchNorm, InstanceNorm, JointNorm
from pgjax.layers.options import (
    check_attention,
    check_choice,
    check_halvings,
    check_spectral,
    check_widths,
)

__all__ = [
    "DEVICES",
    "NORMS",
    "BatchNorm",
    "Conv",
    "ConvTranspose",
    "Dense",
    "InstanceNorm",
    "JointNorm",
    "SelfAttention",
    "check_attention",
    "check_choice",
    "check_halvings",
    "check_spectral",
    "check_widths",
    "dropout",
    "uniform",
    "upsample",
]
