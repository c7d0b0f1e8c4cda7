"""Makes peers.npz of test_resizing.py: photos of noise and ramps, resized by OpenCV and PyTorch.

In an environment of its own: pip install opencv-python-headless torch numpy; python made_by_peers.py [FOLDER]
PyTorch may be missing: what it made before is then kept, as in FOLDER/peers.npz.
"""

import importlib.util
import pathlib
import sys

import numpy as np

SIZES = ((24, 17), (40, 20), (61, 50))  # smaller, narrower, larger


def given() -> np.ndarray:
    """uint8 (1, 40, 31, 3): sharp edges, a ramp, noise."""
    photo = np.random.default_rng(0).integers(0, 256, (40, 31, 3), np.uint8)
    photo[:, 5:12] = np.arange(40)[:, None, None] * 6
    photo[10:20] = 255
    photo[20:26, 10:] = 0
    return photo[None]


def main(folder: pathlib.Path) -> None:
    photo, path = given(), folder / "peers.npz"
    found = dict(np.load(path)) if path.exists() else {}
    found["given"] = photo
    if importlib.util.find_spec("cv2"):
        import cv2

        for name, flag in (("bilinear", cv2.INTER_LINEAR), ("bicubic", cv2.INTER_CUBIC)):
            for size in SIZES:
                made = cv2.resize(photo[0].astype(np.float32), size[::-1], interpolation=flag)
                found[f"cv2_{name}_{size[0]}x{size[1]}"] = made[None]
    if importlib.util.find_spec("torch"):
        import torch
        from torch.nn import functional

        planes = torch.from_numpy(photo.astype(np.float32)).permute(0, 3, 1, 2)
        for size in SIZES:
            made = functional.interpolate(planes, size, mode="bilinear", align_corners=False)
            found[f"torch_bilinear_{size[0]}x{size[1]}"] = made.permute(0, 2, 3, 1).numpy()
    np.savez_compressed(path, **found)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent))
