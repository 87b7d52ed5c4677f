"""The first epoch of a folder of photographs, beside torchvision's ImageFolder and DataLoader with two workers.

    python bench/folder.py                     # 2,000 JPEGs of 500 × 400, to 128 × 128, n = 5: about four minutes
    python bench/folder.py --images 500 --rounds 2 --size 64

Made photo-like JPEGs of quality 90 (``bench/audit.py``). Both resize by Pillow, bilinear with antialiasing, to the same pixels,
and give batches of 64 normalised floats. neocog's first epoch begins with opening the folder and has everything that comes
before a step: the headers, the scan with its hashes, thumbnails, mean and deviation, copies, checks and the split. "streamed" is
what a later epoch costs where the pixels have no room in memory. With steps, each learns by the same small network on one thread.
``--draft`` rows: JPEG's own coarser decoding, of both. In turn; the first round does not count. Images a second by the clock,
and processor milliseconds an image over all processes.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from audit import cores, make
from neocog.config import Config, configured
from neocog.data.images import Decoding, FileImages
from neocog.data.loader import Streamed
from neocog.data.preprocessing import Preprocessing
from neocog.engine.ranks import Ranks
from neocog.networks import build
from neocog.progress import Progress
from neocog.verbs.prepare import arrange, read
from own_loop import steps

BATCH = 64
TRAINED = (0.98, 0.01, 0.01)


def drafted(path: str, size: int) -> Image.Image:
    image = Image.open(path)
    image.draft("RGB", (size, size))
    return image.convert("RGB")


def theirs(folder: Path, size: int, draft: bool) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    changes = [
        transforms.Resize((size, size)),
        transforms.ToTensor(),
        transforms.Normalize([0.45] * 3, [0.25] * 3),
    ]
    more = {"loader": partial(drafted, size=size)} if draft else {}
    return DataLoader(ImageFolder(folder, transforms.Compose(changes), **more), BATCH, shuffle=True, num_workers=2)


def learned(batches: Iterable[tuple[torch.Tensor, torch.Tensor]], size: int) -> None:
    network = build("cnn", 3, (size, size), 10)
    optimizer = torch.optim.AdamW(network.parameters())
    for inputs, targets in batches:
        optimizer.zero_grad()
        F.cross_entropy(network(inputs), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def settings(folder: Path, size: int, draft: bool) -> dict[str, object]:
    chosen = {
        "draft": draft,
        "augment": ("off",),
        "model": "cnn",
        "size": (size,),
        "batch": BATCH,
        "split": TRAINED,
        "epochs": 1,
        "threads": 1,
    }
    return {"data": str(folder), "device": "cpu", **chosen}


def ours(folder: Path, size: int, draft: bool) -> None:
    config, progress = configured(Config(), settings(folder, size, draft)), Progress(quiet=True)
    loader = arrange(config, read(config, progress), Ranks(), progress).loader
    for _ in loader.training(0, loader.batches.per_epoch):
        pass


def ours_learned(folder: Path, size: int, draft: bool, count: int) -> None:
    for _ in steps(settings(folder, size, draft), round(TRAINED[0] * count / BATCH)):
        pass


def streamed(folder: Path, size: int, draft: bool) -> None:
    plan = Preprocessing(3, (size, size), "uint8", (0.0,) * 3, (1.0,) * 3, draft=draft)
    files = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.jpg"))]
    images = FileImages(folder, files, Decoding.recorded(plan))
    for _ in Streamed(images, plan, 2).stream(np.array_split(np.arange(len(files)), len(files) // BATCH)):
        pass


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor over this process and its children."""
    begun, used = time.perf_counter(), processor()
    work()
    return time.perf_counter() - begun, processor() - used


def processor() -> float:
    each = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in each)


def ways(folder: Path, size: int, count: int, drafts: Iterable[bool]) -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    for draft in drafts:
        name = ", draft" if draft else ""
        found |= {
            f"torchvision{name}": partial(list, theirs(folder, size, draft)),
            f"neocog{name}": partial(ours, folder, size, draft),
            f"neocog streamed{name}": partial(streamed, folder, size, draft),
            f"torchvision with steps{name}": partial(learned, theirs(folder, size, draft), size),
            f"neocog with steps{name}": partial(ours_learned, folder, size, draft, count),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--draft", choices=["off", "on", "both"], default="both")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    drafts = {"off": [False], "on": [True], "both": [False, True]}[asked.draft]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "photos"
        make(folder, asked.images)
        works = ways(folder, asked.size, asked.images, drafts)
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for turn in range(asked.rounds + 1):
            for name, work in works.items():
                seconds = timed(work)
                if turn:
                    took[name].append(seconds)
                    print(f"{name}: {seconds[0]:.2f} s", file=sys.stderr)
    load = os.getloadavg()[0]
    print(f"{asked.images} images, {asked.size} × {asked.size}, n = {asked.rounds}, {cores()} cores, load {load:.1f}")
    print(f"{'':30} images/s    low   high  × torchvision  CPU ms/image")
    for name, times in took.items():
        rates = [asked.images / clock for clock, _ in times]
        beside = took[f"torchvision{' with steps' * ('steps' in name)}{', draft' * ('draft' in name)}"]
        ratio = statistics.median(t[0] / o[0] for t, o in zip(beside, times, strict=True))
        used = statistics.median(cpu for _, cpu in times) / asked.images * 1000
        print(
            f"{name:30} {statistics.median(rates):8,.0f} {min(rates):6,.0f} {max(rates):6,.0f} {ratio:12.2f} {used:13.2f}"
        )


if __name__ == "__main__":
    main()
