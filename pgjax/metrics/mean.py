"""The mean of a number that a network gives each image, such as its LPIPS or a detector's score."""

import math

import numpy as np


def mean(values: np.ndarray, against: None = None) -> float:
    """Mean of one number an image (N,), summed exactly: no order of the images gives another one."""
    return math.fsum(np.asarray(values, np.float64).tolist()) / len(values)
