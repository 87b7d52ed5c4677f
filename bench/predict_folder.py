"""``predict`` on a folder of photographs, beside the loop that everybody writes: a DataLoader with two workers, no_grad.

    python bench/predict_folder.py                       # 2,000 JPEGs of 500 × 400 at 128 × 128, n = 5: about six minutes
    python bench/predict_folder.py --images 500 --rounds 3 --size 64
    python bench/predict_folder.py --widths 32,64,128    # the default network, which takes longer than decoding

The same weights on both sides, of a small network trained for one epoch on 200 made photographs (``bench/audit.py``), with
and without ``--draft``, in fp32 and in bf16, of the loop too; the loop resizes by Pillow as neocog does. In turn; the first round
does not count. Images a second by the clock, and processor milliseconds an image over all processes. How many labels agree with
the loop's in fp32 (with ``--draft`` it is another network), and by how much a probability in bf16 is off at most.
"""

from __future__ import annotations

import argparse
import operator
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

import neocog
from audit import cores, first, make
from folder import BATCH, timed
from neocog.predictor import Predictor, load_predictor
from neocog.run import Run

PRECISIONS: tuple[Literal["fp32", "bf16"], ...] = ("fp32", "bf16")


class Files(Dataset[torch.Tensor]):
    def __init__(self, paths: list[Path], predictor: Predictor) -> None:
        plan = predictor.preprocessing
        scaled = transforms.Normalize([m / 255 for m in plan.mean], [s / 255 for s in plan.std])
        self.paths = paths
        self.change = transforms.Compose([transforms.Resize(plan.plane), transforms.ToTensor(), scaled])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        changed: torch.Tensor = self.change(Image.open(self.paths[index]).convert("RGB"))
        return changed


def by_loop(folder: Path, predictor: Predictor, bf16: bool) -> list[str]:
    loader = DataLoader(Files(sorted(folder.rglob("*.jpg")), predictor), BATCH, num_workers=2)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        return [predictor.classes[k] for inputs in loader for k in predictor.network(inputs).argmax(1).tolist()]


def by_neocog(folder: Path, run: Path, precision: Literal["fp32", "bf16"]) -> list[str]:
    return [row["label"] for row in neocog.predict(run, folder, quiet=True, precision=precision).rows]


def apart(folder: Path, run: Path) -> float:
    """By how much a probability in bf16 is off at most."""
    found = [neocog.load(run).predict(sorted(folder.rglob("*.jpg"))[:500], precision=each) for each in PRECISIONS]
    return float(abs(found[1] - found[0]).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", default="8,16")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "photos"
        make(folder, asked.images)
        settings: dict[str, Any] = {
            "model": "cnn", "widths": asked.widths, "size": (asked.size,), "epochs": 1, "threads": 1, "augment": ("off",),
            "quiet": True,
        }  # fmt: skip
        few = first(folder, 200)
        runs = {
            draft: neocog.train(few, Path(temporary) / f"run {draft}", draft=draft, **settings).folder
            for draft in (False, True)
        }
        plain = load_predictor(Run(runs[False]))
        works: dict[str, Callable[[], list[str]]] = {
            "the plain loop": partial(by_loop, folder, plain, False),
            "the plain loop, bf16": partial(by_loop, folder, plain, True),
        }
        for draft, run in runs.items():
            for each in PRECISIONS:
                works[f"neocog predict{', draft' * draft}{', bf16' * (each == 'bf16')}"] = partial(
                    by_neocog, folder, run, each
                )
        labels = {name: work() for name, work in works.items()}
        off = apart(folder, runs[False])
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for turn in range(asked.rounds + 1):
            for name, work in works.items():
                seconds = timed(work)
                took[name] += [seconds] if turn else []
    print(
        f"{asked.images} images, {asked.size} × {asked.size}, n = {asked.rounds}, {cores()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print(f"probabilities in bf16 are off by {off:.1g} at most")
    for name, times in took.items():
        rates = [asked.images / clock for clock, _ in times]
        ratio = statistics.median(o[0] / t[0] for t, o in zip(times, took["the plain loop"], strict=True))
        used = statistics.median(cpu for _, cpu in times) / asked.images * 1000
        print(f"{name:28} {statistics.median(rates):6,.0f} images/s ({min(rates):,.0f} to {max(rates):,.0f})", end="")
        print(f", {ratio:.2f} × the loop, {used:.2f} ms of processor each", end="")
        agree = sum(map(operator.eq, labels[name], labels["the plain loop"]))
        print("" if "draft" in name else f", {agree} labels agree")


if __name__ == "__main__":
    main()
