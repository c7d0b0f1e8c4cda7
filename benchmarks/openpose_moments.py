"""Makes pgjax/frozen/openpose_moments.npz: the averages that the published OpenPose-MobileNet lacks.

    python -m benchmarks.openpose_moments --weights=data/weights

Means and variances of every normalised layer over five photos that scikit-image brings along and whose
authors have given them away (skimage/data/README.txt), normalised together, as in training. The network
was trained on such photos; five are enough for maps that agree better with the published keypoints than
any statistics of the photos themselves (benchmarks.keypoints).
"""

import jax
import jax.numpy as jnp
import numpy as np
import skimage.data

from pgjax.frozen import openpose_mobilenet, openpose_weights
from pgjax.images import photo
from pgjax.tools import cli

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "camera")
SIZE = (368, 368)


def measured(params) -> dict[str, np.ndarray]:
    """{"layer/mean", "layer/variance"} over PHOTOS, float32."""
    photos = [photo.read_photo(getattr(skimage.data, name)()) for name in PHOTOS]
    images = np.stack([photo.fit(image.shape[:2], SIZE, "crop").image(image) for image in photos])

    @jax.jit
    def run(params, images):
        found = {}

        def moments(name, x):
            found[f"{name}/mean"] = jnp.mean(x, axis=(0, 1, 2), keepdims=True)
            found[f"{name}/variance"] = jnp.var(x, axis=(0, 1, 2), keepdims=True)
            return found[f"{name}/mean"], found[f"{name}/variance"]

        openpose_mobilenet.apply(params, images, moments)
        return found

    return {name: np.ravel(value) for name, value in run(params, images).items()}


def main(argv: list[str] | None = None) -> None:
    parser = cli.ArgumentParser(
        prog="python -m benchmarks.openpose_moments",
        description="Make the averages of the built-in pose estimator's layers.",
    )
    parser.add_argument("--weights", metavar="DIR", required=True, help="where its weights are")
    args = parser.parse_args(argv)
    np.savez(openpose_weights.MOMENTS, **measured(openpose_weights.load(args.weights)))
    print(openpose_weights.MOMENTS)


if __name__ == "__main__":
    cli.run(main)
