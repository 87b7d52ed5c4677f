"""How time and memory grow with the number of images, of classes and with their sides: audit, one epoch of training, evaluation.

    python bench/growth.py                              # to 100,000 images, 1,000 classes, 1,024 pixels: about 20 minutes
    python bench/growth.py --images 1000 10000 --classes 10 1000 --sides 64 256 --rounds 1

Tiny made PNGs (8 × 8, grey) in class folders; for the sides 60 PNGs of smooth colours, brought to 32 × 32. Every point is measured
in a process of its own, after a run on 200 images that loads what is loaded once. Processor milliseconds an image (of the sides:
a megapixel), memory above what the process had before, and the bytes of report.html and sections.json. "×": of the smallest
point of its axis, medians of the rounds; at most 1.3 is wanted. ``--picture FILE``: as curves.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import neocog
from neocog.records import Curves, Section, Series
from neocog.results.figures import figure
from neocog.verbs.audit import audit

COSTS = ("audit", "train", "evaluate")
USUAL = {"images": 2000, "classes": 10, "sides": 8}
LARGE = 60  # images of the sides' axis


def make(folder: Path, images: int, classes: int, side: int) -> None:
    rng = np.random.default_rng(0)
    for index in range(images):
        file = folder / f"class{index % classes:04d}" / f"{index:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (8, 8) if side == USUAL["sides"] else (8, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((side, side)).save(file, compress_level=1)


def one(axis: str, value: int) -> dict[str, float]:
    """What one point costs, in this process."""
    given = {**USUAL, axis: value}
    count = LARGE if axis == "sides" else max(given["images"], 10 * given["classes"])
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        make(root / "few", 200, 10, USUAL["sides"])
        make(root / "data", count, given["classes"], given["sides"])
        settings: dict[str, Any] = {
            "model": "cnn", "widths": "4", "epochs": 1, "threads": 1, "augment": ("off",), "quiet": True, "batch": 32,
            "baseline": False, "split": (0.6, 0.2, 0.2),
        }  # fmt: skip
        sized: dict[str, Any] = {"size": (32,)} if axis == "sides" else {}
        neocog.evaluate(neocog.train(root / "few", root / "warm", **settings).folder, quiet=True)
        audit(root / "few", quiet=True)
        before = peak()
        run = root / "run"
        works: dict[str, Callable[[], object]] = {
            "audit": lambda: audit(root / "data", quiet=True),
            "train": lambda: neocog.train(root / "data", run, **settings, **sized),
            "evaluate": lambda: neocog.evaluate(run, quiet=True),
        }
        found: dict[str, float] = {"samples": count}
        units = count * (value**2 / 1e6 if axis == "sides" else 1)
        for name, work in works.items():
            used = time.process_time()
            work()
            found[name] = (time.process_time() - used) / units * 1000
        found["MiB"] = (peak() - before) / 2**20
        found["report kB"] = (run / "report.html").stat().st_size / 1e3
        found["sections kB"] = (run / "sections.json").stat().st_size / 1e3
        return found


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(axis: str, value: int, rounds: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", axis, str(value)]
    told = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(rounds)
    ]
    return {name: statistics.median(each[name] for each in told) for name in told[0]}


def drawn(axes: dict[str, dict[int, dict[str, float]]], file: Path) -> None:
    items = tuple(
        Curves(
            f"{axis} (powers of ten)",
            "× the smallest",
            tuple(
                Series(
                    name,
                    tuple(float(np.log10(value)) for value in points),
                    tuple(point[name] / next(iter(points.values()))[name] for point in points.values()),
                )
                for name in COSTS
            ),
        )
        for axis, points in axes.items()
    )
    figure([Section("growth", items, "growth")], "growth", "").savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--classes", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--sides", type=int, nargs="*", default=[64, 256, 1024])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], int(asked.one[1]))))
        return
    axes = {}
    print(f"n = {asked.rounds}, load {os.getloadavg()[0]:.1f}; ms of the processor an image, of the sides a megapixel")
    for axis in ("images", "classes", "sides"):
        axes[axis] = points = {value: measured(axis, value, asked.rounds) for value in getattr(asked, axis)}
        least = next(iter(points.values()), {})
        for value, point in points.items():
            costs = ", ".join(f"{name} {point[name]:.2f} ({point[name] / least[name]:.2f} ×)" for name in COSTS)
            sizes = ", ".join(f"{point[name]:,.0f} {name}" for name in ("MiB", "report kB", "sections kB"))
            print(f"{value:7,} {axis} ({point['samples']:,.0f} samples): {costs}; {sizes}", flush=True)
    if asked.picture:
        drawn({axis: points for axis, points in axes.items() if points}, asked.picture)


if __name__ == "__main__":
    main()
