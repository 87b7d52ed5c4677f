"""How long until CIFAR-10's 10,000 test images are told with 94 %, and how near is that to what the machine can do?

    python bench/cifar10.py [--recipe speed] [--seeds 5] [--data FOLDER] [-- MORE FLAGS OF TRAIN]

``neocog train DATA --recipe speed`` (or ``accuracy``) for each seed, as a user would. A line a seed: accuracy, seconds of training
with all that it takes (whitening, validation, the mirrored views), images a second. Then mean ± standard deviation, and the
published figure; the rate of multiplications and additions (3 × those of the network's forward pass, an image of the size that
training shows, as is usual for training), beside that of a plain product of matrices in the same precision; and the share of a
training step that is not the network's forward, backward and update, all measured here and now. ``--seeds 0``: these alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.utils.flop_counter import FlopCounterMode

from neocog.config import from_file
from neocog.engine import loop, update
from neocog.engine.progressive import STAGES, sides
from neocog.networks import build, model_class
from own_loop import steps

PUBLISHED = {
    "speed": "airbench94 (Jordan 2024): 94.01 % in 3.83 s on an A100",
    "accuracy": "airbench96 (Jordan 2024): 96.03 % in 34.7 s on an A100",
}
ASKED = {"speed": "94 % in 300 s", "accuracy": "96 % in 2,700 s"}
SIDE = 4096  # of the matrices whose product is timed


def main() -> None:
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=PUBLISHED, default="speed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--threads", type=int, default=2, help="of the profile")
    given, more = parser.parse_args(words[:place]), words[place + 1 :]
    results = [trained(given, seed, more) for seed in range(given.seeds)]
    if results:
        accuracies = [each["measures"]["test"]["accuracy"]["value"] for each in results]
        spread = f" ± {statistics.stdev(accuracies):.4f}" if len(accuracies) > 1 else ""
        seconds = statistics.mean(each["seconds"] for each in results)
        print(f"accuracy {statistics.mean(accuracies):.4f}{spread}, {seconds:.0f} s ({ASKED[given.recipe]} asked)")
        print(PUBLISHED[given.recipe])
        speed, precision = statistics.mean(each["images_per_second"] for each in results), results[0]["precision"]
        rate, peak = operations(given.recipe) * speed / 1e12, product(precision)
        print(f"{rate:.3f} TFLOP/s in {precision}; a product of matrices {peak:.3f}: {rate / peak:.0%} of it")
    shares = outside(given)
    few, most = min(shares), max(shares)
    print(f"of a step {statistics.median(shares):.1%} ({few:.1%} to {most:.1%}) is not the network's (5 % asked)")


def trained(given: argparse.Namespace, seed: int, more: list[str]) -> dict[str, Any]:
    """The result of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "neocog", "train", given.data, "--recipe", given.recipe, "--seed", str(seed)]
        done = subprocess.run(
            [*command, *more, "--json", "--out", str(Path(folder) / "run")],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    result: dict[str, Any] = json.loads(done.stdout)
    found = result["measures"]["test"]["accuracy"]
    print(
        f"seed {seed}: {found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f}), {result['seconds']:.0f} s, "
        f"{result['images_per_second']:.0f} images/s, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return result


def operations(recipe: str) -> float:
    """Multiplications and additions that an image costs in training, the mean over its stages of size."""
    config = from_file(recipe)
    begun, found = config.training.start_size or 1.0, list[float]()
    for stage in range(STAGES):
        side = sides((32, 32), begun, stage / STAGES)
        net = build(config.model.model, 3, (32, 32), 10, **config.model.options).to("meta")
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.empty(1, 3, *side, device="meta"))
        found.append(3 * counter.get_total_flops())
    return sum(found) / STAGES


def outside(given: argparse.Namespace, count: int = 8) -> list[float]:
    """Of ``count`` steps, after two, the share that is neither forward nor backward pass nor update: batches, changes, checks."""
    spent = [0.0]

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                spent[0] += time.perf_counter() - began

        return measured

    shares = []
    settings = {"data": given.data, "epochs": 99, "threads": given.threads}
    kind = model_class(from_file(given.recipe).model.model)
    with (
        mock.patch.object(kind, "forward", timed(kind.forward)),
        mock.patch.object(torch.Tensor, "backward", timed(torch.Tensor.backward)),
        mock.patch.object(loop, "apply_update", timed(update.apply_update)),
    ):
        began = time.perf_counter()
        for _ in steps(settings, count + 2, from_file(given.recipe)):
            whole = time.perf_counter() - began
            shares.append(1 - spent[0] / whole)
            spent[0], began = 0.0, time.perf_counter()
    return shares[2:]


def product(precision: str) -> float:
    """TFLOP/s of a product of square matrices: the median of five, after one that is thrown away."""
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    left, right = (torch.randn(SIDE, SIDE, device=device).to(kind) for _ in range(2))
    times = []
    for _ in range(6):
        began = time.perf_counter()
        (left @ right).sum().item()
        times.append(time.perf_counter() - began)
    return 2 * SIDE**3 / statistics.median(times[1:]) / 1e12


if __name__ == "__main__":
    main()
