"""Makes the small released weights of test_published.py, and the pictures that TensorFlow draws with them.

With what `make frameworks` installs: .venv-frameworks/bin/python made_by_tensorflow.py [FOLDER [SEED]]

The files have the formats, the names and, but for their width, the shapes of what the authors' codes
write. Keras writes the deformable GAN's (docs/reference_facts.md, 1.1, 1.7), TensorFlow's Saver those of
PG2 (2.1, 2.2, 2.8).
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

SIZE = (128, 64)
WIDTH, NARROW, CODE = 2, 1, 3  # of PG2's networks and of the deformable GAN's; PG2's code


def drawn_inputs(seed: int) -> dict[str, np.ndarray]:
    """One pair: photos, joints (source, target), where its parts lie. The test reads expected.npz."""
    rng = np.random.default_rng(seed)
    transforms = np.eye(2, 3) + rng.normal(0, 0.2, (1, 10, 2, 3))
    transforms[..., 2] = rng.uniform(-20, 20, (1, 10, 2))
    masks = np.zeros((1, 10, *SIZE), bool)
    masks[:, 0] = True
    for part in range(1, 10):
        y, x = rng.integers(0, 100), rng.integers(0, 40)
        masks[:, part, y : y + 28, x : x + 24] = True
    return {
        "photos": rng.integers(0, 256, (2, *SIZE, 3), np.uint8),
        "joints": rng.uniform((0, 0), SIZE, (2, 18, 2)),
        "part_transforms": transforms.astype(np.float32),
        "part_masks": masks,
    }


def seen(drawn: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the networks read, of what was drawn."""
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]

    def squares(joints):
        return (ys[..., None] - joints[..., 0]) ** 2 + (xs[..., None] - joints[..., 1]) ** 2

    photos = (drawn["photos"] / 127.5 - 1).astype(np.float32)
    heatmaps = [np.exp(-squares(joints) / 72).astype(np.float32) for joints in drawn["joints"]]
    discs = np.where(squares(np.trunc(drawn["joints"][1])) <= 16, 1, 0).astype(np.float32)
    return {
        "source_image": photos[:1],
        "target_image": photos[1:],
        "source_heatmaps": heatmaps[0][None],
        "target_heatmaps": heatmaps[1][None],
        "target_discs": discs[None],
        "part_transforms": drawn["part_transforms"],
        "part_masks": drawn["part_masks"].astype(np.float32),
    }


JUDGED = {"source_image": 3, "source_heatmaps": 18, "target_image": 3, "target_heatmaps": 18}


class InstanceNormalization(keras.layers.Layer):
    """keras-contrib's without an axis."""

    def build(self, shape):
        self.gamma = self.add_weight("gamma", (1,), initializer=_random(1.0))
        self.beta = self.add_weight("beta", (1,), initializer=_random(0.0))

    def call(self, x):
        mean = tf.reduce_mean(x, axis=(1, 2, 3), keepdims=True)
        deviation = tf.sqrt(tf.reduce_mean((x - mean) ** 2, axis=(1, 2, 3), keepdims=True))
        return (x - mean) / (deviation + 1e-3) * self.gamma + self.beta


def _random(mean: float):
    return lambda shape, dtype=None: tf.random.normal(shape, mean, 0.3)


class Moved(keras.layers.Layer):
    """The largest of ten parts, each moved by its transform."""

    def call(self, given):
        x, transforms, masks = given
        step = SIZE[0] // x.shape[1]
        flat = tf.concat([transforms[..., :2], transforms[..., 2:] / step], -1)
        flat = tf.reshape(flat, (-1, 10, 6))
        flat = tf.concat([flat, tf.zeros_like(flat[..., :2])], -1)
        parts = [
            tf.raw_ops.ImageProjectiveTransformV3(
                images=x,
                transforms=flat[:, part],
                output_shape=tf.constant(x.shape[1:3].as_list()),
                fill_value=0.0,
                interpolation="NEAREST",
                fill_mode="CONSTANT",
            )
            * masks[:, part, ::step, ::step, None]
            for part in range(10)
        ]
        return tf.reduce_max(tf.stack(parts), axis=0)


