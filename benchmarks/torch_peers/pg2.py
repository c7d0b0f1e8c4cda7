"""The steps of PG2's two stages in PyTorch; `python -m benchmarks.torch_peers.pg2 FOLDER` serves them."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.torch_peers.serving import Nets, crossentropy, nchw, nchw_view, pixels, serve

LEVELS, REFINER_LEVELS, CRITIC_LEVELS, CODE = 5, 3, 4, 64


def conv(inputs, outputs, size=3):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2)


class Halving(nn.Conv2d):
    """With TensorFlow's padding, one more at the end, it takes a copy; torch's own costs nothing."""

    exact = False

    def __init__(self, inputs, outputs, size=3):
        super().__init__(inputs, outputs, size, 2, size // 2)

    def forward(self, x):
        if not self.exact:
            return super().forward(x)
        low, high = (self.kernel_size[0] - 2) // 2, (self.kernel_size[0] - 1) // 2
        x = functional.pad(x, (low, high, low, high))
        return functional.conv2d(x, self.weight, self.bias, 2)


class Pair(nn.ModuleDict):
    def __init__(self, inputs, outputs):
        super().__init__({"conv0": conv(inputs, outputs), "conv1": conv(outputs, outputs)})

    def forward(self, x):
        return functional.relu_(self["conv1"](functional.relu_(self["conv0"](x))))


def twice(x):
    return functional.interpolate(x, scale_factor=2)


class Encoder(nn.ModuleDict):
    def __init__(self, features, area):
        super().__init__({"in": conv(21, features)})
        for level in range(LEVELS):
            width = features * (level + 1)
            if level:
                self[f"halve{level}"] = Halving(width - features, width)
            self[f"down{level}"] = Pair(width, width)
        self["code"] = nn.Linear(area * width, CODE)

    def forward(self, x):
        x, skips = functional.relu_(self["in"](x)), []
        for level in range(LEVELS):
            if level:
                x = functional.relu_(self[f"halve{level}"](x))
            x = x + self[f"down{level}"](x)
            skips.append(x)
        return self["code"](pixels(x).flatten(1)), skips


class G1(nn.ModuleDict):
    def __init__(self, features, size):
        super().__init__()
        self.low = [n >> (LEVELS - 1) for n in size]
        area = self.low[0] * self.low[1]
        self["encoder"] = Encoder(features, area)
        self["decode"] = nn.Linear(CODE, area * features)
        width = features
        for level in reversed(range(LEVELS)):
            width += features * (level + 1)
            self[f"up{level}"] = Pair(width, width)
            if level:
                self[f"reduce{level}"] = conv(width, features * level, 1)
                width = features * level
        self["out"] = conv(width, 3)

    def forward(self, x):
        code, skips = self["encoder"](x)
        x = nchw_view(self["decode"](code), len(x), *self.low)
        for level in reversed(range(LEVELS)):
            x = torch.cat([x, skips[level]], 1)
            x = x + self[f"up{level}"](x)
            if level:
                x = twice(functional.relu_(self[f"reduce{level}"](x)))
        return self["out"](x)


class G2(nn.ModuleDict):
    def __init__(self, features):
        super().__init__({"in": conv(6, features)})
        width = features
        for level in range(REFINER_LEVELS):
            if level:
                self[f"halve{level}"] = Halving(width, width)
            self[f"down{level}"] = Pair(width, features * (level + 1))
            width = features * (level + 1)
        for level in reversed(range(REFINER_LEVELS)):
            skip = features * (level + 1) if level else 0
            self[f"up{level}"] = Pair(width + skip, features)
            width = features
        self["out"] = conv(width, 3)

    def forward(self, prior, source):
        x, skips = functional.relu_(self["in"](torch.cat([prior, source], 1))), []
        for level in range(REFINER_LEVELS):
            if level:
                x = functional.relu_(self[f"halve{level}"](x))
            x = self[f"down{level}"](x)
            skips.append(x)
        for level in reversed(range(REFINER_LEVELS)):
            x = self[f"up{level}"](torch.cat([x, skips[level]], 1) if level else x)
            x = twice(x) if level else x
        return prior + self["out"](x)


class Critic(nn.ModuleDict):
    def __init__(self, features, size):
        super().__init__()
        width = 6
        for level in range(CRITIC_LEVELS):
            self[f"conv{level}"] = Halving(width, features << level, 5)
            width = features << level
            if level:
                self[f"norm{level}"] = nn.BatchNorm2d(width, track_running_stats=False)
        self["logit"] = nn.Linear(width * (size[0] * size[1] >> (2 * CRITIC_LEVELS)), 1)

    def forward(self, source, image):
        x = torch.cat([source, image], 1)
        for level in range(CRITIC_LEVELS):
            x = self[f"conv{level}"](x)
            x = functional.leaky_relu_(self[f"norm{level}"](x) if level else x, 0.2)
        return self["logit"](pixels(x).flatten(1))[:, 0]


def masked_l1(image, target, mask):
    return ((image - target).abs() * (1 + mask)).mean()


def make(settings, draws, frozen):
    del frozen
    Halving.exact = settings["exact"]
    scenes = [
        (
            *(nchw(draw[name]) for name in ("source_image", "target_image", "target_discs")),
            torch.from_numpy(draw["pose_mask"])[:, None],
        )
        for draw in draws
    ]
    features, weight = settings["features"], settings["terms"]["mask_l1"]["weight"]
    size = scenes[0][0].shape[2:]
    nets = {"g1": G1(features["g1"], size), "g2": G2(features["g2"])}
    nets = Nets(nets | {"d": Critic(features["d"], size)}, settings["rates"])

    def coarse(source, pose):
        return nets["g1"](torch.cat([source, pose], 1))

    def refined(source, pose):
        with torch.no_grad():
            image = coarse(source, pose)
        return nets["g2"](image, source)

    def judge(source, target, image):
        """Logits of the target and of the image; the batch norm's statistics are of both."""
        logits = nets["d"](torch.cat([source, source]), torch.cat([target, image]))
        return logits.split(len(image))

    def stage1():
        source, target, pose, mask = scenes[0]
        like = masked_l1(coarse(source, pose), target, mask)
        nets.move("g1", weight * like)
        return {"g1/mask_l1": like}

    def stage2():
        source, target, pose, mask = scenes[0]
        image = refined(source, pose)
        nets["d"].requires_grad_(False)
        judged = crossentropy(judge(source, target, image)[1], 1.0)
        like = masked_l1(image, target, mask)
        nets.move("g2", judged + weight * like)
        nets["d"].requires_grad_(True)
        source, target, pose, _ = scenes[1]
        with torch.no_grad():
            image = refined(source, pose)
        true, false = judge(source, target, image)
        true, false = crossentropy(true, 1.0), crossentropy(false, 0.0)
        nets.move("d", true + false)
        log = {"g2/bce": judged, "g2/mask_l1": like}
        return log | {"d/bce_real": true, "d/bce_generated": false}

    return nets, {"stage1": stage1, "stage2": stage2}


if __name__ == "__main__":
    serve(make)
