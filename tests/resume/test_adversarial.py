"""Adversarial training that is killed and gone on with: the random starts of its attacks are no state."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

Start = Callable[[Sequence[object], Path], BaseProcess]
SETTINGS = ["digits", "--model", "mlp", "--hidden", "8", "--adversarial", "8/255", "--epochs", "6", "--threads", "1"]
SAME = ("weights.safetensors", "metrics.csv", "predictions.csv")


def test_a_killed_run_ends_in_the_same_bytes(start: Start, tmp_path: Path) -> None:
    given = ["train", *SETTINGS, "--save-every", "0", "--quiet"]
    log = tmp_path / "log"
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
    assert not (run / "result.json").exists(), "the run ended before it was killed: make it longer"
    assert "validation_robust_accuracy" in (run / "metrics.csv").read_text()
    again = start(["resume", run, "--quiet"], log)
    again.join(300)
    assert again.exitcode == 0, log.read_text()
    for name in SAME:
        digests = [hashlib.sha256((tmp_path / each / name).read_bytes()).digest() for each in ("whole", "run")]
        assert digests[0] == digests[1], name
