"""Layers that the networks share: linear ones, norms, self-attention, dropout, upsampling."""

from pgjax.nets.layers.attention import SelfAttention
from pgjax.nets.layers.functions import OWN_TERMS, dropout, upsample
from pgjax.nets.layers.linear import Conv, ConvTranspose, Dense, uniform
from pgjax.nets.layers.norms import (
    NORMS,
    STATISTICS,
    BatchNorm,
    InstanceNorm,
    JointNorm,
    RunningBatchNorm,
)
from pgjax.nets.layers.options import (
    check_attention,
    check_choice,
    check_halvings,
    check_spectral,
    check_widths,
)
from pgjax.runtime.devices import DEVICES

__all__ = [
    "DEVICES",
    "NORMS",
    "OWN_TERMS",
    "STATISTICS",
    "BatchNorm",
    "Conv",
    "ConvTranspose",
    "Dense",
    "InstanceNorm",
    "JointNorm",
    "RunningBatchNorm",
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
