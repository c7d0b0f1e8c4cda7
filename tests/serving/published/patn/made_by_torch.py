"""Makes the small released weights of test_published_patn.py, and what PyTorch makes with them.

With what `make frameworks` installs: .venv-frameworks/bin/python made_by_torch.py [FOLDER [SEED]]

The files have the format, the names and, but for their width and the number of blocks, the shapes of what
PATN's code writes (docs/reference_facts.md, 4.1, 4.2, 4.5): "batch" in PyTorch's layout of today, "instance"
in that of before version 1.6, with the running averages that instance norms had up to version 0.3.
"""

import pathlib
import sys

import numpy as np
import torch
from torch import nn

WIDTH, BLOCKS, RESIDUALS = 1, 2, 3
SIZE = (16, 8)


class Made:
    """Layers with one norm."""

    def __init__(self, norm: str):
        self.bias = norm == "instance"
        self.norm = nn.InstanceNorm2d if self.bias else nn.BatchNorm2d

    def encoder(self, channels: int) -> list[nn.Module]:
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, WIDTH, 7, bias=self.bias)]
        layers += [self.norm(WIDTH), nn.ReLU()]
        for width in (WIDTH, 2 * WIDTH):
            layers.append(nn.Conv2d(width, 2 * width, 3, 2, 1, bias=self.bias))
            layers += [self.norm(2 * width), nn.ReLU()]
        return layers

    def pair(self, channels: int, features: int, last_norm: bool = True) -> nn.Sequential:
        first = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=self.bias)]
        first += [self.norm(channels), nn.ReLU(), nn.Dropout(0.5)]
        last = [nn.ReflectionPad2d(1), nn.Conv2d(channels, features, 3, bias=self.bias)]
        return nn.Sequential(*first, *last, *([self.norm(features)] if last_norm else []))

    def decoder(self) -> list[nn.Module]:
        layers = []
        for width in (2 * WIDTH, WIDTH):
            up = nn.ConvTranspose2d(
                2 * width, width, 3, 2, padding=1, output_padding=1, bias=self.bias
            )
            layers += [up, self.norm(width), nn.ReLU()]
        return [*layers, nn.ReflectionPad2d(3), nn.Conv2d(WIDTH, 3, 7), nn.Tanh()]


class Block(nn.Module):
    def __init__(self, made: Made, poses: int):
        super().__init__()
        self.conv_block_stream1 = made.pair(4 * WIDTH, 4 * WIDTH)
        self.conv_block_stream2 = made.pair(poses, 4 * WIDTH, last_norm=False)

    def forward(self, image, pose):
        attention = self.conv_block_stream2(pose)
        image = image + self.conv_block_stream1(image) * torch.sigmoid(attention)
        return image, torch.cat([attention, image], dim=1)


class Inner(nn.Module):
    def __init__(self, made: Made):
        super().__init__()
        self.stream1_down = nn.Sequential(*made.encoder(3))
        self.stream2_down = nn.Sequential(*made.encoder(36))
        widths = [4 * WIDTH, *[8 * WIDTH] * (BLOCKS - 1)]
        self.att = nn.ModuleList(Block(made, width) for width in widths)
        self.stream1_up = nn.Sequential(*made.decoder())

    def forward(self, image, pose):
        image, pose = self.stream1_down(image), self.stream2_down(pose)
        for block in self.att:
            image, pose = block(image, pose)
        return self.stream1_up(image)


class Residual(nn.Module):
    def __init__(self, made: Made):
        super().__init__()
        self.conv_block = made.pair(4 * WIDTH, 4 * WIDTH)

    def forward(self, x):
        return x + self.conv_block(x)


class Network(nn.Module):
    """Everything lies below `model`."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, *given):
        return self.model(*given)


def networks(norm: str) -> dict[str, nn.Module]:
    made = Made(norm)
    critics = {
        name: nn.Sequential(*made.encoder(channels), *(Residual(made) for _ in range(RESIDUALS)))
        for name, channels in (("netD_PB", 21), ("netD_PP", 6))
    }
    found = {"netG": Inner(made), **critics}
    return {name: Network(model).eval() for name, model in found.items()}


def randomise(network: nn.Module) -> None:
    """Scales and running averages that show where they are."""
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            nn.init.uniform_(tensor, 0.5, 2)
        elif name.endswith("running_mean") or tensor.ndim == 1:
            nn.init.normal_(tensor, 1.0 if name.endswith("weight") else 0.0, 0.3)


def main(folder: pathlib.Path = pathlib.Path(__file__).parent, seed: int = 0) -> None:
    torch.manual_seed(seed)
    given = {
        "source_image": torch.rand(1, 3, *SIZE) * 2 - 1,
        "source_heatmaps": torch.rand(1, 18, *SIZE),
        "target_heatmaps": torch.rand(1, 18, *SIZE),
        "target_image": torch.rand(1, 3, *SIZE) * 2 - 1,
    }
    source, *poses, image = given.values()
    found = dict(given)
    for norm in ("batch", "instance"):
        made = networks(norm)
        for network in made.values():
            randomise(network)
        with torch.no_grad():
            found[f"{norm}_g"] = made["netG"](source, torch.cat(poses, dim=1))
            found[f"{norm}_d_pb"] = made["netD_PB"](torch.cat([image, poses[1]], dim=1))
            found[f"{norm}_d_pp"] = made["netD_PP"](torch.cat([image, source], dim=1))
        for name, network in made.items():
            state = network.state_dict()
            if norm == "instance":
                for key, module in network.named_modules():
                    if isinstance(module, nn.InstanceNorm2d):
                        state[f"{key}.running_mean"] = torch.zeros(module.num_features)
                        state[f"{key}.running_var"] = torch.ones(module.num_features)
            torch.save(
                state, folder / f"{norm}_{name}.pth", _use_new_zipfile_serialization=norm == "batch"
            )
    arrays = {name: np.moveaxis(tensor.numpy(), 1, -1) for name, tensor in found.items()}
    np.savez_compressed(folder / "expected.npz", **arrays)


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:2]), *map(int, sys.argv[2:]))
