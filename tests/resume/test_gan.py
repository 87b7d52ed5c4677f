"""A run of two networks and two optimizers, killed and gone on with, ends in the same bytes, pictures of the epochs included."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

Start = Callable[[Sequence[object], Path], BaseProcess]
SETTINGS = ["digits", "--task", "gan", "--epochs", "6", "--batch", "512", "--threads", "1", "--save-every", "0", "--width", "4",
            "--latent", "8", "--diff-augment", "--quiet"]  # fmt: skip
SAME = ("weights.safetensors", "metrics.csv", "predictions.csv", "splits.csv", "epochs.png", "strip.png")


def code(process: BaseProcess) -> int | None:
    process.join(300)
    return process.exitcode


def test_a_killed_run_of_two_networks_ends_in_the_same_bytes(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    judge = [
        "train",
        "digits",
        "--epochs",
        "1",
        "--threads",
        "1",
        "--widths",
        "4",
        "--quiet",
        "--out",
        tmp_path / "judge",
    ]
    assert code(start(judge, log)) == 0, log.read_text()
    settings = ["train", *SETTINGS, "--extractor", tmp_path / "judge", "--out"]
    assert code(start([*settings, tmp_path / "whole"], log)) == 0, log.read_text()
    process = start([*settings, tmp_path / "run"], log)
    metrics = tmp_path / "run" / "metrics.csv"
    while not metrics.is_file() or len(metrics.read_text().splitlines()) < 3:
        assert process.is_alive(), log.read_text()
        time.sleep(0.002)
    process.kill()
    process.join()
    assert not (tmp_path / "run" / "result.json").exists(), "the run ended before it was killed: make it longer"
    assert code(start(["resume", tmp_path / "run", "--quiet"], log)) == 0, log.read_text()
    names = [*SAME, *(f"epochs/{epoch:05}.png" for epoch in (1, 2, 6))]
    newest = [max((tmp_path / run / "checkpoints").glob("step-*")) for run in ("whole", "run")]
    stored = sorted(path.name for path in newest[0].iterdir())
    assert {"optimizer.generator.safetensors", "optimizer.discriminator.safetensors"} <= set(stored)
    pairs = [(tmp_path / "whole" / name, tmp_path / "run" / name) for name in names]
    pairs += [(newest[0] / name, newest[1] / name) for name in stored]
    for one, other in pairs:
        digests = [hashlib.sha256(path.read_bytes()).digest() for path in (one, other)]
        assert digests[0] == digests[1], one.name
