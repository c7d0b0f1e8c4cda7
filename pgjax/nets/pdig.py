"""PDIG (Ma et al. 2018): the networks that take a person apart, and those that draw parts anew.

Stage one embeds foreground and background of an image, and decodes them under a pose. Stage two has a pose
auto-encoder, and mapping networks that make embeddings of noise, each with a critic of its own
(docs/reference_facts.md, 3).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pgjax.errors import InputError
from pgjax.nets import layers
from pgjax.nets.pg2 import Encoder, Pair, u_net
from pgjax.pose import coordinates, raster, regions

PARTS = ("foreground", "background", "pose")
"""Of a person, which can be drawn from noise."""
BLOCKS = 4
NOISE = 0.2
"""Standard deviation of what the mapping networks read."""


class Generator(nn.Module):
    """The person of the source image under the target pose: an image (B, H, W, 3), linear, not clipped.

    It was trained where source and target are one image. `InputError` where an option or the size can't be.
    """

    features: int = 128
    """Channels of the first level; level i has (i + 1) times as many."""
    levels: int = 5
    """Of the towers and of the decoder."""
    region_levels: int = 5
    """Of the tower that sees regions."""
    region_side: int = 48
    """Pixels; every region is resized to a square."""
    code: int = 64
    """Width of the decoder's bottleneck."""
    region_code: int = 32
    """Numbers for one region."""
    background_code: int = 128
    """Numbers for the background; 0: foreground and background are not told apart."""
    rule: str = "market1501"
    """Key of regions.RULES: how large the regions are."""
    mask_radius: int = 7
    """Of the foreground's mask, pixels."""
    pose_range: tuple[float, float] = (-1.0, 1.0)
    """Values of the discs outside and inside."""

    def setup(self):
        layers.check_widths(
            features=self.features,
            levels=self.levels,
            region_levels=self.region_levels,
            code=self.code,
            region_code=self.region_code,
        )
        layers.check_choice("rule", self.rule, regions.RULES)
        if self.region_side < 2:
            raise InputError(f"region_side: expected 2 or more, got {self.region_side}")
        side = self.region_side
        layers.check_halvings((side, side), self.region_levels - 1, "PDIG, of a region,")
        self.encoder = Appearance(
            self.features,
            self.levels,
            self.region_levels,
            self.region_side,
            self.region_code,
            self.background_code,
            self.rule,
            self.mask_radius,
        )
        self.decoder = Decoder(self.features, self.levels, self.code, self.pose_range)

    def __call__(self, scene, images, train):
        return self.decode(scene, self.embed(scene))

    def foreground(self, scene, images, train):
        """The regions' part of the embedding, (B, 7 region_code)."""
        return self.split(self.embed(scene))[0]

    def background(self, scene, images, train):
        """The background's part of the embedding, (B, background_code)."""
        return self.split(self.embed(scene))[1]

    def split(self, embedding):
        """The foreground's and the background's part of an embedding."""
        return jnp.split(embedding, [len(regions.REGIONS) * self.region_code], axis=-1)

    def embed(self, scene):
        """(B, 7 region_code + background_code): the source image's regions, then its background."""
        layers.check_halvings(scene.source_image.shape[1:3], self.levels - 1, "PDIG")
        return self.encoder(scene)

    def decode(self, scene, embedding):
        """The image of an embedding under the target pose."""
        return self.decoder(scene, embedding)


class Appearance(nn.Module):
    """The source image's foreground, region by region, and its background: (B, N) numbers."""

    features: int
    levels: int
    region_levels: int
    region_side: int
    region_code: int
    background_code: int
    rule: str
    mask_radius: int

    @nn.compact
    def __call__(self, scene):
        image = scene.source_image
        pose, size = (scene.source_keypoints, scene.source_visible), image.shape[1:3]
        x = nn.relu(layers.Conv(self.features, name="in")(image))
        x = x + Pair(self.features, name="pair")(x)
        found = []
        if self.background_code:
            mask = raster.pose_mask(*pose, size, radius=self.mask_radius)[..., None].astype(x.dtype)
            tower = Encoder(
                self.features, self.levels, self.background_code, stem=False, name="background"
            )
            found.append(tower(x * (1 - mask))[0])
            x = x * mask
        boxes, seen = regions.boxes(*pose, size, self.rule)
        shown = regions.crops(x, boxes, self.region_side)
        tower = Encoder(
            self.features, self.region_levels, self.region_code, stem=False, name="regions"
        )
        codes, _ = tower(shown.reshape(-1, *shown.shape[2:]))
        codes = codes.reshape(*seen.shape, -1) * seen[..., None].astype(codes.dtype)
        return jnp.concatenate([codes.reshape(image.shape[0], -1), *found], axis=-1)


