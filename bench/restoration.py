"""Super-resolution and denoising on the data that papers use: T91 to learn from, Set5 and Set14 to be measured on.

    python bench/restoration.py x2               # or x3, x4, gauss, poisson, noise2noise, noise2void, n2v2; seconds of processor
    python bench/restoration.py x2 --epochs 108 --model srcnn
    python bench/restoration.py large             # a 16-bit TIFF of 4,000 × 4,000 pixels restored in tiles; needs no data

Without --epochs as many as make about 4,500 steps, 20 minutes of one unloaded core. Needs NEOCOG_DATA/sr.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
import torch

import neocog
from neocog.predictor import load_predictor
from neocog.tasks.restoration.whole import through

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).parents[2] / "shared/data")) / "sr"
KINDS = {
    "x2": {"degrade": "bicubic:2"}, "x3": {"degrade": "bicubic:3"}, "x4": {"degrade": "bicubic:4"},
    "gauss": {"degrade": "gauss:25"}, "poisson": {"degrade": "poisson:30"},
    "noise2noise": {"degrade": "gauss:25", "supervision": "noise2noise"},
    "noise2void": {"degrade": "gauss:25", "supervision": "noise2void"},
    "n2v2": {"degrade": "gauss:25", "supervision": "noise2void", "replace_by": "median"},
}  # fmt: skip
AIMS = {"x2": {"set5": 37.0, "set14": 32.6}, "x3": {"set5": 33.0}, "x4": {"set5": 30.6}}
OVER = 1.5  # dB over non-local means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=[*KINDS, "large"])
    parser.add_argument("--epochs", type=int, default=108)
    parser.add_argument("--model", default="edsr")
    given = parser.parse_args()
    if given.kind == "large":
        return large(given.model)
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = neocog.train(
            DATA / "t91", Path(folder) / "run", task="restoration", task_options=KINDS[given.kind], model=given.model,
            epochs=given.epochs, batch=2, split=(0.92, 0.04, 0.04), threads=1, quiet=True,
        )  # fmt: skip
        print(f"{given.model}, {given.kind}: {time.process_time() - begun:.0f} s of the processor")
        for name in ("set5", "set14"):
            told(name, neocog.evaluate(run, DATA / name, quiet=True), AIMS.get(given.kind, {}).get(name))


def large(model: str, side: int = 4000, part: int = 1200) -> None:
    """Seconds of ``predict`` for one image, whether tiles give what the whole gives, and what of the file is kept."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "data").mkdir()
        for index in range(12):
            tifffile.imwrite(place / "data" / f"{index}.tif", grains(rng, 96))
        image = grains(rng, side)
        tifffile.imwrite(place / "large.tif", image, imagej=True, resolution=(4.0, 5.0), metadata={"unit": "um"})
        run = neocog.train(
            place / "data", place / "run", task="restoration", task_options={"degrade": "poisson:30"}, model=model,
            epochs=1, threads=1, quiet=True,
        )  # fmt: skip
        begun, clock = time.process_time(), time.monotonic()
        neocog.predict(run, [place / "large.tif"], place / "out", quiet=True)
        print(f"{model}, {side} × {side}: {time.process_time() - begun:.0f} s of the processor, ", end="")
        print(f"{time.monotonic() - clock:.0f} s of the clock")
        with tifffile.TiffFile(place / "out" / "restored" / "large.tif") as tiff:
            found, tags = tiff.asarray(), tiff.pages[0].tags
            kept = [tags[name].value for name in ("XResolution", "YResolution", "ImageDescription")]
            print(f"  {found.dtype}, {found.min()} to {found.max()}, {kept}")
        cut, predictor = torch.from_numpy(image[None, :part, :part].astype(np.float32)), load_predictor(run)
        whole, tiles = (through(predictor, cut, tile) for tile in (part, 256))  # not rounded
        print(f"  tiles less the whole, of {part} × {part}: {np.abs(whole - tiles).max():.1e} of the range at most")


def grains(rng: np.random.Generator, side: int) -> np.ndarray:
    """(side, side) uint16: blocks of many values with photon noise."""
    blocks = np.kron(rng.uniform(200, 40000, (-(-side // 16),) * 2), np.ones((16, 16)))[:side, :side]
    return rng.poisson(blocks / 100).astype(np.uint16) * 100


def told(name: str, found: dict[str, object], aim: float | None) -> None:
    """One line a set: PSNR and SSIM with intervals, and the gain over each baseline."""
    measures, baselines = found["measures"]["test"], found["baselines"]  # type: ignore[index]
    psnr, ssim = measures["psnr"], measures["ssim"]
    print(
        f"  {name}: {psnr['value']:.2f} dB ({psnr['low']:.2f} to {psnr['high']:.2f}), SSIM {ssim['value']:.4f}", end=""
    )
    print(f", aim {aim}" if aim else "")
    for other, each in baselines.items():  # type: ignore[attr-defined]
        gain = each["gain"]
        need = f", aim {OVER}" if other == "non_local_means" else ""
        print(
            f"    {other} {each['measures']['psnr'].value:.2f} dB, gain {gain.difference:+.2f} (p {gain.p:.2g}){need}"
        )


if __name__ == "__main__":
    main()
