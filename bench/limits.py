"""Does a training end, and with the same weights, where memory is limited to a share of what its decoded pixels take?

    python bench/limits.py                        # 3,000 images of 224 × 224 × 3: 0.42 GiB decoded
    python bench/limits.py --images 12000 --masks
    python bench/limits.py --images 1500 --less 0.2   # 0.2 GiB below: what does not fit ends in three facts

Base is what the unlimited training takes at its peak beside the decoded pixels, which it holds: of address space for `ulimit -v`,
of resident memory for a memory control group, where one can be made (as root, cgroup v1 or v2). Limits are base + ⅓, ½, 1 and 2
times the decoded size. Each line: the exit code, whether weights are those of the unlimited run, seconds, and the resident peak; of
a run that ends otherwise what it says, the three facts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 224
GIBI = 2**30
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
# Runs a command of neocog's and writes its peaks: address space, resident
CODE = """
import atexit, pathlib, sys
from neocog.cli.main import main
def peaks():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmPeak", "VmHWM"))}
    pathlib.Path(sys.argv[1]).write_text(found["VmPeak"] + " " + found["VmHWM"])
atexit.register(peaks)
main(sys.argv[2:])
"""


@dataclass(frozen=True)
class Ended:
    code: int
    weights: str
    seconds: float
    address_space: int  # bytes at the peak
    resident: int
    told: str


def data(root: Path, count: int, masks: bool) -> Path:
    """Two kinds of pictures that compress well; with ``masks`` these too."""
    rng = np.random.default_rng(0)
    for index in range(count):
        tile = rng.integers(0, 256, (14, 14, 3), np.uint8)
        picture = np.tile(tile, (SIDE // 14, SIDE // 14, 1))
        picture[: SIDE // 2] //= 1 + index % 2
        folder = root / ("images" if masks else "ab"[index % 2])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{index:06}.png", compress_level=1)
        if masks:
            (root / "masks").mkdir(exist_ok=True)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[: SIDE // 2] = index % 2
            Image.fromarray(mask).save(root / f"masks/{index:06}.png")
    return root


def group_of(limit: int) -> tuple[str, list[Path]]:
    """Shell text that enters a memory group of ``limit`` bytes, and the group's folder; "" where none can be made."""
    for root, name in zip(GROUPS, ("memory.limit_in_bytes", "memory.max"), strict=True):
        if (root / name).exists() or (root / "cgroup.controllers").exists():
            group = root / f"neocog-bench-{os.getpid()}"
            try:
                group.mkdir()
                (group / name).write_text(str(limit))
            except OSError:
                continue
            return f"echo $$ > {group}/cgroup.procs; ", [group]
    return "", []


def trained(source: Path, out: Path, masks: bool, before: str = "") -> Ended:
    network = ["--set", "model.width=4", "--set", "model.depth=2"] if masks else ["--set", "model.widths=4,8"]
    flags = ["--epochs", "1", "--threads", "1", "--batch", "16", "--size", str(SIDE), "--augment", "off", *network]
    peaks = out.with_suffix(".peaks")
    command = [sys.executable, "-c", CODE, str(peaks), "train", str(source), "--out", str(out), *flags]
    started = time.monotonic()
    done = subprocess.run(
        ["/bin/sh", "-c", before + 'exec "$0" "$@"', *command], capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - started
    weights = out / "weights.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12] if weights.exists() else "none"
    sizes = [int(each) << 10 for each in peaks.read_text().split()] if peaks.exists() else [0, 0]
    return Ended(done.returncode, digest, seconds, sizes[0], sizes[1], done.stderr)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--masks", action="store_true")
    parser.add_argument("--less", type=float, default=0.0, help="GiB that the limits lie lower")
    given = parser.parse_args()
    decoded = given.images * SIDE * SIDE * (4 if given.masks else 3)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = data(root / "all", given.images, given.masks)
        free = trained(source, root / "run", given.masks)
        addresses, resident = free.address_space - decoded, free.resident - decoded
        print(
            f"decoded {decoded / GIBI:.2f} GiB; base {addresses / GIBI:.2f} of addresses, {resident / GIBI:.2f} resident"
        )
        print(
            f"unlimited: exit {free.code}, {free.seconds:.0f} s, {free.resident / GIBI:.2f} GiB, weights {free.weights}"
        )
        for kind, base in (("ulimit -v", addresses), ("group", resident)):
            for name, share in (("⅓", 1 / 3), ("½", 1 / 2), ("1", 1.0), ("2", 2.0)):
                limit = int(base + share * decoded - given.less * GIBI)
                before, groups = (f"ulimit -v {limit >> 10}; ", []) if kind == "ulimit -v" else group_of(limit)
                if not before:
                    print("no memory group can be made here")
                    break
                ended = trained(source, root / f"run-{kind.replace(' ', '')}-{share:.2f}", given.masks, before)
                facts = ended.code == 2 and "out of memory" in ended.told and "Traceback" not in ended.told
                same = "three facts" if facts else f"OTHER WEIGHTS {ended.weights}"
                same = "the same weights" if ended.weights == free.weights else same
                print(
                    f"{kind} base + {name}: exit {ended.code}, {same}, {ended.seconds:.0f} s, {ended.resident / GIBI:.2f} GiB",
                    flush=True,
                )
                if ended.code:
                    print(ended.told[-600:])
                for group in groups:
                    group.rmdir()


if __name__ == "__main__":
    main()
