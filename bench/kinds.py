"""Every kind of run, each as small as it can be: the data, made here, and the words of its command.

    python bench/kinds.py FOLDER [KIND ...]        # writes the data of each kind and prints its command

Used by ``kill.py``, ``crash_points.py``, ``full_disk.py`` and ``one_folder.py``.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
SMALL = ["--threads", "1", "--quiet"]
CNN = ["--model", "cnn", "--widths", "4,6", "--hidden", "8"]
UNET = ["--width", "4", "--depth", "2"]
RESTORED = ["--task", "restoration", "--epochs", "3", "--batch", "4", "--width", "4", "--blocks", "1", "--windows", "2"]
GAN = ["--task", "gan", "--width", "4", "--latent", "4"]


def picture(pixels: Pixels, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def two_classes(folder: Path, count: int = 48, side: int = 12) -> Path:
    """Dark and bright images in a folder for each class."""
    rng = np.random.default_rng(0)
    for number in range(count):
        name, grey = (("bright", 180), ("dark", 50))[number % 2]
        pixels = np.clip(grey + rng.normal(0, 30, (side, side)), 0, 255)
        picture(pixels.astype(np.uint8), folder / name / f"{number}.png")
    return folder


def values(folder: Path, count: int = 60, side: int = 12) -> Path:
    """Discs whose radius a table tells, four of a patient."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    lines = ["image,radius [px],patient_id"]
    for number in range(count):
        radius = rng.uniform(1, side / 2)
        noisy = rng.integers(0, 40, (side, side)) + 150 * (rows**2 + columns**2 < radius**2)
        picture(noisy.astype(np.uint8), folder / f"{number}.png")
        lines.append(f"{number}.png,{radius:.4f},p{number // 4}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "table.csv"


def photos(folder: Path, count: int = 24) -> Path:
    """Squares of random colours, and beside the folder a painting of finer ones."""
    rng = np.random.default_rng(0)
    for number in range(count):
        picture(rng.integers(0, 256, (5, 6, 3), np.uint8).repeat(4, 0).repeat(4, 1), folder / f"{number}.png")
    picture(rng.integers(0, 256, (64, 64, 3), np.uint8), folder.parent / "painting.png")
    return folder


def upright(folder: Path, count: int = 48, side: int = 16) -> Path:
    """Bright sky above dark ground."""
    rng = np.random.default_rng(0)
    for number in range(count):
        sky = np.mgrid[:side, :side][0] < rng.integers(side // 3, 2 * side // 3)
        picture(
            (np.where(sky, 200, 60) + rng.integers(-15, 15, (side, side))).astype(np.uint8), folder / f"{number}.png"
        )
    return folder


def masks(folder: Path, count: int = 24, side: int = 24, numbered: bool = False) -> Path:
    """Bright squares on noise, and their masks; ``numbered``: two squares, each a single object."""
    rng = np.random.default_rng(0)
    for number in range(count):
        mask = np.zeros((side, side), np.uint8)
        for value, left in ((1, 0), (2, side // 2)) if numbered else ((255, 4),):
            row, column = rng.integers(1, side - 9), left + rng.integers(1, 4)
            mask[row : row + 7, column : column + 7] = value
        picture(
            np.where(mask > 0, 180, rng.integers(0, 60, (side, side))).astype(np.uint8),
            folder / "images" / f"{number}.png",
        )
        picture(mask, folder / "masks" / f"{number}.png")
    return folder


def objects(folder: Path) -> Path:
    return masks(folder, numbered=True)


def boxes(folder: Path, count: int = 24, side: int = 32) -> Path:
    """Bright rectangles, and a table of their boxes."""
    rng = np.random.default_rng(0)
    lines = ["image,label,x0,y0,x1,y1"]
    for number in range(count):
        pixels = rng.integers(0, 60, (side, side)).astype(np.uint8)
        top, left, height, width = (*rng.integers(1, side // 2, 2), *rng.integers(8, 14, 2))
        pixels[top : top + height, left : left + width] = 200
        picture(pixels, folder / f"{number}.png")
        lines.append(f"{number}.png,square,{left},{top},{left + width},{top + height}")
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "boxes.csv"


def sequences(folder: Path, count: int = 60, length: int = 40) -> Path:
    """Random letters with the motif of the genus somewhere."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    text = ""
    for number in range(count):
        genus, motif = (("Aedes", "ACGTTGCA"), ("Culex", "GGATCCGG"))[number % 2]
        letters = rng.choice(list("ACGT"), length)
        at = int(rng.integers(0, length - len(motif)))
        letters[at : at + len(motif)] = list(motif)
        text += f">s{number}|{genus}\n{''.join(letters)}\n"
    (folder / "genera.fasta").write_text(text, encoding="ascii")
    return folder / "genera.fasta"


def volumes(folder: Path, count: int = 40, side: int = 8) -> Path:
    """Noise, dark or brighter."""
    cubes = np.random.default_rng(0).integers(0, 100, (count, side, side, side)).astype(np.uint8)
    cubes[::2] += 40
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "noise.npz", X=cubes, y=np.arange(count) % 2)
    return folder / "noise.npz"


# kind: (what makes its data, None for the bundled digits; words of the command)
KINDS: dict[str, tuple[Callable[[Path], Path] | None, list[str]]] = {
    "classes": (None, [*CNN, "--epochs", "3", "--batch", "128", "--dropout", "0.2"]),
    "batch norm": (two_classes, ["--epochs", "3", "--batch", "8", "--model", "resnet", "--widths", "4,6", "--optimizer", "sgd",
                                 "--lr", "0.1", "--ema", "0.9", "--seed", "7"]),
    "baseline": (two_classes, [*CNN, "--epochs", "3", "--batch", "8", "--baseline"]),
    "folds": (two_classes, [*CNN, "--epochs", "2", "--batch", "8", "--folds", "3"]),
    "refit": (two_classes, [*CNN, "--epochs", "2", "--batch", "8", "--folds", "3", "--refit"]),
    "curve": (two_classes, [*CNN, "--epochs", "2", "--batch", "8", "--curve"]),
    "values": (values, [*CNN, "--epochs", "3", "--batch", "8", "--loss", "gaussian"]),
    "orientation": (upright, [*CNN, "--epochs", "3", "--batch", "8", "--task", "orientation"]),
    "masks": (masks, [*UNET, "--epochs", "3", "--batch", "4"]),
    "objects": (objects, [*UNET, "--epochs", "3", "--batch", "4", "--instances"]),
    "detection": (boxes, ["--task", "detection", "--epochs", "3", "--batch", "4", "--width", "4"]),
    "restoration": (two_classes, [*RESTORED, "--degrade", "gauss:25"]),
    "style": (photos, ["--task", "style", "--painting", "{data}/../painting.png", "--strokes", "64", "--size", "16", "--epochs",
                       "3", "--batch", "4", "--width", "4", "--blocks", "1"]),
    "noise2noise": (two_classes, [*RESTORED, "--degrade", "gauss:25", "--supervision", "noise2noise"]),
    "noise2void": (two_classes, [*RESTORED, "--supervision", "noise2void"]),
    "vae": (two_classes, ["--task", "vae", "--epochs", "3", "--batch", "8", "--widths", "4,6", "--latent", "3", "--hidden", "12",
                          "--binarise", "sampled", "--ema", "0.9"]),
    "gan": (two_classes, [*GAN, "--epochs", "3", "--batch", "8", "--diff-augment"]),
    "gan of classes": (two_classes, [*GAN, "--epochs", "3", "--batch", "8", "--conditional", "--loss", "hinge"]),
    "sequences": (sequences, ["--epochs", "3", "--batch", "8"]),
    "volumes": (volumes, ["--epochs", "3", "--batch", "8", "--model", "resnet3d", "--widths", "4,6", "--ema", "0.9"]),
    "streamed": (two_classes, [*CNN, "--epochs", "3", "--batch", "8", "--memory", "1e-9", "--workers", "2"]),
    "minutes": (two_classes, [*CNN, "--minutes", "0.005", "--batch", "8"]),
}  # fmt: skip
TIMED = ("minutes",)  # how long they learn is measured, so that two of them need not be the same


def words(kind: str, folder: Path, more: list[str] | None = None) -> list[str]:
    """The command of a kind without ``--out``, its data written below ``folder`` unless they are there."""
    make, own = KINDS[kind]
    data = folder / f"data-{kind.replace(' ', '-')}"
    made = "digits" if make is None else str(make(data))
    return ["train", made, *(word.format(data=made) for word in own), *SMALL, *(more or [])]


if __name__ == "__main__":
    for kind in sys.argv[2:] or KINDS:
        print(f"{kind}: neocog {shlex.join(words(kind, Path(sys.argv[1])))}")
