"""How many cell nuclei are in a picture? Regression on real 16-bit microscopy (BBBC039), split by picture.

    python examples/05_count_nuclei.py [OUT]

Takes about two minutes on two cores. The pictures are looked for in bbbc039/ below NEOCOG_DATA. Each is cut into tiles whose
count is known from the outlines that biologists drew; a nucleus on a tile's edge counts by the share of it that is inside.
Tiles of one picture never stand on two sides of the split. Shifts and crops are refused here: they would falsify the count.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

import neocog
from neocog.errors import UserError

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "bbbc039"
ROWS, COLUMNS = 4, 6  # tiles of a picture of 520 × 696 pixels


def cut(folder: Path) -> Path:
    """Tiles as 16-bit TIFF, and the table of their counts; its path."""
    folder.mkdir(parents=True)
    table = folder / "tiles.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "count [nuclei]", "group"])
        for path in sorted((DATA / "images").glob("*.tif")):
            pixels = tifffile.imread(path)
            share = shares(np.asarray(Image.open(DATA / "masks" / f"{path.stem}.png"))[..., 0])
            for row, band in enumerate(np.array_split(np.arange(len(pixels)), ROWS)):
                for column, side in enumerate(np.array_split(np.arange(pixels.shape[1]), COLUMNS)):
                    name = f"{path.stem.split('_w1')[0]}-{row}{column}.tif"
                    tifffile.imwrite(folder / name, pixels[np.ix_(band, side)])
                    writer.writerow([name, f"{share[np.ix_(band, side)].sum():.4f}", path.stem])
    return table


def shares(drawn: np.ndarray) -> np.ndarray:
    """(H, W): the pixels of each nucleus sum to 1. ``drawn``: 0 is ground, and nuclei that touch have different numbers."""
    sums = np.zeros(drawn.shape)
    for value in range(1, int(drawn.max()) + 1):
        parts = ndimage.label(drawn == value)[0]
        sums += (parts > 0) / np.bincount(parts.ravel())[parts]
    return sums


def main(out: Path, epochs: int = 25, folds: int = 4) -> dict[str, float]:
    """The story; returns the error of a tile's count, of saying the mean, and the share of the variance explained."""
    table = cut(out / "tiles")
    try:
        neocog.train(table, out=out / "refused", quiet=True, augment=("translate=0.1",))
    except UserError as error:
        print(f"refused: {error.what}")
    settings = {"loss": "huber", "epochs": epochs, "folds": folds, "size": (64, 64), "widths": "16,32,64"}
    run = neocog.train(table, out=out / "run", quiet=True, augment=("flip_vertical=0.5",), **settings)
    result = json.loads(run.result.read_text())
    test = result["measures"]["test"]
    counts = np.genfromtxt(table, delimiter=",", skip_header=1, usecols=1, encoding="utf-8")
    guess = float(np.abs(counts - counts.mean()).mean())
    mae, sd, held = test["mae"]["value"], test["mae"]["sd"], test["coverage_90"]["value"]
    print(f"a tile holds {counts.mean():.1f} nuclei on average, up to {counts.max():.0f}")
    print(f"error of a count: {mae:.2f} ± {sd:.2f} nuclei over {folds} folds by picture; always the mean: {guess:.2f}")
    print(f"R² {test['r2']['value']:.3f}; 90 % intervals held {held * 100:.0f} %; see {run.report}")
    return {"mae": mae, "guess": guess, "r2": test["r2"]["value"]}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
