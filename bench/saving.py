"""What part of the training time does saving take?

    python bench/saving.py [--minutes 3] [--data cifar10] [--model cifarcnn]

Trains as ``neocog train cifar10 --model cifarcnn --minutes 3`` does, with the default interval between checkpoints, and takes
the time of every save (packing, hashing, writing, fsync, rename, pruning) within the time of the whole loop. Prints one JSON
object: seconds of each save, bytes of a checkpoint, and the share. The ambition: at most 2 %.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import neocog
from neocog.engine import checkpoint
from neocog.engine.loop import Loop


def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """``function``, with the seconds of each call appended."""

    def call(*args: Any, **kwargs: Any) -> Any:
        begun = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            seconds.append(time.monotonic() - begun)

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--model", default="cifarcnn")
    arguments = parser.parse_args()
    saves: list[float] = []
    loops: list[float] = []
    checkpoint.save = timed(checkpoint.save, saves)
    Loop.train = timed(Loop.train, loops)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        run = neocog.train(
            arguments.data, Path(folder) / "run", model=arguments.model, minutes=arguments.minutes, quiet=True
        )
        newest = max(run.checkpoints.glob("step-*"))
        size = sum(path.stat().st_size for path in newest.iterdir())
    print(
        json.dumps(
            {
                "data": arguments.data,
                "model": arguments.model,
                "training_seconds": round(loops[0], 1),
                "saves": len(saves),
                "seconds_a_save": [round(seconds, 3) for seconds in saves],
                "megabytes": round(size / 1e6, 1),
                "share": round(sum(saves) / loops[0], 4),
                "torch": torch.__version__,
                "cores": os.cpu_count(),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
