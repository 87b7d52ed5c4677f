"""What do the processes of one node take to read their data, in seconds and in memory of their own?

    python bench/nodes.py 3000 [--side 512] [--size 256] [--ranks 1 2 4]

Writes so many JPEG files of ``side`` pixels, and has them read by R processes that torchrun starts: once as training reads, by one
process for all (together), and once by each for itself (apart). Prints a line of JSON for each: seconds until all have read, and
for each process how many MiB its private memory has grown by, and its proportional share (PSS), in which what R processes
share counts 1/R in each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from neocog.config import Config, configured
from neocog.engine.ranks import Ranks
from neocog.progress import Progress
from neocog.verbs.nodes import together
from neocog.verbs.prepare import read


def photos(folder: Path, count: int, side: int) -> None:
    """Noise that is smooth, as photographs are, in two classes."""
    rng = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8))
        path = folder / f"class {number % 2}" / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small.resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)


def memory() -> tuple[int, int]:
    """Private bytes of this process, and its proportional share of all that it maps."""
    rows = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]]
    sizes = {row[0]: int(row[1]) << 10 for row in rows}
    return sizes["Private_Clean:"] + sizes["Private_Dirty:"], sizes["Pss:"]


def rank(folder: str, size: int, apart: bool) -> None:
    """One of the processes."""
    config = configured(Config(), {"data": folder, "size": (size, size), "memory": 0.9})
    with together() as ranks:
        read_by = Ranks() if apart else ranks
        before, begun = memory(), time.monotonic()
        data = read(config, Progress(quiet=True), read_by)
        ranks.barrier()
        seconds = time.monotonic() - begun
        for pixels in data.pixels if data.pixels is not None else ():
            pixels.max()  # what nobody has looked at counts for nobody
        ranks.barrier()
        after = memory()
        grown = [(now - then) >> 20 for now, then in zip(after, before, strict=True)]
        told = [json.loads(text) for text in ranks.texts(json.dumps([*grown, data.pixels is not None]))]
    if ranks.is_writer:
        print(json.dumps({
            "ranks": ranks.world, "read": "apart" if apart else "together", "seconds": round(seconds, 2),
            "private_mib": [row[0] for row in told], "pss_mib": [row[1] for row in told], "kept": [row[2] for row in told],
        }))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if "RANK" in os.environ:
        return rank(given.images, given.size, given.apart)
    with tempfile.TemporaryDirectory(prefix="neocog-nodes-") as folder:
        photos(Path(folder), int(given.images), given.side)
        pixels = int(given.images) * given.size**2 * 3 >> 20
        print(json.dumps({"images": int(given.images), "pixels_mib": pixels, "cores": os.cpu_count()}), flush=True)
        for count in given.ranks:
            for apart in ([], ["--apart"]):
                torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
                command = [sys.executable, *torchrun, __file__, folder, f"--size={given.size}", *apart]
                subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


if __name__ == "__main__":
    main()
