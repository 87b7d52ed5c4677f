"""How much memory does an image of 10,000 × 10,000 pixels take, beyond the network's own?

    python bench/large_image.py                # 10,000 pixels a side
    python bench/large_image.py --side 4000 --width 4

Trains a small U-Net for a moment, then, in a process of its own, loads the run, predicts a small picture, notes the peak of
its memory, and predicts the large one as ``neocog predict RUN FILE --out FOLDER`` does: index PNG, overlay and areas. Prints
one JSON line: the two peaks in GiB, their difference and the seconds. Target: a difference below 1.5 GiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

TARGET = 1.5  # GiB


def discs(side: int, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture (side, side, 3) of bright discs in noise, and its mask."""
    rng = np.random.default_rng(seed)
    pixels, mask = rng.integers(0, 60, (side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    radius = 9
    spot = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    for row, column in rng.integers(radius, side - radius - 1, (count, 2)):
        part = slice(row - radius, row + radius + 1), slice(column - radius, column + radius + 1)
        mask[part][spot] = 1
        pixels[part][spot] = 200
    return pixels, mask


def peak() -> float:
    """GiB that this process has had in memory at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def predict(run: Path, small: Path, large: Path, out: Path) -> None:
    """In a process of its own: the peaks before and after, on standard output."""
    import neocog

    neocog.predict(run, [small], out / "small", quiet=True)
    before, begun = peak(), time.monotonic()
    rows = neocog.predict(run, [large], out / "large", quiet=True).rows
    found = {"before_gib": before, "peak_gib": peak(), "seconds": time.monotonic() - begun}
    print(json.dumps(found | {"pixels": sum(value for name, value in rows[0].items() if name.startswith("area"))}))


def measure(side: int, width: int = 16) -> dict[str, float]:
    """The whole story in a temporary folder; ``width`` is the U-Net's."""
    Image.MAX_IMAGE_PIXELS = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("images", "masks"):
            (folder / "data" / kind).mkdir(parents=True)
        for number in range(20):
            pixels, mask = discs(128, number, 12)
            Image.fromarray(pixels).save(folder / "data" / "images" / f"{number}.png")
            Image.fromarray(mask * 255).save(folder / "data" / "masks" / f"{number}.png")
        words = ["train", folder / "data", "--width", width, "--epochs", "8", "--quiet", "--out", folder / "run"]
        subprocess.run([sys.executable, "-m", "neocog", *map(str, words)], check=True)
        pixels, mask = discs(side, 1000, side * side // 4000)
        Image.fromarray(pixels).save(folder / "large.png", compress_level=1)
        del pixels
        command = [
            __file__,
            "--predict",
            folder / "run",
            folder / "data" / "images" / "0.png",
            folder / "large.png",
            folder,
        ]
        done = subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        with Image.open(folder / "large" / "masks" / "large.png") as image:
            said = np.asarray(image)
        assert said.shape == mask.shape and found.pop("pixels") == mask.size
        both = 2 * int(((said == 1) & (mask == 1)).sum()) / max(1, int((said == 1).sum() + (mask == 1).sum()))
    more = found["peak_gib"] - found["before_gib"]
    return {
        "side": side,
        **{key: round(value, 3) for key, value in found.items()},
        "more_gib": round(more, 3),
        "dice": round(both, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--predict", nargs=4, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.predict:
        predict(*options.predict)
        return
    found = measure(options.side, options.width)
    print(json.dumps(found | {"target_gib": TARGET}), flush=True)


if __name__ == "__main__":
    main()
