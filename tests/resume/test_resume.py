"""Runs that are killed, stopped, damaged or started twice, from the command line, held against one that was left alone."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ["digits", "--epochs", "12", "--batch", "64", "--threads", "1", "--save-every", "0",
            "--model", "cnn", "--widths", "6,8", "--hidden", "16", "--dropout", "0.2"]  # fmt: skip


Start = Callable[[Sequence[object], Path], BaseProcess]


def code(process: BaseProcess) -> int | None:
    process.join(300)
    return process.exitcode


def checkpoints(run: Path) -> list[Path]:
    return sorted((run / "checkpoints").glob("step-*"))


def hashes(run: Path) -> dict[str, str]:
    """SHA-256 of what must not depend on how often the run was stopped."""
    files = [run / name for name in ("weights.safetensors", "metrics.csv", "predictions.csv")]
    paths = [*files, *checkpoints(run)[-1].iterdir()]
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def until(holds: Callable[[], bool], process: BaseProcess | subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something is so while the process is at work."""
    while not holds():
        alive = process.is_alive() if isinstance(process, BaseProcess) else process.poll() is None
        assert alive, f"it ended too early:\n{log.read_text()}"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert code(start(["train", *SETTINGS, "--out", run], run.with_suffix(".log"))) == 0, run.with_suffix(
        ".log"
    ).read_text()
    return run


def test_a_finished_run_is_left_as_it_is(start: Start, whole: Path, tmp_path: Path) -> None:
    before = {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).digest())
        for path in whole.rglob("*.*")
        if path.is_file()
    }
    assert code(start(["resume", whole], tmp_path / "log")) == 0
    assert "already complete" in (tmp_path / "log").read_text()
    assert before == {path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).digest()) for path in before}


def test_a_folder_without_a_run_is_told(start: Start, tmp_path: Path) -> None:
    assert code(start(["resume", tmp_path], tmp_path / "log")) == 2
    text = (tmp_path / "log").read_text()
    assert "is not a run folder" in text and "Traceback" not in text


def test_a_second_process_is_refused_and_a_damaged_checkpoint_passed_over(
    start: Start, whole: Path, tmp_path: Path
) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    process = start(["train", *SETTINGS, "--out", run], log)
    until(lambda: len(checkpoints(run)) == 2 and (run / "metrics.csv").is_file(), process, log)
    assert code(start(["resume", run], tmp_path / "second")) == 2
    assert (
        f"process {process.pid} on {socket.gethostname()} is working in this run folder"
        in (tmp_path / "second").read_text()
    )
    os.kill(process.pid or 0, signal.SIGTERM)
    process.join(300)
    if process.exitcode == 0:
        pytest.fail("the run ended before it was stopped: make it longer")
    older, newer = checkpoints(run)
    content = bytearray((newer / "model.safetensors").read_bytes())
    content[-7] ^= 4
    (newer / "model.safetensors").write_bytes(content)
    assert code(start(["resume", run], log)) == 0, log.read_text()
    assert f"damaged checkpoint skipped: {newer.name}: model.safetensors has SHA-256" in log.read_text()
    assert f"going on from step {int(older.name[5:]):,} of" in log.read_text()
    assert hashes(run) == hashes(whole)


def test_a_run_whose_checkpoints_are_all_damaged_says_so(start: Start, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    process = start(["train", *SETTINGS, "--out", run], log)
    until(lambda: len(checkpoints(run)) >= 1, process, log)
    process.kill()
    process.join()
    for path in checkpoints(run):
        os.truncate(path / "state.json", 9)
    assert code(start(["resume", run], log)) == 2
    assert "checkpoints are damaged: step-" in log.read_text() and "state.json has 9 of" in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_says_how_to_go_on_and_ends_in_the_same_bytes(
    start: Start, whole: Path, tmp_path: Path, number: int, status: int
) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    if number == signal.SIGTERM:  # once without the fork server: the command as it is typed
        command = [sys.executable, "-m", "neocog", "train", *SETTINGS, "--out", run]
        with log.open("wb") as file, subprocess.Popen(command, stderr=file) as process:
            until(lambda: (run / "metrics.csv").is_file(), process, log)
            process.send_signal(number)
            assert process.wait(300) == status
    else:
        forked = start(["train", *SETTINGS, "--out", run], log)
        until(lambda: (run / "metrics.csv").is_file(), forked, log)
        os.kill(forked.pid or 0, number)
        assert code(forked) == status
    text = log.read_text()
    assert f"stopped by {signal.Signals(number).name}, and saved; go on with: neocog resume {run}" in text
    assert "Traceback" not in text
    assert code(start(["resume", run], log)) == 0, log.read_text()
    assert hashes(run) == hashes(whole)


def test_runs_killed_at_random_moments_end_in_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "bench" / "kill.py", "3", "gan of classes", "masks", "sequences", "--seed", "4"]
    command += ["--signals", "3", "--folder", tmp_path / "kills"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["identical"] == found["runs"] == found["signals_identical"] == 3
    assert found["kills"] >= 2


def test_volumes_that_are_killed_go_on_to_the_same_bytes(start: Start, tmp_path: Path) -> None:
    """Their weights lie in channels-last order, which no checkpoint keeps."""
    volumes = np.random.default_rng(0).integers(0, 100, (60, 10, 10, 10)).astype(np.uint8)
    volumes[::2] += 40
    np.savez(tmp_path / "noise.npz", X=volumes, y=np.arange(60) % 2)
    words = ["train", tmp_path / "noise.npz", "--model", "resnet3d", "--widths", "4,8", "--epochs", "6", "--batch", "8"]
    words += ["--threads", "1", "--save-every", "0", "--ema", "0.9", "--augment", "flip_d=on", "quarters=any", "--out"]
    log, run = tmp_path / "log", tmp_path / "killed"
    assert code(start([*words, tmp_path / "whole"], log)) == 0, log.read_text()
    process = start([*words, run], log)
    until(lambda: len(checkpoints(run)) == 2, process, log)
    process.kill()
    process.join()
    assert not (run / "result.json").exists()
    assert code(start(["resume", run], log)) == 0, log.read_text()
    assert hashes(run) == hashes(tmp_path / "whole")
