"""Makes the small released weights of test_published_pdig.py, and what TensorFlow computes with them.

With what `make frameworks` installs: .venv-frameworks/bin/python made_by_tensorflow.py [FOLDER [SEED]]

The checkpoints have the names and, but for their width, the shapes of what PDIG's code saves, one for each of
its models 1 to 4 (docs/reference_facts.md, 3.2 to 3.8).
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
SIZE, WIDTH, DENSE = (128, 64), 1, 5
REGION_CODE, BACKGROUND_CODE, CODE, POSE_CODE = 2, 3, 4, 6
# Joints of the seven regions (3.1).
REGIONS = (
    *((0, 1, 2, 5, 14, 15, 16, 17), (2, 3, 4, 5, 6, 7, 8, 11), (8, 9, 10, 11, 12, 13)),
    *((5, 6, 7), (2, 3, 4), (11, 12, 13), (8, 9, 10)),
)


def drawn_inputs(seed: int) -> dict[str, np.ndarray]:
    """A photo, its joints and those of the target, a mask, and noise."""
    rng = np.random.default_rng(seed)
    return {
        "photo": rng.integers(0, 256, (1, *SIZE, 3), np.uint8),
        "joints": rng.integers((5, 5), (120, 60), (2, 18, 2)),
        "mask": rng.random((1, *SIZE)) < 0.6,
        "noise": rng.normal(0, 0.2, (1, 7 * REGION_CODE)).astype(np.float32),
    }


def boxes(joints: np.ndarray) -> np.ndarray:
    """(7, 4) of y1, x1, y2, x2, as shares of height and width."""
    found = []
    for region in REGIONS:
        first = np.maximum(joints[list(region)].min(axis=0) - 6, 0)
        last = np.minimum(joints[list(region)].max(axis=0) + 6, np.array(SIZE) - 1)
        found.append([*(first / SIZE), *(last / SIZE)])
    return np.array(found, np.float32)


def _weights(shape, inputs):
    return v1.get_variable("weights", initializer=tf.random.normal(shape, 0, 1.2 * inputs**-0.5))


def _biases(count):
    return v1.get_variable("biases", initializer=tf.random.normal((count,), 0, 0.3))


def conv(x, features, kernel=3, stride=1, activation=tf.nn.relu):
    with v1.variable_scope(None, default_name="Conv"):
        shape = (kernel, kernel, x.shape[-1], features)
        kernels = _weights(shape, float(np.prod(shape[:3])))
        return activation(tf.nn.conv2d(x, kernels, stride, "SAME") + _biases(features))


def dense(x, features, activation=tf.identity):
    with v1.variable_scope(None, default_name="fully_connected"):
        return activation(
            x @ _weights((x.shape[-1], features), float(x.shape[-1])) + _biases(features)
        )


def leaky(x):
    return tf.nn.leaky_relu(x, 0.2)


def residual(x):
    return x + conv(conv(x, x.shape[-1]), x.shape[-1])


def flat(x):
    return tf.reshape(x, (x.shape[0], -1))


def encoder(image, mask, found):
    """The embedding of regions and background."""
    with v1.variable_scope("Encoder"), v1.variable_scope("G_encoder"):
        x = residual(conv(image, WIDTH))
        front, back = x * mask, x * (1 - mask)
        crops = [tf.image.crop_and_resize(front, found[i : i + 1], [0], (48, 48)) for i in range(7)]
        embedded = []
        for x, code in ((tf.concat(crops, 0), REGION_CODE), (back, BACKGROUND_CODE)):
            x = residual(x)
            for level in range(1, 5):
                x = residual(conv(x, WIDTH * (level + 1), stride=2))
            embedded.append(tf.reshape(dense(flat(x), code), (1, -1)))
        return tf.concat(embedded, -1)


def decoder(embedding, discs):
    copied = tf.tile(embedding[:, None, None], (1, *SIZE, 1))
    with v1.variable_scope("ID_AE"), v1.variable_scope("G"):
        x, skips = conv(tf.concat([copied, discs], -1), WIDTH), []
        for level in range(5):
            x = residual(x)
            skips.append(x)
            if level < 4:
                x = conv(x, WIDTH * (level + 2), stride=2)
        _, height, width, _ = x.shape
        x = dense(dense(flat(x), CODE), height * width * WIDTH)
        x = tf.reshape(x, (-1, height, width, WIDTH))
        for level in range(4, -1, -1):
            x = residual(tf.concat([x, skips[level]], -1))
            if level:
                x = v1.image.resize_nearest_neighbor(x, [2 * n for n in x.shape[1:3]])
                x = conv(x, WIDTH * level, kernel=1)
        return conv(x, 3, activation=tf.identity)


def blocks(x):
    for _ in range(4):
        x = x + dense(dense(x, DENSE, leaky), DENSE, leaky)
    return x


def pose_auto_encoder(joints):
    vector = np.concatenate([2 * joints / SIZE - 1, np.ones((18, 1))], -1)
    with v1.variable_scope("PoseAE"):
        with v1.variable_scope("G_Pose_Encoder"):
            x = dense(tf.constant(vector.reshape(1, -1), tf.float32), DENSE, leaky)
            x = dense(blocks(x), POSE_CODE)
        with v1.variable_scope("G_Pose_Decoder"):
            x = blocks(dense(x, DENSE))
            places, seen = dense(x, 36), tf.round(dense(x, 18, tf.sigmoid))
    return tf.concat([tf.reshape(places, (1, 18, 2)), seen[..., None]], -1)


def mapping(scope, noise, width):
    with v1.variable_scope(scope), v1.variable_scope("G_FC"):
        x = dense(noise, width, leaky)
        for _ in range(4):
            x = x + dense(dense(x, width, leaky), width, leaky)
        return dense(x, noise.shape[-1])


def main(folder: pathlib.Path = pathlib.Path(__file__).parent, seed: int = 3) -> None:
    given = drawn_inputs(seed)
    source, target = given["joints"]
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    squares = (ys[..., None] - target[:, 0]) ** 2 + (xs[..., None] - target[:, 1]) ** 2
    discs = np.where(squares <= 16, 1, -1)[None].astype(np.float32)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(seed + 2)
        image = tf.constant((given["photo"] / 127.5 - 1).astype(np.float32))
        mask = tf.constant(given["mask"][..., None].astype(np.float32))
        embedding = encoder(image, mask, tf.constant(boxes(source)))
        noise = tf.constant(given["noise"])
        made = {
            "picture": decoder(embedding, tf.constant(discs))[:, ::2, ::2],
            "pose": pose_auto_encoder(target),
            "mapped_foreground": mapping("Gaussian_FC_Fg", noise, DENSE),
            "mapped_background": mapping("Gaussian_FC_Bg", noise[:, :BACKGROUND_CODE], DENSE // 2),
            "mapped_pose": mapping("PoseGaussian", noise[:, :POSE_CODE], DENSE),
        }
        others = [
            v1.Variable(True, name="phase", trainable=False),
            v1.Variable(1, name="step", trainable=False),
            v1.Variable(2e-5, name="g_lr"),
            v1.Variable(tf.zeros((5, 5, 3, 2)), name="Discriminator.1.Filters"),
        ]
        session.run(v1.global_variables_initializer())
        models = {
            "MODEL1": ("Encoder", "ID_AE"),
            "MODEL2": ("PoseAE",),
            "MODEL3": ("Encoder", "ID_AE", "Gaussian_FC_Fg", "Gaussian_FC_Bg"),
            "MODEL4": ("PoseAE", "PoseGaussian", "Encoder", "ID_AE"),
        }
        for name, scopes in models.items():
            kept = [x for scope in scopes for x in v1.global_variables(f"{scope}/")]
            (folder / name).mkdir(exist_ok=True)
            v1.train.Saver(kept + others).save(
                session,
                str(folder / name / "model.ckpt-0"),
                write_meta_graph=False,
                write_state=False,
            )
        made = dict(zip(made, session.run(list(made.values())), strict=True))
    np.savez_compressed(folder / "expected.npz", **given, **made)
    print({name: (x.shape, float(np.std(x))) for name, x in made.items()})


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:2]), *map(int, sys.argv[2:]))
