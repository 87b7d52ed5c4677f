"""What an image costs in memory beside its pixels, once data are read, checked and split.

    python bench/bookkeeping.py                      # folders, a table, masks: 5,000 and 20,000 images
    python bench/bookkeeping.py folders --images 20000 120000

Images are PNGs of 12 × 10 colour pixels, each of its own, which are not kept (as with ``--memory 0``). Of two counts of images the
bytes that Python and NumPy hold at the end (tracemalloc) are compared, so that what does not grow with the images does not count;
and the most that they ever held.
"""

from __future__ import annotations

import argparse
import gc
import pathlib
import struct
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from neocog.progress import Screen
from neocog.verbs.prepare import parted, read
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


KINDS: dict[str, Callable[[Path, int], Path]] = {"folders": folders, "table": table, "masks": masks}


def held(source: Path) -> tuple[int, int]:
    """Bytes at the end of reading, checking and splitting, and the most in between."""
    config = settings_for(source, {})
    config.training.__dict__["memory"] = 0.0
    gc.collect()
    tracemalloc.start()
    data = read(config, Screen(True))
    parts = parted(data, config, None)
    gc.collect()
    _, peak = tracemalloc.get_traced_memory()
    traces = tracemalloc.take_snapshot().traces
    tables = [  # Python's table of interned texts grows in jumps, by whatever asks it next
        each.size for each in traces if each.size > 1 << 16 and each.traceback[0].filename == pathlib.__file__
    ]
    now = sum(each.size for each in traces) - sum(tables)
    tracemalloc.stop()
    assert len(parts) == len(data.dataset)
    return now, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--images", nargs=2, type=int, default=[5000, 20000])
    given = parser.parse_args()
    for kind in given.kinds:
        found = []
        for count in (given.images[0], *given.images):  # what the first run loads does not count
            with tempfile.TemporaryDirectory() as folder:
                found.append(held(KINDS[kind](Path(folder), count)))
        few, many = given.images
        now, peak = ((b - a) / (many - few) for a, b in zip(*found[1:], strict=True))
        print(f"{kind}: {now:,.0f} bytes an image at the end, {peak:,.0f} at the most", flush=True)


if __name__ == "__main__":
    main()
