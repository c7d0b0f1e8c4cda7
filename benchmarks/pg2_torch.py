"""The steps of PG2's two stages against the same steps in PyTorch, in turn on one machine.

    python -m benchmarks.pg2_torch --torch=TORCH/bin/python [--out=FILE]

TORCH is an environment with torch alone; a process of it makes one step whenever it is told to. Its networks
have the layers of `pg2:market1501/g1_g2_d` (their numbers of parameters are compared), channels last as
oneDNN likes them, Adam in its fused form, and random pictures; stage two draws G2's and the critic's batches
apart, as the row does. Both sides use all cores, one at a time.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import time

LEVELS, REFINER_LEVELS, FEATURES, CODE, SIZE, JOINTS = 5, 3, 128, 64, (128, 64), 18


def serve(batch_size: int) -> None:
    """Says the numbers of parameters, then makes the step of each stage that is named on standard input."""
    import torch
    from torch import nn
    from torch.nn import functional

    def conv(inputs, outputs, size=3, stride=1):
        return nn.Conv2d(inputs, outputs, size, stride, size // 2)

    def pair(inputs, outputs):
        return nn.Sequential(conv(inputs, outputs), nn.ReLU(), conv(outputs, outputs), nn.ReLU())

    def twice(x):
        return functional.interpolate(x, scale_factor=2)

    class G1(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [FEATURES * (level + 1) for level in range(LEVELS)]
            self.start = conv(3 + JOINTS, FEATURES)
            self.down = nn.ModuleList(pair(n, n) for n in widths)
            self.halve = nn.ModuleList(conv(a, b, stride=2) for a, b in itertools.pairwise(widths))
            self.low = [n >> (LEVELS - 1) for n in SIZE]
            pixels = self.low[0] * self.low[1]
            self.code = nn.Linear(pixels * widths[-1], CODE)
            self.decode = nn.Linear(CODE, pixels * FEATURES)
            inner = [n + (FEATURES if n == widths[-1] else n) for n in widths]
            self.up = nn.ModuleList(pair(n, n) for n in inner)
            self.reduce = nn.ModuleList(
                conv(n, FEATURES * level, 1) for level, n in enumerate(inner) if level
            )
            self.out = conv(inner[0], 3)

        def forward(self, x):
            x, skips = functional.relu(self.start(x)), []
            for level, down in enumerate(self.down):
                if level:
                    x = functional.relu(self.halve[level - 1](x))
                x = x + down(x)
                skips.append(x)
            x = self.decode(self.code(x.flatten(1)))
            x = x.view(-1, FEATURES, *self.low).contiguous(memory_format=torch.channels_last)
            for level in reversed(range(LEVELS)):
                x = torch.cat([x, skips[level]], 1)
                x = x + self.up[level](x)
                if level:
                    x = twice(functional.relu(self.reduce[level - 1](x)))
            return self.out(x)

    class G2(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [FEATURES * (level + 1) for level in range(REFINER_LEVELS)]
            before = [FEATURES, *widths]
            self.start = conv(6, FEATURES)
            self.halve = nn.ModuleList(conv(n, n, stride=2) for n in widths[:-1])
            self.down = nn.ModuleList(pair(a, b) for a, b in zip(before, widths, strict=False))
            self.up = nn.ModuleList(
                pair((FEATURES if n != widths[-1] else n) + (n if level else 0), FEATURES)
                for level, n in enumerate(widths)
            )
            self.out = conv(FEATURES, 3)

        def forward(self, prior, source):
            x, skips = functional.relu(self.start(torch.cat([prior, source], 1))), []
            for level, down in enumerate(self.down):
                x = down(functional.relu(self.halve[level - 1](x)) if level else x)
                skips.append(x)
            for level in reversed(range(REFINER_LEVELS)):
                x = self.up[level](torch.cat([x, skips[level]], 1) if level else x)
                x = twice(x) if level else x
            return prior + self.out(x)

    class Critic(nn.Module):
        def __init__(self):
            super().__init__()
            layers, inputs = [], 6
            for level in range(4):
                outputs = 64 << level
                layers.append(conv(inputs, outputs, 5, 2))
                layers += [nn.BatchNorm2d(outputs)] if level else []
                layers.append(nn.LeakyReLU(0.2))
                inputs = outputs
            self.layers = nn.Sequential(*layers)
            self.logit = nn.Linear(inputs * (SIZE[0] >> 4) * (SIZE[1] >> 4), 1)

        def forward(self, source, image):
            return self.logit(self.layers(torch.cat([source, image], 1)).flatten(1))[:, 0]

    def masked_l1(image, target, mask):
        difference = (image - target).abs()
        return difference.mean() + (difference * mask).mean()

    def crossentropy(logits, value):
        return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, value))

    def draw():
        channels = (3, 3, JOINTS, 1)  # source, target, pose, mask
        return [
            torch.rand(batch_size, n, *SIZE).contiguous(memory_format=torch.channels_last)
            for n in channels
        ]

    nets = {"g1": G1(), "g2": G2(), "d": Critic()}
    movers = {}
    for name, net in nets.items():
        net.to(memory_format=torch.channels_last)
        movers[name] = torch.optim.Adam(net.parameters(), 2e-5, (0.5, 0.999), fused=True)
    draws = draw(), draw()

    def move(name, loss):
        movers[name].zero_grad()
        loss.backward()
        movers[name].step()

    def stage1():
        source, target, pose, mask = draws[0]
        move("g1", masked_l1(nets["g1"](torch.cat([source, pose], 1)), target, mask))

    def refined(source, pose):
        with torch.no_grad():
            coarse = nets["g1"](torch.cat([source, pose], 1))
        return nets["g2"](coarse, source)

    def stage2():
        source, target, pose, mask = draws[0]
        image = refined(source, pose)
        nets["d"].requires_grad_(False)
        judged = crossentropy(nets["d"](source, image), 1.0)
        move("g2", judged + 10 * masked_l1(image, target, mask))
        nets["d"].requires_grad_(True)
        source, target, pose, mask = draws[1]
        with torch.no_grad():
            image = refined(source, pose)
        logits = nets["d"](torch.cat([source, source]), torch.cat([target, image]))
        real, fake = logits.split(batch_size)
        move("d", crossentropy(real, 1.0) + crossentropy(fake, 0.0))

    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in nets.items()}
    print(json.dumps({"torch": torch.__version__, "parameters": counts}), flush=True)
    steps = {"stage1": stage1, "stage2": stage2}
    for line in sys.stdin:
        started = time.perf_counter()
        steps[line.strip()]()
        print(time.perf_counter() - started, flush=True)


class Peer:
    """The process of PyTorch."""

    def __init__(self, python: str, batch_size: int):
        command = [python, __file__, "serve", str(batch_size)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.about = json.loads(self._process.stdout.readline())

    def step(self, stage: str) -> float:
        """Makes one; its seconds."""
        self._process.stdin.write(f"{stage}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def compare(python: str, batch_size: int, rounds: int) -> dict:
    import jax
    import numpy as np

    from benchmarks import measure
    from benchmarks.stepping import Training
    from configs import pg2
    from pgjax.recipe import build
    from pgjax.state import parameter_counts, state_shapes

    config = pg2.get_config("market1501/g1_g2_d")
    config.batch_size = batch_size
    recipe = build(config)
    peer = Peer(python, batch_size)
    ours = parameter_counts(state_shapes(recipe))
    if ours != peer.about["parameters"]:
        raise SystemExit(f"not the same networks: {ours} and {peer.about['parameters']}")
    result = {"row": recipe.row, "batch_size": batch_size, **measure.machine(), **peer.about}
    result["matmul_flops_per_second"] = measure.ceilings("float32")["matmul_flops_per_second"]
    result["stages"] = {}
    for name, stage in recipe.stages.items():
        training = Training(recipe, stage, "", cache=False)
        times = {"pgjax": [], "torch": []}
        for turn in range(rounds + 1):
            started = time.perf_counter()
            jax.block_until_ready(training.move(1))
            seconds = time.perf_counter() - started, peer.step(name)
            if turn:
                for key, value in zip(times, seconds, strict=True):
                    times[key].append(value)
        least, median = (
            {key: float(f(values)) for key, values in times.items()} for f in (np.min, np.median)
        )
        result["stages"][name] = {
            "seconds": {key: measure.rounded(value) for key, value in median.items()},
            "least_seconds": {key: measure.rounded(value) for key, value in least.items()},
            "times_faster_than_torch": measure.rounded(median["torch"] / median["pgjax"]),
        }
        print(json.dumps({name: result["stages"][name]}), flush=True)
    peer.close()
    return result


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch", required=True, help="the python of an environment with torch")
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file")
    arguments = parser.parse_args()
    found = compare(arguments.torch, arguments.batch_size, arguments.rounds)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
