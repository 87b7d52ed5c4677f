"""Figures of ``neocog stress``, one part each.

python bench/stress.py corruption [--reference PYTHON]   # speed on MNIST; differences to the reference implementation
python bench/stress.py groups                            # the worst video of CamVid, the worst patient of brain MRI
python bench/stress.py adversarial RUN … [--cost]         # AutoAttack beside the reference: see stress_adversarial.py

Labels and outliers: stress_labels.py.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from neocog.data.preprocessing import Preprocessing
from neocog.robustness.corruptions import CORRUPTIONS, IMAGENET_C, SEVERITIES, corrupted
from stress_adversarial import adversarial

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("NEOCOG_DATA", ROOT.parent / "shared" / "data"))
DETERMINISTIC = ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression")


def corruption(words: Sequence[str]) -> None:
    """CPU seconds of 15 × 5 × 10,000 digits, and of their evaluation; ``--reference``: how far our pictures are from its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--reference", help="a Python that has imagecorruptions-imaug")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    speed()
    if asked.reference:
        against_reference(asked.reference)


def speed() -> None:
    import neocog

    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        neocog.train(DATA / "mnist", model="lenet5", epochs=1, threads=1, out=run, quiet=True)
        for name in set(CORRUPTIONS) - set(IMAGENET_C):
            del CORRUPTIONS[name]
        began = time.process_time()
        found = neocog.stress(run, ["corruption"], samples=0, minutes=60, quiet=True)
        total = time.process_time() - began
        print(f"{total:.1f} CPU s for the whole part: {len(found['corruption']) - 1} sets of 10,000 digits")
    pixels = torch.randint(0, 256, (10_000, 1, 28, 28), dtype=torch.uint8)
    preprocessing = Preprocessing(1, (28, 28), "uint8", (0.0,), (1.0,))
    began = time.process_time()
    for name in IMAGENET_C:
        for severity in SEVERITIES:
            for start in range(0, 10_000, 256):
                batch = pixels[start : start + 256]
                corrupted(batch, torch.arange(start, start + len(batch)), name, severity, preprocessing, 0)
    print(f"{time.process_time() - began:.1f} CPU s to change 15 × 5 × 10,000 digits")


def against_reference(python: str) -> None:
    """Photographs at 224 × 224. Where nothing is drawn: the mean absolute difference; else of the mean absolute change."""
    files = sorted((DATA / "pacs" / "photo").rglob("*.jpg"))[:: max(1, 1670 // 16)][:16]
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB").resize((224, 224))) for file in files])
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npy", Path(folder) / "made.npy"
        np.save(given, pictures)
        script = Path(__file__).with_name("corruption_reference.py")
        subprocess.run([python, str(script), str(given), str(made)], check=True, env={"PATH": "/usr/bin:/bin"})
        theirs = torch.from_numpy(np.load(made, allow_pickle=False)).float()
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    preprocessing = Preprocessing(3, (224, 224), "uint8", (0.0,) * 3, (1.0,) * 3)
    print("grey levels of 0 … 255, severities 1 … 5")
    for name, of_all in zip(IMAGENET_C, theirs, strict=True):
        line = []
        for severity, reference in zip(SEVERITIES, of_all, strict=True):
            ours = (
                corrupted(pixels, torch.arange(len(pixels)), name, severity, preprocessing, 0)
                .permute(0, 2, 3, 1)
                .float()
            )
            first = torch.from_numpy(pictures).float()
            change, wanted = (ours - first).abs().mean(), (reference - first).abs().mean()
            line.append(
                f"{(ours - reference).abs().mean():6.2f}" if name in DETERMINISTIC else f"{change:6.2f}/{wanted:6.2f}"
            )
        print(f"{name:18}", *line, "difference" if name in DETERMINISTIC else "change, ours/theirs")


def groups(words: Sequence[str]) -> None:
    """The worst video of CamVid, and the worst patient of the brain MRI: networks that learned for a few minutes."""
    import neocog

    asked: dict[str, dict[str, Any]] = {
        "camvid": {"size": (90, 120)},
        "lgg-mri-segmentation": {"size": (128, 128), "split": (0.5, 0.1, 0.4)},
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in asked.items():
            began, run = time.process_time(), Path(folder) / name
            neocog.train(DATA / name, width=8, epochs=6, threads=1, augment=("off",), out=run, quiet=True, **settings)
            trained = time.process_time() - began
            found = neocog.stress(run, ["groups"], minutes=60, quiet=True)
            told = time.process_time() - began - trained
            print(f"{name}: {trained:.0f} CPU s to train, {told:.0f} CPU s for the groups")
            print(found["groups"])
            print(found.verdicts["sentence"][0])


PARTS = {"corruption": corruption, "groups": groups, "adversarial": adversarial}

if __name__ == "__main__":
    import sys

    PARTS[sys.argv[1]](sys.argv[2:])
