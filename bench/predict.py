"""How long ``run.predict`` takes for images in memory: LeNet-5 at 28 × 28, one image and a batch, and how soon it is ready.

    python bench/predict.py [--threads 1]

Milliseconds by the clock, of 200 calls the median, the 5 % and the 95 % point; the first call, which loads the network, apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import neocog

CALLS = 200


def milliseconds(call: Callable[[], object]) -> list[float]:
    """Sorted, of ``CALLS`` calls after ten that do not count."""
    found = []
    for number in range(CALLS + 10):
        begun = time.perf_counter()
        call()
        if number >= 10:
            found.append((time.perf_counter() - begun) * 1000)
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    images = np.random.default_rng(0).integers(0, 200, (256, 28, 28), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"model": "lenet5", "size": (28,), "epochs": 1, "threads": threads, "quiet": True}
        trained = neocog.train("digits", Path(folder) / "run", **settings)
        torch.set_num_threads(threads)
        run = neocog.load(trained)
        begun = time.perf_counter()
        run.predict(images[0])
        print(
            f"load {os.getloadavg()[0]:.1f}, {threads} thread(s); first call {(time.perf_counter() - begun) * 1000:.1f} ms"
        )
        ways: dict[str, Callable[[], object]] = {
            "one image": lambda: run.predict(images[0]),
            "256 images": lambda: run.predict(images),
            "the module alone, one image": lambda: run.model(torch.from_numpy(images[:1, None])),
        }
        for name, call in ways.items():
            found = milliseconds(call)
            low, high = found[CALLS // 20], found[-CALLS // 20]
            print(f"{name:28} {statistics.median(found):7.2f} ms ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
