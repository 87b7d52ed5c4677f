"""A network that learns a style, killed and gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from PIL import Image

Start = Callable[[Sequence[object], Path], BaseProcess]
SETTINGS = [
    "--strokes",
    "64",
    "--size",
    "16",
    "--epochs",
    "4",
    "--batch",
    "4",
    "--width",
    "4",
    "--blocks",
    "1",
    "--threads",
    "1",
]
SAME = ("weights.safetensors", "metrics.csv", "predictions.csv")


def test_a_killed_run_ends_in_the_same_bytes(start: Start, tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(24):
        blocks = drawn.integers(0, 256, (5, 6, 3), np.uint8)
        Image.fromarray(blocks.repeat(4, 0).repeat(4, 1)).save(tmp_path / "photos" / f"{number}.png")
    Image.fromarray(drawn.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "painting.png")
    data = [tmp_path / "photos", "--task", "style", "--painting", tmp_path / "painting.png"]
    given, log = ["train", *data, *SETTINGS, "--save-every", "0", "--quiet"], tmp_path / "log"
    whole = start([*given, "--out", tmp_path / "whole"], log)
    whole.join(300)
    assert whole.exitcode == 0, log.read_text()
    run = tmp_path / "run"
    process = start([*given, "--out", run], log)
    while not (run / "metrics.csv").is_file() or len((run / "metrics.csv").read_text().splitlines()) < 3:
        assert process.is_alive(), log.read_text()
        time.sleep(0.002)
    process.kill()
    process.join()
    again = start(["resume", run, "--quiet"], log)
    again.join(300)
    assert again.exitcode == 0, log.read_text()
    for name in SAME:
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
