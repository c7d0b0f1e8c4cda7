"""What PyTorch's sides share: their parameters and batches from a folder, moves, and the process itself."""

import json
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# What flax calls a layer's weight, and how torch orders the axes of it.
_WEIGHTS = {
    nn.Conv2d: ("kernel", (3, 2, 0, 1)),
    nn.ConvTranspose2d: ("kernel", (2, 3, 0, 1)),
    nn.Linear: ("kernel", (1, 0)),
    nn.BatchNorm2d: ("scale", (0,)),
}

Log = dict[str, torch.Tensor]


class Nets(dict):
    """Networks by name, channels last, each with its Adam."""

    def __init__(self, nets: dict[str, nn.Module], rates: dict[str, float]):
        super().__init__(nets)
        self._movers, self._views = {}, {}
        for name, net in nets.items():
            net.to(memory_format=torch.channels_last)
            # Adam copies what is not contiguous: it is shown the same memory in its own order.
            self._views[name] = [(p, _as_it_lies(p.detach())) for p in net.parameters()]
            views = [view for _, view in self._views[name]]
            self._movers[name] = torch.optim.Adam(views, rates[name], (0.5, 0.999), fused=True)

    def move(self, name: str, loss: torch.Tensor) -> None:
        self[name].zero_grad()
        loss.backward()
        for parameter, view in self._views[name]:
            view.grad = _as_it_lies(parameter.grad)
        self._movers[name].step()


def _as_it_lies(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.permute(0, 2, 3, 1) if kernel.ndim == 4 else kernel


def nchw(array: np.ndarray) -> torch.Tensor:
    """Images (B, H, W, C) as torch takes them, where they lie: channels last."""
    return torch.from_numpy(array).permute(0, 3, 1, 2)


def pixels(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W), channels last -> (B, H, W, C), no copy."""
    return x.permute(0, 2, 3, 1)


def nchw_view(flat: torch.Tensor, count: int, height: int, width: int) -> torch.Tensor:
    """What lies in the order of pixels, as torch takes it; no copy."""
    return flat.view(count, height, width, -1).permute(0, 3, 1, 2)


def crossentropy(logits: torch.Tensor, value: float) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, value))


def _load(net: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Takes all parameters from flax's, by their names; the arrays that are left over are none's."""
    for path, module in net.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            renamed, axes = name, None
            if name == "weight":
                renamed, axes = next(x for kind, x in _WEIGHTS.items() if isinstance(module, kind))
            array = arrays.pop("/".join([*path.split("."), renamed])).transpose(axes)
            if array.shape != parameter.shape:
                raise ValueError(f"{path}.{name}: {tuple(parameter.shape)}, not {array.shape}")
            parameter.data.copy_(torch.from_numpy(array))
    if arrays:
        raise ValueError(f"no such parameters: {', '.join(arrays)}")


def _below(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        k.removeprefix(f"{prefix}/"): x for k, x in arrays.items() if k.startswith(f"{prefix}/")
    }


def serve(make: Callable[..., tuple[Nets, dict[str, Callable[[], Log]]]]) -> None:
    """Makes the step of each stage that is named on standard input, and says its seconds and log.

    Args:
      make: (settings, draws, frozen) -> networks and steps by stage. `settings` are those of
        settings.json in the folder that the command line names; given.npz holds the arrays of each
        draw, the networks' parameters, and those of the frozen network where there is one.
    """
    folder = pathlib.Path(sys.argv[1])
    settings = json.loads((folder / "settings.json").read_text())
    arrays = dict(np.load(folder / "given.npz"))
    draws = [_below(arrays, f"draw{i}") for i in range(settings["draws"])]
    nets, steps = make(settings, draws, _below(arrays, "frozen"))
    for name, net in nets.items():
        _load(net, _below(arrays, f"params/{name}"))
        if settings["compile"]:
            net.compile(dynamic=False)
    del arrays
    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in nets.items()}
    _say({"torch_version": torch.__version__, "parameters": counts})
    for line in sys.stdin:
        started = time.perf_counter()
        log = steps[line.strip()]()
        seconds = time.perf_counter() - started
        values = {name: value.item() for name, value in log.items()}
        for name, net in nets.items():
            gradients = [p.grad for p in net.parameters() if p.grad is not None]
            values[f"{name}/gradient_norm"] = nn.utils.get_total_norm(gradients).item()
        _say({"seconds": seconds, "log": values})


def _say(value: dict) -> None:
    print(json.dumps(value), flush=True)
