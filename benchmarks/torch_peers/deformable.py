"""The deformable GAN's step in PyTorch; `python -m benchmarks.torch_peers.deformable FOLDER` serves it.

Everything is as pgjax has it, written for speed in PyTorch: channels last throughout, norms with a backward
pass of their own, and no gradient for what does not move.
"""

import itertools
import math

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_peers.nearest import Features, nearest
from benchmarks.torch_peers.serving import Nets, crossentropy, nchw, nchw_view, pixels, serve
from benchmarks.torch_peers.warp import warp

WARPED = 4
BLOCKS = 3
EPSILON = 1e-3


class JointNorm(nn.Module):
    """Over channels and pixels of each example; epsilon is added to the deviation."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        flat = pixels(x).flatten(1)
        return nchw_view(_Joint.apply(flat, self.scale, self.bias), len(x), *x.shape[2:])


class _Joint(torch.autograd.Function):
    """The norm of (B, N); as a graph of its own it takes a quarter of autograd's time."""

    @staticmethod
    def forward(ctx, x, scale, bias):
        centred = x - x.mean(1, keepdim=True)
        deviation = _dot(centred, centred).div_(x.shape[1]).sqrt_()
        ctx.save_for_backward(centred, deviation, scale)
        return torch.addcmul(bias, centred, scale / (deviation + EPSILON))

    @staticmethod
    def backward(ctx, cotangent):
        centred, deviation, scale = ctx.saved_tensors
        along, total = _dot(cotangent, centred), cotangent.sum(1, keepdim=True)
        factor, count = scale / (deviation + EPSILON), centred.shape[1]
        by_deviation = -factor * along / ((deviation + EPSILON) * deviation * count)
        back = torch.addcmul(-factor * total / count, cotangent, factor)
        back.addcmul_(centred, by_deviation)
        return back, (along / (deviation + EPSILON)).sum(), total.sum()


def _dot(a, b):
    return torch.linalg.vecdot(a, b).unsqueeze(1)


def halve(inputs, outputs, padding=1, bias=False):
    return nn.Conv2d(inputs, outputs, 4, 2, padding, bias=bias)


class Encoder(nn.ModuleDict):
    def __init__(self, inputs, widths):
        super().__init__({"in": nn.Conv2d(inputs, widths[0], 3, 1, 1)})
        for level, (before, width) in enumerate(itertools.pairwise(widths), 1):
            self[f"down{level}"] = halve(before, width)
            if level < len(widths) - 1:
                self[f"norm{level}"] = JointNorm()

    def forward(self, x):
        found = [self["in"](x)]
        while (name := f"down{len(found)}") in self:
            x = self[name](functional.leaky_relu(found[-1], 0.2))
            norm = f"norm{len(found)}"
            found.append(self[norm](x) if norm in self else x)
        return found


class Generator(nn.ModuleDict):
    def __init__(self, features, size, dropout):
        super().__init__()
        self.dropout = dropout
        self.levels = int(math.log2(max(size))) - 1
        widths = [features * min(2**level, 8) for level in range(self.levels)]
        self["source_encoder"], self["target_encoder"] = Encoder(21, widths), Encoder(18, widths)
        inputs = 2 * widths[-1]
        for level in reversed(range(self.levels - 1)):
            outputs = min(2 * features * 2**level, 8 * features)
            self[f"up{level}"] = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
            self[f"norm{level}"] = JointNorm()
            inputs = outputs + 2 * widths[level]
        self["out"] = nn.Conv2d(inputs, 3, 3, 1, 1)

    def forward(self, scene):
        sources = self["source_encoder"](scene.source)
        sources = [warp(x, scene) if i < WARPED else x for i, x in enumerate(sources)]
        skips = list(zip(sources, self["target_encoder"](scene.pose), strict=True))
        x = torch.cat(skips.pop(), 1)
        for block, level in enumerate(reversed(range(self.levels - 1))):
            x = self[f"norm{level}"](self[f"up{level}"](functional.relu_(x)))
            if block < 3:
                x = functional.dropout(x, self.dropout)
            x = torch.cat([x, *skips.pop()], 1)
        return torch.tanh(self["out"](functional.relu_(x)))


class Critic(nn.ModuleDict):
    def __init__(self, features):
        super().__init__({"in": halve(42, features, padding=0, bias=True)})
        width = features
        for block in range(BLOCKS):
            outputs = features * min(2 ** (block + 1), 8)
            self[f"block{block}"], self[f"norm{block}"] = halve(width, outputs), JointNorm()
            width = outputs
        self["logit"] = halve(width, 1)

    def forward(self, x):
        x = functional.leaky_relu_(self["in"](x), 0.2)
        for block in range(BLOCKS):
            x = functional.leaky_relu_(self[f"norm{block}"](self[f"block{block}"](x)), 0.2)
        return self["logit"](x)


class Scene:
    """One draw: images, poses, and what moves the source's features."""

    def __init__(self, arrays):
        image, heatmaps, self.target, self.pose = (
            nchw(arrays[f"{side}_{what}"])
            for side in ("source", "target")
            for what in ("image", "heatmaps")
        )
        self.source = torch.cat([image, heatmaps], 1)
        self.transforms, self.exists = (
            torch.from_numpy(arrays[f"part_{what}"]) for what in ("transforms", "exists")
        )
        self.masks = torch.from_numpy(arrays["part_masks"]) > 0

    def shown(self, image):
        """What the critic sees of an image."""
        return torch.cat([self.source, image, self.pose], 1)


def make(settings, draws, frozen):
    scenes = [Scene(draw) for draw in draws]
    features, terms = Features(frozen) if frozen else None, settings["terms"]
    generator = Generator(
        settings["features"]["g"], scenes[0].target.shape[2:], settings["dropout"]
    )
    nets = Nets({"g": generator, "d": Critic(settings["features"]["d"])}, settings["rates"])
    ((name, term),) = terms.items()

    def likeness(image, target):
        if name == "l1":
            return functional.l1_loss(image, target)
        return nearest(image, target, term["window"], features)

    def step():
        mine, fake, real = scenes
        with torch.no_grad():
            image = nets["g"](fake)
        logits = nets["d"](torch.cat([real.shown(real.target), fake.shown(image)]))
        true, false = logits.split(len(image))
        true, false = crossentropy(true, 1.0), crossentropy(false, 0.0)
        nets.move("d", true + false)
        nets["d"].requires_grad_(False)
        image = nets["g"](mine)
        judged = crossentropy(nets["d"](mine.shown(image)), 1.0)
        like = likeness(image, mine.target)
        nets.move("g", judged + term["weight"] * like)
        nets["d"].requires_grad_(True)
        log = {"d/bce_real": true, "d/bce_generated": false, "g/bce": judged}
        return log | {f"g/{name}": like}

    return nets, {"stage1": step}


if __name__ == "__main__":
    serve(make)
