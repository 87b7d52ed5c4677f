"""Does neocog learn as fast as a plain PyTorch loop of the same network in the same precision, and in as little memory?

    python bench/beside.py [cifarcnn unet resnet18] [--rounds 4] [--steps 10] [--threads 2] [--precision bf16]

neocog's own loop as ``neocog train`` runs it (its data prepared on the way), and the loop that everyone writes: channels
last, ``torch.autocast``, Adam, on batches that lie ready in memory; and that loop under ``torch.compile`` where there is a C++
compiler. Each in a process of its own, in turn; the first round is thrown away. Images a second over ``--steps`` steps after
two, the peak of the process's memory, and the operations that a second does (multiplications and additions of the layers,
forward and backward, counted on the meta device). ``--clock cpu`` takes seconds of the processor, for one thread on a busy
machine. JSON lines, and a table on stderr.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from own_loop import steps

LOOPS = ("neocog", "plain", "compiled")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Case:
    """A network and what it learns: images of ``side`` × ``side``, a class each, or a mask where ``masks``."""

    model: str
    side: int
    batch: int
    own: dict[str, Any]  # settings of its own
    masks: bool = False

    def network(self) -> nn.Module:
        from neocog.networks import build

        size = (self.side, self.side)
        return build(self.model, 3, size, 1 if self.masks else 10, **self.own)

    def batch_of(self, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
        """Images and targets, drawn once."""
        images = torch.randn(self.batch, 3, self.side, self.side, device=device)
        if self.masks:
            return images, torch.randint(2, (self.batch, 1, self.side, self.side), device=device).float()
        return images, torch.randint(10, (self.batch,), device=device)

    def criterion(self) -> Callable[..., torch.Tensor]:
        return nn.BCEWithLogitsLoss() if self.masks else nn.CrossEntropyLoss()


CASES = {
    "cifarcnn": Case("cifarcnn", 32, 128, {}),
    "unet": Case("unet", 256, 4, {"width": 64, "norm": "last"}, masks=True),  # 31 million parameters
    "resnet18": Case("torchvision:resnet18", 128, 32, {}),
}


def neocog(case: Case, count: int, options: argparse.Namespace) -> tuple[float, int]:
    """Seconds that so many steps took, and the images in them."""
    settings = {"model": case.model, "batch": case.batch, "size": case.side, "threads": options.threads, **case.own}
    with tempfile.TemporaryDirectory() as scratch:
        data = drawn(Path(scratch), case)
        learning = steps({**settings, "data": str(data), "epochs": 99, "precision": options.precision}, count + 2)
        for _ in islice(learning, 2):
            begun = CLOCKS[options.clock]()
        images = sum(learning)
        return CLOCKS[options.clock]() - begun, images


def drawn(folder: Path, case: Case) -> Path:
    """Noise: images of ten classes as arrays, or a folder of twenty images, each with the mask of a disc."""
    import numpy as np
    from PIL import Image

    source, shape = np.random.default_rng(0), (case.side, case.side, 3)
    if not case.masks:
        images = source.integers(0, 255, (10 * case.batch, *shape), np.uint8)
        np.savez(folder / "noise.npz", x=images, y=np.arange(len(images)) % 10)
        return folder / "noise.npz"
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for number in range(20):
        Image.fromarray(source.integers(0, 255, shape, np.uint8)).save(folder / "images" / f"{number}.png")
        disc = np.hypot(*np.mgrid[: case.side, : case.side] - case.side / 2) < source.integers(8, case.side // 2)
        Image.fromarray(disc.astype(np.uint8) * 255).save(folder / "masks" / f"{number}.png")
    return folder


def plain(case: Case, count: int, options: argparse.Namespace, compiled: bool = False) -> tuple[float, int]:
    """The same of the loop that everyone writes."""
    torch.set_num_threads(options.threads)
    net = case.network().to(memory_format=torch.channels_last)
    forward = torch.compile(net) if compiled else net
    images, targets = case.batch_of()
    images, criterion = images.to(memory_format=torch.channels_last), case.criterion()
    optimizer = torch.optim.Adam(net.parameters())
    for step in range(count + 2):
        if step == 2:
            begun = CLOCKS[options.clock]()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            loss = criterion(forward(images), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return CLOCKS[options.clock]() - begun, case.batch * count


def operations(case: Case) -> float:
    """Of a step, for each image."""
    net, (images, targets) = case.network().to("meta"), case.batch_of("meta")
    with FlopCounterMode(display=False) as counter:
        case.criterion()(net(images), targets).backward()  # type: ignore[no-untyped-call]
    return float(counter.get_total_flops()) / case.batch


def child(loop: str, name: str, options: argparse.Namespace) -> None:
    case = CASES[name]
    took, images = (
        neocog(case, options.steps, options)
        if loop == "neocog"
        else plain(case, options.steps, options, loop == "compiled")
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"network": name, "loop": loop, "images_per_second": images / took, "peak_mb": round(peak)}
    print(json.dumps(row | {"gflops": operations(case) * images / took / 1e9}))


def measured(name: str, options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Rows of each loop, without the first round."""
    loops = [loop for loop in LOOPS if loop != "compiled" or (shutil.which("c++") and not options.no_compile)]
    found: dict[str, list[dict[str, float]]] = {loop: [] for loop in loops}
    for number in range(options.rounds):
        for loop in loops:
            done = subprocess.run(
                [sys.executable, *sys.argv, "--child", loop, name], stdout=subprocess.PIPE, check=True
            )
            row = json.loads(done.stdout.splitlines()[-1])
            print(json.dumps({"round": number, **row}), flush=True)
            found[loop] += [row] if number else []
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(CASES), metavar="NETWORK", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--precision", choices=["bf16", "fp32", "auto"], default="bf16", help="auto: neocog's own choice"
    )
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        loop, name = options.child
        return child(loop, name, options)
    for name in options.networks:
        found = measured(name, options)
        for loop, rows in found.items():
            ratios = [
                a["images_per_second"] / b["images_per_second"] for a, b in zip(found["neocog"], rows, strict=True)
            ]
            speed, peak, work = (median(row[key] for row in rows) for key in ("images_per_second", "peak_mb", "gflops"))
            print(
                f"{name:9} {loop:9} {speed:9.2f} images/s {work:7.1f} GFLOP/s {peak:7.0f} MB   neocog is"
                f" {median(ratios):.2f} × as fast ({min(ratios):.2f} to {max(ratios):.2f}, n = {len(ratios)})",
                file=sys.stderr,
            )


if __name__ == "__main__":
    main()
