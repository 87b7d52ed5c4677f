"""What an image costs in memory beside its pixels, once data are read, checked and split.

    python bench/bookkeeping.py                      # folders, a table, masks: 5,000 and 20,000 images
    python bench/bookkeeping.py folders --images 20000 120000

Images are PNGs of 12 × 10 colour pixels, each of its own, which are not kept (as with ``--memory 0``). Of two counts of images the
bytes that Python and NumPy hold at the end (tracemalloc) are compared, so that what does not grow with the images does not count;
and of each stage the most that they held meanwhile, what was there before included. Seconds are of the larger count, beside
tracemalloc, which makes them two to three times as many.
"""

from __future__ import annotations

import argparse
import gc
import struct
import sys
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from neocog.data import spooled
from neocog.progress import Progress
from neocog.verbs import prepare
from neocog.verbs.parted import parted
from neocog.verbs.session import settings_for

CLASSES = 10


def png(pixels: np.ndarray) -> bytes:
    """(H, W, 3) or (H, W) uint8 as a PNG, without a library, since it is to be fast for tiny ones."""
    height, width = pixels.shape[:2]
    lines = np.zeros((height, 1 + pixels[0].size), np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines.tobytes(), 1)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def pictures(count: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    return [png(rng.integers(0, 256, (12, 10, 3)).astype(np.uint8)) for _ in range(count)]


def folders(path: Path, count: int) -> Path:
    """class-3/photo-00000123.png: 26 letters a name."""
    for k in range(CLASSES):
        (path / f"class-{k}").mkdir()
    for index, content in enumerate(pictures(count)):
        (path / f"class-{index % CLASSES}" / f"photo-{index:08}.png").write_bytes(content)
    return path


def table(path: Path, count: int) -> Path:
    """images/photo-00000123.png with a label and a patient of five images, in 12 letters."""
    (path / "images").mkdir()
    rows = ["image,label,patient"]
    for index, content in enumerate(pictures(count)):
        (path / "images" / f"photo-{index:08}.png").write_bytes(content)
        rows.append(f"images/photo-{index:08}.png,class-{index % CLASSES},patient-{index // 5:04}")
    (path / "table.csv").write_text("\n".join(rows) + "\n")
    return path / "table.csv"


def masks(path: Path, count: int) -> Path:
    """images/photo-00000123.png with masks/photo-00000123.png of two classes."""
    (path / "images").mkdir()
    (path / "masks").mkdir()
    rng = np.random.default_rng(1)
    for index, content in enumerate(pictures(count)):
        (path / "images" / f"photo-{index:08}.png").write_bytes(content)
        mask = png(np.repeat(np.uint8(255) * (np.arange(12) < rng.integers(1, 12)), 10).reshape(12, 10))
        (path / "masks" / f"photo-{index:08}.png").write_bytes(mask)
    return path


STAGES = (
    "open_data",
    "planned_shape",
    "scan_dataset",
    "near_copies",
    "findings",
    "parted",
)  # of ``neocog.verbs.prepare``
KINDS: dict[str, Callable[[Path, int], Path]] = {"folders": folders, "table": table, "masks": masks}


@dataclass
class Cost:
    """Bytes at the end of reading, checking and splitting; and of each stage the most in bytes, and its seconds."""

    end: int = 0
    peaks: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def of(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*given: Any, **named: Any) -> Any:
            tracemalloc.reset_peak()
            begin = time.perf_counter()
            found = function(*given, **named)
            self.seconds[stage] = time.perf_counter() - begin
            self.peaks[stage] = tracemalloc.get_traced_memory()[1]
            return found

        return measured


@cache
def room() -> list[str]:
    """Interned texts, so many that Python's table of them, which grows in jumps of megabytes, does not grow for a while."""
    return [sys.intern(f"#{number}") for number in range(300_000)]


def cost(source: Path) -> Cost:
    room()
    config = settings_for(source, {})
    config.training.__dict__["memory"] = 0.0
    found = Cost()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(spooled, "_SMALL", 0))  # as where there are many images
        for stage in STAGES:
            stack.enter_context(mock.patch.object(prepare, stage, found.of(stage, getattr(prepare, stage))))
        gc.collect()
        tracemalloc.start()
        data = prepare.read(config, Progress(True))
        parts = parted(data, config, None)
        gc.collect()
        found.end = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert len(parts) == len(data.dataset)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--images", nargs=2, type=int, default=[5000, 20000])
    given = parser.parse_args()
    for kind in given.kinds:
        few, many = given.images
        found = []
        for count in (many, few, many):  # what the first run loads does not count
            with tempfile.TemporaryDirectory() as folder:
                found.append(cost(KINDS[kind](Path(folder), count)))
        _, one, other = found

        def each(less: int, more: int, many: int = many, few: int = few) -> str:
            return f"{(more - less) / (many - few):,.0f}"

        print(f"{kind}: {each(one.end, other.end)} bytes an image at the end; at the most in")
        for stage in STAGES:
            print(
                f"    {stage:13} {each(one.peaks[stage], other.peaks[stage]):>6}, {other.seconds[stage]:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
