"""How good is a network after few pictures? Transfer as a user would begin it, and the same from scratch beside it.

    python bench/transfer.py --only hymenoptera --per-class 5 20 100 --draws 5 --ways head auto scratch
    python bench/transfer.py --only sketch --per-class 20 50 --draws 3 --ways head all --device cuda

Protocol. A draw takes k pictures of each class to learn from, at random by its number; judged is on given other pictures, which
are the same for every draw of hymenoptera (its 153 ``val``) and of cells (those of the other lists), and all that were not drawn of
the others (PACS has 60 of each class). Each picture is copied into ``train/CLASS`` or ``test/CLASS`` and ``neocog train`` runs on
that folder in a process of its own, with default settings but for:

- ``head``: --from WEIGHTS --tune head, all k pictures to learn from (--split 0.9 0 0.1: no share of them validates)
- ``auto``: --from WEIGHTS alone: halves of the k pictures decide between the two others
- ``all``: --from WEIGHTS --tune all, no share validates: the last epoch is kept
- ``scratch``: no weights, everything as it comes, on pictures of 64 pixels
- ``fastai``: its ``vision_learner(…).fine_tune(8)`` on the same weights and pictures (``bench/fastai_beside.py``), by --fastai, a
  Python that has it

What follows ``--`` is given to every way with weights, as in ``-- --lr 0.001``. Nothing is chosen by the test part. One JSON line a
training, and a row of the mean over the draws: accuracy, its 95 % interval (of a proportion, for the pictures of one draw, as
draws share them; lowest and highest draw beside it), and the median seconds of the whole command, by the clock and of the processor
(which others at work on the machine lengthen less). Sets and weights are looked for under NEOCOG_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from neocog.metrics.intervals import proportion

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
WEIGHTS = DATA / "pretrained" / "tf_efficientnet_lite0.safetensors"
PACS = {"photo": "photo", "art": "art_painting", "cartoon": "cartoon", "sketch": "sketch"}
SETS = ("hymenoptera", *PACS, "cells")
MOST = 100  # cells of a class that are judged
Drawn = tuple[list[tuple[str, Path]], list[tuple[str, Path]]]  # (class, picture) to learn from, and to be judged on


def main() -> None:
    options, more = arguments()
    for name in options.only:
        for count in options.per_class:
            for way in options.ways:
                rows = [one(name, count, draw, way, options, more) for draw in range(options.draws)]
                print(json.dumps(summary(rows)), flush=True)


def arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--per-class", nargs="+", type=int, default=[5, 10, 20, 50, 100])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument(
        "--ways", nargs="+", choices=["head", "auto", "all", "scratch", "fastai"], default=["head", "auto", "scratch"]
    )
    parser.add_argument("--fastai", default=sys.executable, help="a Python that has fastai")
    parser.add_argument("--weights", default=str(WEIGHTS), help="what --from gets")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", default="1")
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    return parser.parse_args(words[:place]), words[place + 1 :]


def one(name: str, count: int, draw: int, way: str, options: argparse.Namespace, more: list[str]) -> dict[str, object]:
    """One training: its accuracy on the pictures that it is judged on, and the seconds of the command."""
    with tempfile.TemporaryDirectory() as place:
        folder, cells = Path(place) / name, Path(place) / "crops"
        train, test = drawn(name, count, draw, cells)
        for part, pictures in (("train", train), ("test", test)):
            for label, path in pictures:
                (folder / part / label).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, folder / part / label / path.name)
        command = command_of(way, folder, draw, options, more)
        begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
        result = json.loads(done.stdout.strip().splitlines()[-1] if way == "fastai" else done.stdout)
    row = {"set": name, "per_class": count, "way": way, "draw": draw, "n": len(test), "seconds": round(seconds, 1)}
    row |= {"processor": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)}
    row |= {"accuracy": result.get("accuracy") or result["measures"]["test"]["accuracy"]["value"]}
    row |= {key: result[key] for key in ("epochs", "best_epoch", "trial") if key in result} | {"device": options.device}
    print(json.dumps(row), flush=True)
    return row


def command_of(way: str, folder: Path, draw: int, options: argparse.Namespace, more: list[str]) -> list[str]:
    if way == "fastai":
        script = str(Path(__file__).with_name("fastai_beside.py"))
        return [options.fastai, script, str(folder), options.weights, "8", str(draw), options.threads]
    command = [sys.executable, "-m", "neocog", "train", str(folder), *settings(way, options, more)]
    return [*command, "--seed", str(draw), "--json", "--out", str(folder.parent / "run")]


def settings(way: str, options: argparse.Namespace, more: list[str]) -> list[str]:
    common = ["--device", options.device, "--threads", options.threads]
    if way == "scratch":
        return [*common, "--size", "64"]
    weights = ["--from", options.weights, *more]
    if way == "auto":
        return [*common, *weights]
    return [*common, *weights, "--tune", way, "--split", "0.9", "0", "0.1"]


def drawn(name: str, count: int, draw: int, cells: Path) -> Drawn:
    """The pictures of one draw."""
    if name == "hymenoptera":
        pools = [sorted((DATA / name / part).glob("*/*.jpg")) for part in ("train", "val")]
        learned, judged = ([(path.parent.name, path) for path in pool] for pool in pools)
        return split(learned, count, draw)[0], judged
    if name == "cells":
        cut_cells(cells)
        learned, judged = (
            [(path.parent.name, path) for path in sorted((cells / part).glob("*/*.png"))] for part in ("train", "test")
        )
        return split(learned, count, draw)[0], split(judged, MOST, 0)[0]
    return split(
        [(path.parent.name, path) for path in sorted((DATA / "pacs" / PACS[name]).glob("*/*.jpg"))], count, draw
    )


def split(pictures: list[tuple[str, Path]], count: int, draw: int) -> Drawn:
    """``count`` pictures of each class, or all where there are fewer, and the others."""
    generator = np.random.Generator(np.random.Philox(key=[draw, count]))
    taken: set[Path] = set()
    for label in sorted({label for label, _ in pictures}):
        own = [path for other, path in pictures if other == label]
        taken |= {own[place] for place in generator.permutation(len(own))[:count]}
    return [each for each in pictures if each[1] in taken], [each for each in pictures if each[1] not in taken]


def cut_cells(folder: Path) -> None:
    """The blood cells of BCCD as pictures of their own: ``train`` from its list of that name, ``test`` from the two others."""
    for part, lists in (("train", ["train"]), ("test", ["val", "test"])):
        for stem in (
            stem for each in lists for stem in (DATA / "bccd/ImageSets/Main" / f"{each}.txt").read_text().split()
        ):
            picture = Image.open(DATA / "bccd/JPEGImages" / f"{stem}.jpg").convert("RGB")
            for place, (label, box) in enumerate(boxes(DATA / "bccd/Annotations" / f"{stem}.xml")):
                (folder / part / label).mkdir(parents=True, exist_ok=True)
                picture.crop(box).save(folder / part / label / f"{stem}-{place}.png")


def boxes(path: Path) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """(kind of cell, its box) for each that has an area."""
    for each in xml.parse(path).getroot().iter("object"):
        left, top, right, bottom = (
            int(each.findtext(f"bndbox/{side}", "0")) for side in ("xmin", "ymin", "xmax", "ymax")
        )
        if right > left and bottom > top:
            yield each.findtext("name", ""), (left, top, right, bottom)


def summary(rows: list[dict[str, object]]) -> dict[str, object]:
    """The mean over the draws of one set, count and way."""
    found = [float(str(row["accuracy"])) for row in rows]
    mean, n = statistics.mean(found), int(str(rows[0]["n"]))
    low, high = proportion(mean * n, n)
    said = {name: rows[0][name] for name in ("set", "per_class", "way", "n", "device")}
    said |= {"draws": len(rows), "mean": round(mean, 4), "interval": [round(low, 3), round(high, 3)]}
    said |= {"lowest": round(min(found), 4), "highest": round(max(found), 4)}
    middle = {key: statistics.median(float(str(row[key])) for row in rows) for key in ("seconds", "processor")}
    return said | {key: round(value, 1) for key, value in middle.items()}


if __name__ == "__main__":
    main()
