"""A VAE draws noise in every step: killed and gone on with, it ends in the same bytes all the same."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

Start = Callable[[Sequence[object], Path], BaseProcess]
SETTINGS = ["digits", "--task", "vae", "--epochs", "14", "--batch", "128", "--threads", "1", "--save-every", "0", "--widths", "4,6",
            "--latent", "3", "--hidden", "12", "--binarise", "sampled", "--ema", "0.9", "--quiet"]  # fmt: skip
SAME = ("weights.safetensors", "model.json", "metrics.csv", "predictions.csv", "splits.csv")


def code(process: BaseProcess) -> int | None:
    process.join(300)
    return process.exitcode


def test_a_killed_run_ends_in_the_same_bytes(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert code(start(["train", *SETTINGS, "--out", tmp_path / "whole"], log)) == 0, log.read_text()
    process = start(["train", *SETTINGS, "--out", tmp_path / "run"], log)
    metrics = tmp_path / "run" / "metrics.csv"
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 4:
        assert process.is_alive(), log.read_text()
        time.sleep(0.002)
    process.kill()
    process.join()
    assert not (tmp_path / "run" / "result.json").exists(), "the run ended before it was killed: make it longer"
    assert code(start(["resume", tmp_path / "run", "--quiet"], log)) == 0, log.read_text()
    newest = [max((tmp_path / run / "checkpoints").glob("step-*")) for run in ("whole", "run")]
    pairs = [(tmp_path / "whole" / name, tmp_path / "run" / name) for name in SAME]
    pairs += [(newest[0] / path.name, newest[1] / path.name) for path in newest[0].iterdir()]
    for one, other in pairs:
        digests = [hashlib.sha256(path.read_bytes()).digest() for path in (one, other)]
        assert digests[0] == digests[1], one.name
