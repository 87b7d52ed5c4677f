"""A run whose trial is killed, stage after stage, from the command line, held against one that was left alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from PIL import Image

Start = Callable[[Sequence[object], Path], BaseProcess]
QUICK = ["--epochs", "3", "--threads", "1", "--save-every", "0", "--augment", "off"]


def code(process: BaseProcess) -> int | None:
    process.join(300)
    return process.exitcode


def test_a_trial_that_is_killed_in_every_stage_ends_in_the_same_bytes(start: Start, tmp_path: Path) -> None:
    rng, folder, weights = np.random.default_rng(3), tmp_path / "photos", tmp_path / "weights"
    for name, level in (("dark", 120), ("bright", 130)):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = (level + rng.integers(-60, 60, (16, 16, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    begun = ["train", folder, "--model", "cnn", "--widths", "4,8", "--epochs", "1", "--threads", "1", "--out", weights]
    assert code(start(begun, tmp_path / "log")) == 0, (tmp_path / "log").read_text()

    def train(out: Path) -> BaseProcess:
        return start(["train", folder, "--from", weights, *QUICK, "--out", out, "--go-on"], out.with_suffix(".log"))

    whole, run = tmp_path / "whole", tmp_path / "run"
    assert code(train(whole)) == 0, whole.with_suffix(".log").read_text()
    for reached in (
        "trial-2-head/plan.json",
        "trial-1-all/checkpoints/step-*",
        "trial-2-all/metrics.csv",
        "metrics.csv",
    ):
        process = train(run)
        while process.is_alive() and not list(run.glob(reached)):
            time.sleep(0.005)
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert code(train(run)) == 0, run.with_suffix(".log").read_text()
    for name in ("trial.json", "weights.safetensors", "model.json", "metrics.csv", "predictions.csv"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert not (run / "features.safetensors").exists()
