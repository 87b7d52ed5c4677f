"""How much sooner are 3 × 3 convolutions done by Winograd's algorithm, and how far are they from the direct sum?

    python bench/convolutions.py [--threads 1] [--rounds 6]

Forward and both gradients of single layers as they stand in networks (batch, channels in and out, side of the plane), in turn
by PyTorch (in both orders of memory; the faster one counts) and by ``neocog.engine.winograd``, in one process; the first round is
thrown away. The error is that of the output and of both gradients against float64, as a share of the largest value. JSON lines.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median

import torch
from torch import Tensor
from torch.nn import functional as F

from neocog.engine.convolution import FastConvolutions

# of cifarcnn at batch 128, and of a U-Net of width 64 at 256 × 256 and batch 2
LAYERS = (
    (128, 64, 128, 16), (128, 128, 128, 16), (128, 128, 256, 8), (128, 256, 256, 8),
    (2, 64, 64, 256), (2, 128, 128, 128), (2, 256, 256, 64), (2, 512, 512, 32),
)  # fmt: skip


def layer(count: int, channels: int, outputs: int, side: int, rounds: int) -> dict[str, object]:
    """The row of one layer."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(count, channels, side, side, generator=source)
    weight = torch.randn(outputs, channels, 3, 3, generator=source) / (9 * channels) ** 0.5
    slope = torch.randn(count, outputs, side, side, generator=source)
    together = x.to(memory_format=torch.channels_last), weight, slope.to(memory_format=torch.channels_last)
    ways: dict[str, Callable[[], tuple[Tensor, ...]]] = {
        "winograd": lambda: learned(*together, FastConvolutions()),
        "channels_last": lambda: learned(*together),
        "planes": lambda: learned(x, weight, slope),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            found = way()
            seconds[name].append(time.perf_counter() - started)
            if name == "winograd":
                ours = found
    times = {name: median(values[1:]) for name, values in seconds.items()}
    exact = learned(x.double(), weight.double(), slope.double())
    errors = [float((a.double() - b).abs().max() / b.abs().max()) for a, b in zip(ours, exact, strict=True)]
    direct = min(times["channels_last"], times["planes"])
    row: dict[str, object] = {"layer": [count, channels, outputs, side], "threads": torch.get_num_threads()}
    row |= {f"{name}_ms": round(1000 * value, 1) for name, value in times.items()}
    return row | {"times_as_fast": round(direct / times["winograd"], 2), "error": float(f"{max(errors):.1e}")}


def learned(x: Tensor, weight: Tensor, slope: Tensor, mode: FastConvolutions | None = None) -> tuple[Tensor, ...]:
    """The output and the gradients of x and of the weights."""
    x, weight = x.requires_grad_(), weight.requires_grad_()
    with mode or nullcontext():
        y = F.conv2d(x, weight, padding=1)
    return y.detach(), *torch.autograd.grad(y, (x, weight), slope)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for shape in LAYERS:
        print(json.dumps(layer(*shape, options.rounds)), flush=True)


if __name__ == "__main__":
    main()
