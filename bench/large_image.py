"""Memory that a 10,000 × 10,000 picture takes to segment, over the model's own.

    OMP_NUM_THREADS=1 python bench/large_image.py [SIDE [WIDTH]]

A U-Net of WIDTH (16, the default) is trained for a moment on pictures of 128 × 128 pixels. Then a process of its own loads it and
predicts a small picture, notes its highest resident memory so far, predicts the large one with its mask and overlay
written, and notes the highest again. The difference is what is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SMALL = 128  # pixels a side of the training's pictures
PROBE = """
import json, resource, sys
from pathlib import Path
from neocog.verbs.predict import predict

def highest():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts KiB

run, small, large, out = map(Path, sys.argv[1:])
predict(run, [small], out / "small", quiet=True)
before = highest()
(row,) = predict(run, [large], out / "large", quiet=True).rows
assert not row["skipped"], row["skipped"]
print(json.dumps({"before": before, "after": highest()}))
"""


def picture(side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(side, side, 3) uint8 with squares of 16 pixels, half of them bright, and the mask of the bright ones."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 2, (-(-side // 16), -(-side // 16)), np.uint8)
    mask = np.repeat(np.repeat(cells, 16, 0), 16, 1)[:side, :side]
    pixels = mask * np.uint8(120) + rng.integers(0, 80, (side, side), np.uint8)
    return np.repeat(pixels[:, :, None], 3, axis=2), mask


def trained(folder: Path, options: dict[str, str]) -> Path:
    """A run on eight small pictures, one epoch long: memory does not depend on what was learned."""
    from neocog.config import Config, configured
    from neocog.verbs.train import start

    for name in ("images", "masks"):
        (folder / "data" / name).mkdir(parents=True)
    for number in range(8):
        pixels, mask = picture(SMALL, number)
        Image.fromarray(pixels).save(folder / "data/images" / f"{number}.png")
        Image.fromarray(mask).save(folder / "data/masks" / f"{number}.png")
    settings = {
        "data": str(folder / "data"),
        "model": "unet",
        "epochs": 1,
        "threads": 1,
        "augment": ("off",),
        **options,
    }
    return start(configured(Config(), settings), folder / "run", True, "bench").folder


def measured(folder: Path, side: int, options: dict[str, str]) -> dict[str, int]:
    """``before`` and ``after``: bytes that were resident at most, up to the small picture and up to the large one."""
    run = trained(folder, options)
    Image.fromarray(picture(SMALL, 100)[0]).save(folder / "small.png")
    Image.fromarray(picture(side, 101)[0]).save(folder / "large.png", compress_level=1)
    files = (run, folder / "small.png", folder / "large.png", folder)
    done = subprocess.run([sys.executable, "-c", PROBE, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "large/masks/large.png") as mask:
        assert mask.size == (side, side)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def main() -> None:
    Image.MAX_IMAGE_PIXELS = None
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    width = sys.argv[2] if len(sys.argv) > 2 else "16"
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        found = measured(Path(folder), side, {"width": width})
        took = time.perf_counter() - begun
    more = found["after"] - found["before"]
    print(
        f"{side:,} × {side:,}: {more / 2**30:.2f} GiB ({more / 1e9:.2f} GB) over the {found['before'] / 2**30:.2f} GiB"
    )
    print(f"of the loaded model and a small picture; {took:.0f} s in all, most of it the U-Net's of width {width}")


if __name__ == "__main__":
    main()
