"""How long until CIFAR-10's 10,000 test images are told with 94 %, and how near is that to what the machine can do?

    python bench/cifar10.py [--seeds 5] [--data FOLDER] [-- MORE FLAGS OF TRAIN]

``neocog train DATA --recipe speed`` for each seed, as a user would. A line a seed: accuracy, seconds of training with all that it
takes (whitening, validation, the mirrored views), images a second. Then mean ± standard deviation, and airbench94's published
figure; the rate of multiplications and additions (3 × those of the network's forward pass, an image, as is usual for training),
beside that of a plain product of matrices in the same precision, measured here and now.
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
from pathlib import Path
from typing import Any

import torch

from neocog.verbs.models import stored_table

PUBLISHED = "airbench94 (Jordan 2024): 94.01 % in 3.83 s on an A100"
SIDE = 4096  # of the matrices whose product is timed


def main() -> None:
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", default="cifar10")
    given, more = parser.parse_args(words[:place]), words[place + 1 :]
    results = [trained(given.data, seed, more) for seed in range(given.seeds)]
    accuracies = [each["measures"]["test"]["accuracy"]["value"] for each in results]
    spread = f" ± {statistics.stdev(accuracies):.4f}" if len(accuracies) > 1 else ""
    seconds = statistics.mean(each["seconds"] for each in results)
    print(f"accuracy {statistics.mean(accuracies):.4f}{spread}, {seconds:.0f} s of training (94 % in 300 s asked)")
    print(PUBLISHED)
    network = stored_table()["networks"]["airbench"]
    rate = 6 * network["multiply_adds"] * statistics.mean(each["images_per_second"] for each in results) / 1e12
    precision = results[0]["precision"]
    peak = product(precision)
    print(f"{rate:.3f} TFLOP/s in {precision}; a product of matrices {peak:.3f}: {rate / peak:.0%} of it")


def trained(data: str, seed: int, more: list[str]) -> dict[str, Any]:
    """The result of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "neocog", "train", data, "--recipe", "speed", "--seed", str(seed), *more]
        done = subprocess.run(
            [*command, "--json", "--out", str(Path(folder) / "run")], check=True, stdout=subprocess.PIPE, text=True
        )
    result: dict[str, Any] = json.loads(done.stdout)
    found = result["measures"]["test"]["accuracy"]
    print(
        f"seed {seed}: {found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f}), {result['seconds']:.0f} s, "
        f"{result['images_per_second']:.0f} images/s, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return result


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
