"""Super-resolution and denoising on the data that papers use: T91 to learn from, Set5 and Set14 to be measured on.

    python bench/restoration.py x2                # or x3, x4, gauss, poisson, noise2noise, noise2void; seconds are of the processor
    python bench/restoration.py x2 --epochs 108 --model srcnn

Without --epochs as many as make about 4,500 steps, 20 minutes of one unloaded core. Needs NEOCOG_DATA/sr.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import neocog

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).parents[2] / "shared/data")) / "sr"
KINDS = {
    "x2": {"degrade": "bicubic:2"}, "x3": {"degrade": "bicubic:3"}, "x4": {"degrade": "bicubic:4"},
    "gauss": {"degrade": "gauss:25"}, "poisson": {"degrade": "poisson:30"},
    "noise2noise": {"degrade": "gauss:25", "supervision": "noise2noise"},
    "noise2void": {"degrade": "gauss:25", "supervision": "noise2void"},
}  # fmt: skip
AIMS = {"x2": {"set5": 37.0, "set14": 32.6}, "x3": {"set5": 33.0}, "x4": {"set5": 30.6}}
OVER = 1.5  # dB over non-local means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--epochs", type=int, default=108)
    parser.add_argument("--model", default="edsr")
    given = parser.parse_args()
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = neocog.train(
            DATA / "t91", Path(folder) / "run", task="restoration", task_options=KINDS[given.kind], model=given.model,
            epochs=given.epochs, batch=2, split=(0.92, 0.04, 0.04), threads=1, quiet=True,
        )  # fmt: skip
        print(f"{given.model}, {given.kind}: {time.process_time() - begun:.0f} s of the processor")
        for name in ("set5", "set14"):
            told(name, neocog.evaluate(run, DATA / name, quiet=True), AIMS.get(given.kind, {}).get(name))


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
