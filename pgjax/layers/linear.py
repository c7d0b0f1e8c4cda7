"""Linear layers, with spectral normalisation where wanted (pgjax.spectral)."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pgjax import spectral


def uniform(std):
    """Initialiser U(-std sqrt 3, std sqrt 3), of standard deviation `std` (reference fact 2.3)."""
    limit = std * math.sqrt(3)

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -limit, limit)

    return init


class Conv(nn.Module):
    """Square convolution, (B, H, W, C) -> (B, h, w, features).

    Padding is TensorFlow's SAME, h = ceil(H / stride), unless given in pixels as ((top, bottom),
    (left, right)): 3x3 with stride 2 on an even size pads (0, 1), not (1, 1).
    """

    features: int
    kernel: int = 3
    stride: int = 1
    padding: str | tuple[tuple[int, int], tuple[int, int]] = "SAME"
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()
    spectral: float = 0.0
    """Lipschitz constant of the kernel; 0 leaves it free."""

    @nn.compact
    def __call__(self, x):
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features))
        strides = (self.stride, self.stride)
        numbers = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, kernel, strides, self.padding, dimension_numbers=numbers)
        return _with_bias(self, x)


class ConvTranspose(nn.Module):
    """Square transposed convolution, (B, h, w, C) -> (B, stride h, stride w, features).

    Keras' VALID one with kernel - stride rows and columns cropped in all, half of them on either
    side (reference fact 1.1): pixel i adds to the pixels stride i - crop + (0 .. kernel - 1). The
    kernel is (kernel, kernel, C, features), not flipped. No forward-mode derivative.
    """

    features: int
    kernel: int = 4
    stride: int = 2
    use_bias: bool = False
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()
    spectral: float = 0.0
    """As the convolution's."""

    @nn.compact
    def __call__(self, x):
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features))
        return _with_bias(self, _transposed(x, kernel, self.stride))


class Dense(nn.Module):
    """Dense layer, (B, C) -> (B, features)."""

    features: int
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.xavier_uniform()
    spectral: float = 0.0
    """As the convolution's."""

    @nn.compact
    def __call__(self, x):
        return _with_bias(self, x @ _kernel(self, (x.shape[-1], self.features)))


def _kernel(layer, shape):
    """The layer's kernel; normalised, where asked for, by the vectors that it is applied with."""
    kernel = layer.param("kernel", layer.kernel_init, shape)
    if not layer.spectral:
        return kernel
    # The key is drawn after the kernel's, which therefore starts as that of a free layer.
    u = layer.variable(
        spectral.COLLECTION, "u", lambda: spectral.start_u(layer.make_rng("params"), kernel)
    )
    v = layer.variable(spectral.COLLECTION, "v", lambda: spectral.start_v(kernel, u.value))
    return spectral.normalise(kernel, u.value, v.value, layer.spectral)


def _with_bias(layer, x):
    if not layer.use_bias:
        return x
    bias = layer.param("bias", nn.initializers.zeros, x.shape[-1:])
    return x + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


def _strided(x, kernel, stride):
    """What _transposed is the transpose of; its input has the kernel's last number of channels."""
    crop = kernel.shape[0] - stride
    padding = [(crop // 2, crop - crop // 2)] * 2
    numbers = ("NHWC", "HWOI", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=numbers)


# XLA's own gradient for the kernel of a transposed convolution takes a hundred times as long on the
# CPU. It is the kernel's gradient of the strided one, input and cotangent exchanged.
@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _transposed(x, kernel, stride):
    batch, height, width, _ = x.shape
    shape = (batch, height * stride, width * stride, kernel.shape[-1])
    strided = functools.partial(_strided, kernel=kernel, stride=stride)
    return jax.linear_transpose(strided, jax.ShapeDtypeStruct(shape, x.dtype))(x)[0]


def _transposed_forward(x, kernel, stride):
    return _transposed(x, kernel, stride), (x, kernel)


def _transposed_backward(stride, kept, cotangent):
    x, kernel = kept
    (to_kernel,) = jax.linear_transpose(lambda k: _strided(cotangent, k, stride), kernel)(x)
    return _strided(cotangent, kernel, stride), to_kernel


_transposed.defvjp(_transposed_forward, _transposed_backward)