class Named:
    """Makes layers with the names that Keras 2.0 gives them, the first of a class being number `first`."""

    def __init__(self, first: int = 1):
        self.counts, self.first = {}, first

    def _name(self, kind: str) -> str:
        self.counts[kind] = self.counts.get(kind, self.first - 1) + 1
        return f"{kind}_{self.counts[kind]}"

    def conv(self, x, features, kernel, **options):
        bias = {"bias_initializer": _random(0.0)}
        return keras.layers.Conv2D(features, kernel, name=self._name("conv2d"), **bias, **options)(
            x
        )

    def down(self, x, features, norm=True):
        x = keras.layers.ZeroPadding2D(1)(keras.layers.LeakyReLU(0.2)(x))
        x = self.conv(x, features, 4, strides=2, use_bias=False)
        return self.norm(x) if norm else x

    def up(self, x, features):
        name = self._name("conv2d_transpose")
        made = keras.layers.Conv2DTranspose(features, 4, strides=2, use_bias=False, name=name)
        return self.norm(keras.layers.Cropping2D(1)(made(keras.layers.ReLU()(x))))

    def norm(self, x):
        return InstanceNormalization(name=self._name("instance_normalization"))(x)


def generator(first: int = 1) -> keras.Model:
    """The deformable GAN's, with deformable skips, at 128x64."""
    shapes = {
        "source_image": (*SIZE, 3),
        "source_heatmaps": (*SIZE, 18),
        "target_heatmaps": (*SIZE, 18),
        "part_transforms": (10, 2, 3),
        "part_masks": (10, *SIZE),
    }
    given = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    image, pose, target, transforms, masks = given.values()
    join = keras.layers.Concatenate()
    named, streams = Named(first), []
    for x in (join([image, pose]), target):
        stream = [named.conv(x, NARROW, 3, padding="same")]
        for level in range(1, 6):
            width = NARROW * min(2**level, 8)
            stream.append(named.down(stream[-1], width, norm=level < 5))
        streams.append(stream)
    skips = []
    for level, (source, aim) in enumerate(zip(*streams, strict=True)):
        moved = Moved()([source, transforms, masks]) if level < 4 else source
        skips.append(join([moved, aim]))
    x = skips.pop()
    for level in range(4, -1, -1):
        x = join([named.up(x, NARROW * min(2 ** (level + 1), 8)), skips.pop()])
    x = named.conv(keras.layers.ReLU()(x), 3, 3, padding="same", activation="tanh")
    return keras.Model(list(given.values()), x)


def discriminator(first: int) -> keras.Model:
    """The deformable GAN's default one, before its sigmoid."""
    given = [keras.Input((*SIZE, channels), name=name) for name, channels in JUDGED.items()]
    named = Named(first)
    x = named.conv(keras.layers.Concatenate()(given), NARROW, 4, strides=2)
    for block in range(3):
        x = named.down(x, NARROW * 2 ** (block + 1))
    return keras.Model(given, keras.layers.Flatten()(named.down(x, 1, norm=False)))


def write_deformable(folder: pathlib.Path, given: dict, seed: int) -> dict[str, np.ndarray]:
    keras.utils.set_random_seed(seed)
    drawn = generator()
    drawn.save_weights(folder / "generator.h5")
    judge = discriminator(first=14)
    judge.save(folder / "discriminator.h5", include_optimizer=False)
    names = ("source_image", "source_heatmaps", "target_heatmaps", "part_transforms", "part_masks")
    picture = drawn([given[name] for name in names])
    logits = judge([given[name] for name in JUDGED])
    return {"deformable_g": picture.numpy(), "deformable_d": logits.numpy()}


def _conv(x, features, kernel=3, stride=1, activation=tf.nn.relu):
    with tf.compat.v1.variable_scope(None, default_name="Conv"):
        shape = (kernel, kernel, x.shape[-1], features)
        x = tf.nn.conv2d(x, _weights(shape, np.prod(shape[:3])), stride, "SAME") + _biases(features)
    return activation(x) if activation else x


