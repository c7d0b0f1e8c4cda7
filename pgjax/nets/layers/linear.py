"""Linear layers, with spectral normalisation where wanted (pgjax.nets.spectral).

They compute in the type of their input; parameters, and what normalises them, are float32.
"""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from pgjax.nets import spectral
from pgjax.nets.convolution import convolve, convolve_transposed


def uniform(std):
    """Initialiser U(-std sqrt 3, std sqrt 3), of standard deviation `std` (docs/reference_facts.md, 2.3)."""
    limit = std * math.sqrt(3)

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


class Conv(nn.Module):
    """Square convolution, (B, H, W, C) -> (B, h, w, features).

    Padding is TensorFlow's SAME, h = ceil(H / stride), unless given in pixels as ((top, bottom),
    (left, right)): 3x3 with stride 2 on an even size pads (0, 1), not (1, 1). No forward-mode derivative.
    """

    features: int
    kernel: int = 3
    stride: int = 1
    padding: str | tuple[tuple[int, int], tuple[int, int]] = "SAME"
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros
    spectral: float = 0.0
    """Lipschitz constant of the kernel; 0 leaves it free."""

    @nn.compact
    def __call__(self, x):
        kernel = _kernel(self, x, (self.kernel, self.kernel, x.shape[-1], self.features))
        return _with_bias(self, convolve(x, kernel, self.stride, self.padding))


class ConvTranspose(nn.Module):
    """Square transposed convolution, (B, h, w, C) -> (B, stride h, stride w, features).

    Keras' VALID one with kernel - stride rows and columns cropped in all, `crop` of them at the top and
    the left, half unless said (docs/reference_facts.md, 1.1): pixel i adds to the pixels
    stride i - crop + (0 .. kernel - 1). The kernel is (kernel, kernel, C, features), not flipped. No
    forward-mode derivative.
    """

    features: int
    kernel: int = 4
    stride: int = 2
    crop: int | None = None
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros
    spectral: float = 0.0
    """As the convolution's."""

    @nn.compact
    def __call__(self, x):
        kernel = _kernel(self, x, (self.kernel, self.kernel, x.shape[-1], self.features))
        return _with_bias(self, convolve_transposed(x, kernel, self.stride, self.crop))


class Dense(nn.Module):
    """Dense layer, (B, C) -> (B, features)."""

    features: int
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros
    spectral: float = 0.0
    """As the convolution's."""

    @nn.compact
    def __call__(self, x):
        return _with_bias(self, x @ _kernel(self, x, (x.shape[-1], self.features)))


def _kernel(layer, x, shape):
    """The layer's kernel in x's type; normalised, where asked for, by the vectors it is applied with."""
    kernel = layer.param("kernel", layer.kernel_init, shape)
    if not layer.spectral:
        return kernel.astype(x.dtype)
    # The key is drawn after the kernel's, which therefore starts as that of a free layer.
    u = layer.variable(
        spectral.COLLECTION, "u", lambda: spectral.start_u(layer.make_rng("params"), kernel)
    )
    v = layer.variable(spectral.COLLECTION, "v", lambda: spectral.start_v(kernel, u.value))
    return spectral.normalise(kernel, u.value, v.value, layer.spectral).astype(x.dtype)


def _with_bias(layer, x):
    if not layer.use_bias:
        return x
    bias = layer.param("bias", layer.bias_init, x.shape[-1:])
    return x + bias.astype(x.dtype).reshape((1,) * (x.ndim - 1) + bias.shape)
