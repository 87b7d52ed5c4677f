"""How many near copies are found, by the way of copying, and how many pairs are taken for copies that are none.

    python bench/copies.py DATA [DATA …]                # folders or names that neocog opens: mnist, a folder of photographs
    python bench/copies.py CIFAR-10 --pairs pairs.png   # 120 of the pairs found among the pictures as they are, to look at

For each data set: one scan, the search among the pictures as they are (its pairs are copies that the data set has, or false
ones), and then one search for each way of copying, with copies of 400 pictures among all of them. A picture is found where it
and its copy are a pair; torn is what remains of the families of all copies where the split is drawn (0.8, 0.1, 0.1).
JSON lines on standard output, a table for people on standard error. Seconds are of the processor, which a busy machine
changes less than the clock.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image

from neocog.data.copies import Copies, near_copies
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.readers.detect import open_dataset
from neocog.data.records import Record
from neocog.data.scan import scan_images
from neocog.data.split import split

Way = Callable[[Image.Image], Image.Image]
PLANTED = 400


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).copy()


def scaled(picture: Image.Image, share: float) -> Image.Image:
    sides = [max(1, round(side * share)) for side in picture.size]
    return picture.resize((sides[0], sides[1]), Image.Resampling.BICUBIC)


def cropped(picture: Image.Image, share: float) -> Image.Image:
    across, down = (max(1, round(side * share / 2)) for side in picture.size)
    return picture.crop((across, down, picture.width - across, picture.height - down))


WAYS: dict[str, Way] = {
    "JPEG quality 95": lambda p: jpeg(p, 95),
    "JPEG quality 75": lambda p: jpeg(p, 75),
    "JPEG quality 60": lambda p: jpeg(p, 60),
    "50 % of the size": lambda p: scaled(p, 0.5),
    "73 % of the size": lambda p: scaled(p, 0.73),
    "200 % of the size": lambda p: scaled(p, 2),
    "10 % brighter": lambda p: p.point(lambda value: value * 1.1),
    "10 % darker": lambda p: p.point(lambda value: value * 0.9),
    "2 % cropped": lambda p: cropped(p, 0.02),
    "6 % cropped": lambda p: cropped(p, 0.06),
    "10 % cropped": lambda p: cropped(p, 0.1),
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "a quarter": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "mirrored, JPEG 75": lambda p: jpeg(p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 75),
    "a quarter, half, JPEG 75": lambda p: jpeg(scaled(p.transpose(Image.Transpose.ROTATE_90), 0.5), 75),
}


def picture(dataset: Dataset, index: int) -> Image.Image:
    pixels = dataset.images.read(index)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def record(made: Image.Image) -> Record:
    pixels = np.asarray(made)
    (found,) = scan_images(ArrayImages(pixels.reshape(1, *pixels.shape[:2], -1), ["copy"])).records
    return found


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.process_time()
    found = work()
    return found, round(time.process_time() - begun, 1)


def measured(name: str, pairs: str) -> Iterator[dict[str, Any]]:
    dataset = open_dataset(name)
    records, scan_dataset = timed(lambda: list(scan_images(dataset.images, keep=False).records))
    own, search = timed(lambda: near_copies(records, dataset.form))
    count = len(dataset)
    shared = {"data": name, "images": count}
    yield {
        **shared,
        "way": "as they are",
        "pairs": len(own.pairs),
        "families": own.count,
        "scan": scan_dataset,
        "search": search,
    }
    if pairs:
        sheet(dataset, own, pairs)
    chosen = np.random.default_rng(0).permutation(count)[: min(PLANTED, count // 2)].tolist()
    copies = {way: [record(change(picture(dataset, i))) for i in chosen] for way, change in WAYS.items()}
    for way, made in copies.items():
        found = near_copies([*records, *made], dataset.form)
        wanted = {(index, count + at) for at, index in enumerate(chosen)}
        same = sum(records[i].pixel_digest == each.pixel_digest for i, each in zip(chosen, made, strict=True))
        hits = len(wanted & set(map(tuple, found.pairs.tolist()))) + same
        yield {**shared, "way": way, "recall": hits / len(chosen), "planted": len(chosen)}
    yield {**shared, "way": "all of them", **torn(records, chosen, copies)}


def torn(records: list[Record], chosen: list[int], copies: dict[str, list[Record]]) -> dict[str, Any]:
    """Families of one picture with a mirrored, a turned and a resaved copy that the split tears, with the families and without."""
    ways = ("mirrored", "a quarter", "JPEG quality 75")
    every = [*records, *(each for way in ways for each in copies[way])]
    images = ArrayImages(np.zeros((len(every), 1, 1, 1), np.uint8), [str(i) for i in range(len(every))])
    dataset = Dataset("copies", None, images.names, np.zeros(len(every), np.int64), ("all",), images)
    digests, found = [each.pixel_digest for each in every], near_copies(every)
    counts = {}
    for key, families in (("torn", found.families), ("torn_by_chance", [])):
        parts = split(dataset, digests, stratify=False, families=families)
        rows = np.array([[i, *(len(records) + k * len(chosen) + at for k in range(3))] for at, i in enumerate(chosen)])
        counts[key] = int((parts[rows] != parts[rows[:, :1]]).any(axis=1).sum())
    return {**counts, "planted": len(chosen)}


def sheet(dataset: Dataset, found: Copies, path: str) -> None:
    """120 pairs, evenly over all that were found from the nearest to the farthest, ten a row."""
    chosen = np.linspace(0, len(found.pairs) - 1, min(120, len(found.pairs))).astype(int)
    page = Image.new("RGB", (10 * 150, -(-len(chosen) // 10) * 74), "white")
    for place, (one, other) in enumerate(found.pairs[chosen].tolist()):
        for side, index in enumerate((one, other)):
            page.paste(picture(dataset, index).resize((70, 70)), (place % 10 * 150 + 70 * side, place // 10 * 74))
    page.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--pairs", default="", help="a PNG of pairs found among the pictures as they are")
    asked = parser.parse_args()
    for name in asked.data:
        for row in measured(name, asked.pairs):
            print(json.dumps({**row, "load": round(os.getloadavg()[0], 1)}), flush=True)
            said = {key: value for key, value in row.items() if key not in ("data", "way")}
            print(f"{row['way']:26s} " + "  ".join(f"{key} {value}" for key, value in said.items()), file=sys.stderr)


if __name__ == "__main__":
    main()