def _dense(x, features):
    with tf.compat.v1.variable_scope(None, default_name="fully_connected"):
        return x @ _weights((x.shape[-1], features), x.shape[-1]) + _biases(features)


def _weights(shape, inputs):
    first = tf.random.normal(shape, 0, float(inputs) ** -0.5)
    return tf.compat.v1.get_variable("weights", initializer=first)


def _biases(count):
    return tf.compat.v1.get_variable("biases", initializer=tf.random.normal((count,), 0, 0.3))


def _enlarged(x):
    size = [2 * n for n in x.shape[1:3]]
    return tf.compat.v1.image.resize_nearest_neighbor(x, size)


def coarse(image, pose, levels=5):
    """PG2's G1."""
    with tf.compat.v1.variable_scope("Pose_AE"), tf.compat.v1.variable_scope("G"):
        x, skips = _conv(tf.concat([image, pose], -1), WIDTH), []
        for level in range(levels):
            x = x + _conv(_conv(x, WIDTH * (level + 1)), WIDTH * (level + 1))
            skips.append(x)
            if level < levels - 1:
                x = _conv(x, WIDTH * (level + 2), stride=2)
        _, height, width, channels = x.shape
        x = _dense(tf.reshape(x, (-1, height * width * channels)), CODE)
        x = tf.reshape(_dense(x, height * width * WIDTH), (-1, height, width, WIDTH))
        for level in range(levels - 1, -1, -1):
            x = tf.concat([x, skips[level]], -1)
            x = x + _conv(_conv(x, x.shape[-1]), x.shape[-1])
            if level:
                x = _conv(_enlarged(x), WIDTH * level, kernel=1)
        return _conv(x, 3, activation=None)


def refined(first, image, levels=3):
    """PG2's G2 at 128x64."""
    with tf.compat.v1.variable_scope("UAEnoFC"), tf.compat.v1.variable_scope("G"):
        x, skips = _conv(tf.concat([first, image], -1), WIDTH), []
        for level in range(levels):
            x = _conv(_conv(x, WIDTH * (level + 1)), WIDTH * (level + 1))
            skips.append(x)
            if level < levels - 1:
                x = _conv(x, WIDTH * (level + 1), stride=2)
        for level in range(levels - 1, -1, -1):
            if level:
                x = tf.concat([x, skips[level]], -1)
            x = _conv(_conv(x, WIDTH), WIDTH)
            if level:
                x = _enlarged(x)
        return first + _conv(x, 3, activation=None)


def write_pg2(folder: pathlib.Path, given: dict, seed: int) -> dict[str, np.ndarray]:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(seed)
        for name in ("g_lr", "d_lr"):
            tf.compat.v1.Variable(2e-5, name=name)
        step = tf.compat.v1.Variable(7, name="step", trainable=False)
        image = tf.constant(given["source_image"])
        first = coarse(image, tf.constant(2 * given["target_discs"] - 1))
        second = refined(first, image)
        tf.compat.v1.Variable(tf.zeros((5, 5, 3, 2)), name="Discriminator.1.Filters")
        optimizer = tf.compat.v1.train.AdamOptimizer(2e-5, beta1=0.5)
        of_second = tf.compat.v1.trainable_variables("UAEnoFC")
        optimizer.minimize(tf.reduce_mean(second), var_list=of_second)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(
            session, str(folder / "model.ckpt"), step, write_meta_graph=False, write_state=False
        )
        pictures = session.run([first, second])
    return dict(zip(("pg2_g1", "pg2_g2"), pictures, strict=True))


def main(folder: pathlib.Path = pathlib.Path(__file__).parent, seed: int = 0) -> None:
    drawn = drawn_inputs(seed)
    made = write_deformable(folder, seen(drawn), seed + 1)
    made |= write_pg2(folder, seen(drawn), seed + 2)
    # A quarter of the pixels is enough.
    made = {name: x[:, ::2, ::2] if x.ndim == 4 else x for name, x in made.items()}
    np.savez_compressed(folder / "expected.npz", **drawn, **made)
    print({name: (x.shape, float(np.std(x))) for name, x in made.items()})


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:2]), *map(int, sys.argv[2:]))
