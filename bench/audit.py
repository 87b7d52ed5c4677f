"""How fast the audit reads photographs, against plain Pillow decoding of the same files, and how its memory grows.

    python bench/audit.py                  # 2,000 images; memory at 500, 2,000 and 8,000
    python bench/audit.py --images 500 --memory 500

Makes photo-like 500 × 400 JPEGs (quality 90) in a temporary folder. The two are timed in turn, the first run of each is
thrown away. Processor time is stated too, which a busy machine changes less than the clock. JSON lines on standard
output, a table for people on standard error. Target: 300 images/s on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from neocog.verbs.audit import audit

WIDTH, HEIGHT = 500, 400


def photo(seed: int) -> Image.Image:
    """Smooth shapes with fine texture: about 80 kB as JPEG, as a photograph of this size has."""
    rng = np.random.default_rng(seed)
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for cells, weight in ((4, 120), (16, 60), (64, 40), (200, 30)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        image += weight / 255 * np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))


def make(folder: Path, count: int) -> None:
    def save(i: int) -> None:
        photo(i).save(folder / f"class{i % 10}" / f"{i:05d}.jpg", quality=90)

    for k in range(10):
        (folder / f"class{k}").mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(save, range(count)))


def first(folder: Path, count: int) -> Path:
    """A folder of the first so many images, as hard links."""
    part = folder.with_name(f"first {count}")
    for path in sorted(folder.rglob("*.jpg"), key=lambda path: path.name)[:count]:
        (part / path.parent.name).mkdir(parents=True, exist_ok=True)
        os.link(path, part / path.parent.name / path.name)
    return part


def decode_plainly(folder: Path) -> None:
    """What any reader must do at least: Pillow, one thread a core."""

    def load(path: Path) -> None:
        with Image.open(path) as image:
            image.load()

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(load, sorted(folder.rglob("*.jpg"))))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time over all threads."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def speed(folder: Path, count: int, runs: int) -> list[dict[str, Any]]:
    works = {"audit": lambda: audit(folder, quiet=True), "Pillow decode": lambda: decode_plainly(folder)}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for run in range(runs + 1):
        for name, work in works.items():
            seconds = timed(work)
            if run:  # the first one fills the caches
                took[name].append(seconds)
    rows: list[dict[str, Any]] = []
    for name, times in took.items():
        rates = [count / clock for clock, _ in times]
        row = {"name": name, "median": statistics.median(rates), "low": min(rates), "high": max(rates), "n": len(rates)}
        used = statistics.median(cpu for _, cpu in times) / count * 1000
        rows.append({**row, "unit": "images/s", "images": count, "cpu_ms_per_image": round(used, 2)})
    return [{**row, "ratio": row["median"] / rows[1]["median"]} for row in rows]


def peak(folder: Path) -> int:
    """Peak resident memory (bytes) of a process that audits the folder."""
    command = [sys.executable, __file__, "--peak", str(folder)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", type=int, nargs="*", default=[500, 2000, 8000])
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        audit(Path(asked.peak), quiet=True)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "all"
        make(folder, max(asked.images, *asked.memory))
        parts = {count: first(folder, count) for count in sorted({asked.images, *asked.memory})}
        rows = speed(parts[asked.images], asked.images, asked.runs)
        for count in asked.memory:
            rows.append(
                {"name": "peak memory", "images": count, "median": peak(parts[count]) / 2**20, "n": 1, "unit": "MiB"}
            )
    machine = {"processor": platform.processor() or platform.machine(), "cores": cores(), "load": os.getloadavg()[0]}
    versions = {"python": platform.python_version(), "numpy": np.__version__, "pillow": PIL.__version__}
    for row in rows:
        print(json.dumps({**row, **machine, **versions}))
        shown = f"{row['name']:14s} {row['images']:6,} images  {row['median']:8,.1f} {row['unit']}"
        if "low" in row:
            shown += f" ({row['low']:,.0f} to {row['high']:,.0f}, n = {row['n']}"
            shown += f"; {row['cpu_ms_per_image']} ms of processor each)"
        print(shown, file=sys.stderr)


if __name__ == "__main__":
    main()
