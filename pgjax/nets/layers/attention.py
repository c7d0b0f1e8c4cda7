"""Self-attention over the pixels of an image."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from pgjax.nets.layers.linear import Conv


class SelfAttention(nn.Module):
    """SAGAN's block (Zhang et al. 2019, section 3): x + gamma attention(x), (B, H, W, C) like x.

    All maps are 1x1 convolutions without bias: queries and keys of C / 8 channels, values of C / 2,
    back to C; at least one channel each. Keys and values are the largest of 2x2 pixels, as in the
    paper's code; where a side is odd, its last row or column has windows of its own. gamma is a
    scalar and starts at 0: the block starts as the identity.
    """

    spectral: float = 0.0
    """Lipschitz constant of the four convolutions; 0 leaves them free."""

    @nn.compact
    def __call__(self, x):
        batch, height, width, channels = x.shape

        def conv(features, name):
            return Conv(max(features, 1), 1, use_bias=False, spectral=self.spectral, name=name)

        def pixels(x):
            return x.reshape(batch, -1, x.shape[-1])

        def pooled(x):
            return nn.max_pool(x, (2, 2), strides=(2, 2), padding="SAME")

        queries = pixels(conv(channels // 8, "query")(x))
        keys = pixels(pooled(conv(channels // 8, "key")(x)))
        values = pixels(pooled(conv(channels // 2, "value")(x)))
        scores = jnp.einsum("bqc,bkc->bqk", queries, keys)
        scores = scores.astype(jnp.promote_types(x.dtype, jnp.float32))
        weights = jax.nn.softmax(scores, axis=-1).astype(x.dtype)
        found = jnp.einsum("bqk,bkc->bqc", weights, values).reshape(batch, height, width, -1)
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return x + gamma.astype(x.dtype) * conv(channels, "out")(found)
