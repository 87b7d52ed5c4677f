"""Are nuclei found as well in restored images as in noisy ones? BBBC039 with little light: six photons where they are bright.

    OMP_NUM_THREADS=1 python bench/restored_nuclei.py [--photons 6] [--epochs 30]

Twelve of 16 images teach, four test. A U-Net learns the masks on images as they are. They get noise, ``--photons`` where they are
almost brightest, and a restoration network learns to take it away: from clean images, and from noisy ones alone (Noise2Void). The
same U-Net then answers the clean, the noisy and the restored test images. Needs NEOCOG_DATA/bbbc039.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

import neocog

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "bbbc039"
BRIGHT = 99.9  # percentile of the pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photons", type=float, default=6.0)
    parser.add_argument("--epochs", type=int, default=30)
    given, begun = parser.parse_args(), time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        laid_out(place, given.photons)
        unet = neocog.train(
            place / "train", place / "unet", size=(520, 696), patch=256, batch=4, width=16, lr=0.003, epochs=2 * given.epochs,
            split=(0.8, 0.1, 0.1), threads=1, quiet=True,
        )  # fmt: skip
        ways: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("clean images", "pairs", {}), ("noisy images alone", "shots", {"supervision": "noise2void"})
        )  # fmt: skip
        for name, data, more in ways:
            run = neocog.train(
                place / data, place / name, task="restoration", task_options=more, epochs=given.epochs, split=(0.8, 0.1, 0.1),
                threads=1, quiet=True,
            )  # fmt: skip
            neocog.predict(run, place / "noisy" / "images", place / f"by {name}", quiet=True)
            (place / f"by {name}" / "restored").rename(place / f"by {name}" / "images")
            shutil.copytree(place / "clean" / "masks", place / f"by {name}" / "masks")
        for name in ("clean", "noisy", "by clean images", "by noisy images alone"):
            found = neocog.evaluate(unet, place / name, any_range=True, quiet=True)["measures"]["test"]["mean_dice"]
            print(f"{name}: Dice {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f}, n = {found['n']})")
    print(f"{time.process_time() - begun:.0f} s of the processor, load {os.getloadavg()[0]:.1f}")


def laid_out(place: Path, photons: float) -> None:
    """train/ with masks; pairs/ and shots/ of the same images; clean/ and noisy/ with masks, of the others."""
    rng = np.random.default_rng(0)
    for number, path in enumerate(sorted((DATA / "images").glob("*.tif"))):
        image, mask = tifffile.imread(path), (DATA / "masks" / path.name).with_suffix(".png")
        noisy, testing = noised(image, photons, rng), number % 4 == 3
        into = (
            {"clean/images": image, "noisy/images": noisy}
            if testing
            else {"train/images": image, "pairs/clean": image, "pairs/noisy": noisy, "shots": noisy}
        )
        for folder, pixels in into.items():
            (place / folder).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(place / folder / path.name, pixels)
        for folder in ("clean/masks", "noisy/masks") if testing else ("train/masks",):
            (place / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(mask, place / folder / mask.name)


def noised(image: np.ndarray, photons: float, rng: np.random.Generator) -> np.ndarray:
    """As if so many photons had come from pixels of almost the brightest value: beyond the darkest, counts of Poisson's."""
    dark, bright = np.percentile(image, (0, BRIGHT))
    light = (image.astype(float) - dark).clip(0) / (bright - dark)
    counted = rng.poisson(light * photons) / photons
    noisy: np.ndarray = (dark + counted * (bright - dark)).round().clip(0, 65535).astype(image.dtype)
    return noisy


if __name__ == "__main__":
    main()
