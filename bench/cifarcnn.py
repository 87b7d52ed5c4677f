"""How much faster does neocog train the tutorial's CifarCNN on CIFAR-10 than the tutorial's own loop?

    python bench/cifarcnn.py [--rounds 6] [--steps 40]

Both train the same network at batch 128 with crop, flip and normalisation, in processes of their own, in turn
(ours, tutorial, ours, tutorial …); the first round is discarded. The tutorial's loop is written plainly: torchvision
transforms on each image, a DataLoader with 2 workers, fp32, Adam. neocog runs as ``neocog train cifar10 --model cifarcnn
--batch 128`` does, with its defaults (bf16 where the processor multiplies it in hardware, else Winograd's convolutions;
``--precision fp32``: neither). Prints JSON lines (images/s, peak memory of the process and of its workers) and a table.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

BATCH = 128


def ours(steps: int, data: str, precision: str) -> float:
    """Images a second of neocog's loop, data preparation not counted."""
    from own_loop import images_per_second

    settings = {"data": data, "model": "cifarcnn", "batch": BATCH, "epochs": 1, "precision": precision}
    return images_per_second(settings, steps)


def tutorial(steps: int, data: str, precision: str) -> float:
    """Images a second of the tutorial's loop."""
    import numpy as np
    import torch
    from PIL import Image
    from torch import nn
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    from neocog.data.readers.detect import open_dataset
    from neocog.networks import build

    source = open_dataset(data)

    class Pictures(Dataset[tuple[torch.Tensor, int]]):
        transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
            ]
        )

        def __len__(self) -> int:
            return 50_000

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return self.transform(Image.fromarray(np.asarray(source.images.read(index)))), int(source.labels[index])

    loader = DataLoader(Pictures(), batch_size=BATCH, shuffle=True, num_workers=2)
    model = build("cifarcnn", 3, (32, 32), 10)
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)
    running = 0.0
    for step, (images, labels) in enumerate(loader):
        if step == 5:
            started = time.perf_counter()
        if step == steps + 5:
            break
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    return BATCH * steps / (time.perf_counter() - started)


def child(which: str, steps: int, data: str, precision: str) -> None:
    speed = {"ours": ours, "tutorial": tutorial}[which](steps, data, precision)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"loop": which, "images_per_second": speed, "process_mb": own / 1024}))


def watched(command: list[str]) -> dict[str, float]:
    """What a child printed last, and the most memory that it took with its workers."""
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            peak = max(peak, family(running.pid))
            time.sleep(0.25)
        assert running.stdout
        lines = running.stdout.read().splitlines()
    if running.returncode:
        raise SystemExit(running.returncode)
    return {**json.loads(lines[-1]), "peak_mb": peak}


def family(process: int) -> float:
    """MB of a process and its children, shared pages counted once."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    own = sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return own / 1024 + sum(family(int(child)) for child in children)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--child", choices=["ours", "tutorial"])
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.steps, options.data, options.precision)
    found: dict[str, list[dict[str, float]]] = {"ours": [], "tutorial": []}
    for _ in range(options.rounds):
        for which in found:
            command = [sys.executable, __file__, "--child", which, "--steps", str(options.steps)]
            command += ["--data", options.data, "--precision", options.precision]
            found[which].append(watched(command))
            print(json.dumps(found[which][-1]), flush=True)
    speed = {which: [row["images_per_second"] for row in rows[1:]] for which, rows in found.items()}
    ratios = [a / b for a, b in zip(speed["ours"], speed["tutorial"], strict=True)]
    for which, values in speed.items():
        memory = [median(row[name] for row in found[which][1:]) for name in ("peak_mb", "process_mb")]
        print(
            f"{which:9} {median(values):8.0f} images/s ({min(values):.0f} to {max(values):.0f})"
            f"   peak {memory[0]:6.0f} MB, the process alone {memory[1]:6.0f} MB",
            file=sys.stderr,
        )
    print(f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), n = {len(ratios)}", file=sys.stderr)


if __name__ == "__main__":
    main()