class Decoder(nn.Module):
    """PG2's G1 of the embedding, copied to every pixel, and the target pose's discs."""

    features: int
    levels: int
    code: int
    pose_range: tuple[float, float]

    @nn.compact
    def __call__(self, scene, embedding):
        low, high = self.pose_range
        discs = low + (high - low) * scene.target_discs
        copied = jnp.broadcast_to(
            embedding[:, None, None].astype(discs.dtype), (*discs.shape[:3], embedding.shape[-1])
        )
        x = jnp.concatenate([copied, discs], axis=-1)
        return u_net(x, self.features, self.levels, self.code)


class PoseAutoEncoder(nn.Module):
    """The target pose through a bottleneck: (B, 18, 3) like coordinates.encode, visibility 0 or 1."""

    features: int = 512
    code: int = 32

    def setup(self):
        layers.check_widths(features=self.features, code=self.code)
        self.encoder = PoseEncoder(self.features, self.code)
        self.decoder = PoseDecoder(self.features)

    def __call__(self, scene, images, train):
        return self.decode(self.embed(scene))

    def embedding(self, scene, images, train):
        """As `embed`."""
        return self.embed(scene)

    def embed(self, scene):
        """(B, code) of the target pose."""
        size = scene.target_image.shape[1:3]
        vector = coordinates.encode(scene.target_keypoints, scene.target_visible, size)
        return self.encoder(vector.astype(scene.target_image.dtype))

    def decode(self, embedding):
        """The pose of an embedding."""
        return self.decoder(embedding)


class PoseEncoder(nn.Module):
    features: int
    code: int

    @nn.compact
    def __call__(self, vector):
        x = vector.reshape(vector.shape[0], -1)
        x = _leaky(layers.Dense(self.features, name="in")(x))
        return layers.Dense(self.code, name="code")(_blocks(x, self.features))


class PoseDecoder(nn.Module):
    features: int

    @nn.compact
    def __call__(self, embedding):
        x = _blocks(layers.Dense(self.features, name="in")(embedding), self.features)
        places = layers.Dense(36, name="places")(x).reshape(-1, 18, 2)
        seen = _rounded(nn.sigmoid(layers.Dense(18, name="seen")(x)))
        return jnp.concatenate([places, seen[..., None]], axis=-1)


class Mapping(nn.Module):
    """Noise to an embedding (B, size); the noise follows from the scene's keys, and is 0 without."""

    size: int = 224
    """Of noise and embedding."""
    features: int = 512
    part: str = "foreground"
    """A value of PARTS: what is embedded. Each has noise of its own."""

    def __call__(self, scene, images, train):
        layers.check_widths(size=self.size, features=self.features)
        layers.check_choice("part", self.part, PARTS)
        noise = jnp.zeros((scene.target_image.shape[0], self.size))
        if scene.keys is not None:
            salt = PARTS.index(self.part)

            def drawn(key):
                return jax.random.normal(jax.random.fold_in(key, salt), (self.size,))

            noise = NOISE * jax.vmap(drawn)(scene.keys)
        return self.of(noise.astype(scene.target_image.dtype))

    @nn.compact
    def of(self, noise):
        """The embedding of noise (B, size)."""
        x = _blocks(_leaky(layers.Dense(self.features, name="in")(noise)), self.features)
        return layers.Dense(self.size, name="out")(x)


class EmbeddingCritic(nn.Module):
    """Embedding (B, N) -> logits (B,)."""

    features: int = 512

    @nn.compact
    def __call__(self, scene, image, train):
        layers.check_widths(features=self.features)
        x = image
        for layer in range(4):
            init = nn.initializers.he_uniform()
            x = layers.Dense(self.features, kernel_init=init, name=f"hidden{layer}")(x)
            x = _leaky(x)
        return layers.Dense(1, name="logit")(x)[:, 0]


def _leaky(x):
    return nn.leaky_relu(x, 0.2)


def _blocks(x, features):
    """Residual blocks of two dense layers each, in layers of the module that calls it."""
    for block in range(BLOCKS):
        inner = _leaky(layers.Dense(features, name=f"block{block}_0")(x))
        x = x + _leaky(layers.Dense(features, name=f"block{block}_1")(inner))
    return x


def _rounded(x):
    """To whole numbers; backwards the identity."""
    return lax.stop_gradient(jnp.round(x)) + (x - lax.stop_gradient(x))
