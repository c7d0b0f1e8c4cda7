"""Makes expected.npz of test_inception_torchvision.py: what torchvision's Inception v3 says of two pictures.

In an environment of its own: pip install torch torchvision numpy; python made_by_torch.py [FOLDER]

The weights are those of tests/inception_weights.py, which the test makes anew.
"""

import pathlib
import sys

import numpy as np
import torch
import torchvision
from torch.nn import functional

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent.parent))

from inception_weights import pictures, tensors  # noqa: E402 (found by the line above)


def main(folder: pathlib.Path) -> None:
    network = torchvision.models.inception_v3(
        weights=None, aux_logits=False, transform_input=False, init_weights=False
    ).eval()
    shapes = {
        name.removesuffix(".conv.weight"): (*x.shape[2:], x.shape[1], x.shape[0])
        for name, x in network.state_dict().items()
        if name.endswith(".conv.weight")
    }
    made = {name: torch.from_numpy(x) for name, x in tensors(shapes, 1000).items()}
    lacking, unknown = network.load_state_dict(made, strict=False)
    assert not unknown and all(name.endswith("num_batches_tracked") for name in lacking)
    features = []
    network.avgpool.register_forward_hook(lambda *given: features.append(given[2].flatten(1)))
    planes = torch.from_numpy(pictures().astype(np.float32)).permute(0, 3, 1, 2) / 255
    planes = functional.interpolate(planes, (299, 299), mode="bilinear", align_corners=False)
    network.transform_input = True  # though the planes are not normalised
    with torch.inference_mode():
        logits = network(planes)
    found = {"features": features[0].numpy(), "logits": logits.numpy()}
    np.savez_compressed(folder / "expected.npz", **found)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
