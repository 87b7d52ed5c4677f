"""``torchrun --nproc-per-node 2 -m neocog train``: two processes learn what one would, and go together when one is lost."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

pytestmark = pytest.mark.distributed
# SGD: Adam would blow up the rounding errors of biases before a batch norm, whose true gradient is 0.
# 1,437 images in batches of about 63: shares of 32 and 31, and of 31 and 31; tanh and means, since they have
# no kinks (as ReLU and maxima do) at which rounding would decide. In fp32: what is equal but for rounding is so to 5 digits
SETTINGS = ["digits", "--epochs", "8", "--batch", "63", "--threads", "1", "--save-every", "0", "--optimizer", "sgd", "--lr", "0.1",
            "--ema", "0.9", "--model", "cnn", "--widths", "6,8", "--hidden", "16", "--activation", "tanh",
            "--pooling", "mean", "--precision", "fp32"]  # fmt: skip
PLAIN = [sys.executable, "-m", "neocog"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "neocog"]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """``start(command, log)``: a process whose descendants are killed at the end, should any be left."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(command: list[object], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as file:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            processes.append(subprocess.Popen([str(part) for part in command], stderr=file, env=environment))
        return processes[-1]

    yield begin
    for process in processes:
        for pid in [*children(process.pid), process.pid]:
            if running(pid):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def children(pid: int) -> list[int]:
    """The ranks that torchrun started, by rank; nothing where it is gone."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(int(child) for child in listed if b"neocog" in Path(f"/proc/{child}/cmdline").read_bytes())
    except OSError:
        return []


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def learning(run: Path, process: subprocess.Popen[bytes], log: Path, newer_than: int) -> list[int]:
    """Wait until there is a checkpoint of a later step; the ranks."""
    while max((int(path.name[5:]) for path in (run / "checkpoints").glob("step-?????????")), default=0) <= newer_than:
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    return children(process.pid)


def newest(run: Path) -> Path:
    return max((run / "checkpoints").glob("step-*"))


def hashes(run: Path) -> dict[str, str]:
    paths = [run / "weights.safetensors", run / "metrics.csv", run / "predictions.csv", *newest(run).iterdir()]
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def two(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that nobody disturbed."""
    folder = tmp_path_factory.mktemp("two")
    assert start([*TORCHRUN, "train", *SETTINGS, "--out", folder / "run"], folder / "log").wait(300) == 0, (
        folder / "log"
    ).read_text()
    return folder / "run"


def test_two_ranks_equal_one_process(start: Start, two: Path, tmp_path: Path) -> None:
    one = tmp_path / "one"
    assert start([*PLAIN, "train", *SETTINGS, "--out", one], tmp_path / "log").wait(300) == 0, (
        tmp_path / "log"
    ).read_text()
    names = sorted(path.name for path in newest(one).glob("*.safetensors"))
    assert names == sorted(path.name for path in newest(two).glob("*.safetensors"))
    for name in names:
        expected, found = load_file(newest(one) / name), load_file(newest(two) / name)
        for key, tensor in expected.items():
            torch.testing.assert_close(
                found[key], tensor, rtol=1e-4, atol=1e-5, msg=lambda m, k=f"{name} {key}": f"{k}: {m}"
            )
    rows = [list(csv.DictReader((run / "metrics.csv").read_text().splitlines())) for run in (one, two)]
    assert len(rows[0]) == len(rows[1]) == 8
    for expected_row, row in zip(*rows, strict=True):
        assert {name: float(value) for name, value in row.items()} == pytest.approx(
            {name: float(value) for name, value in expected_row.items()}, rel=1e-5
        )


def test_two_ranks_learn_masks_as_one_process_does(start: Start, tmp_path: Path) -> None:
    """Cross-entropy and Dice are means over the images, so shares of 3 and 2 add up to a batch of 5."""
    rng = np.random.default_rng(0)
    for number in range(16):
        mask = np.zeros((24, 24), np.uint8)
        row, column = rng.integers(1, 15, 2)
        mask[row : row + 8, column : column + 8] = 255
        for kind, pixels in (("images", mask // 2 + rng.integers(0, 60, (24, 24), np.uint8)), ("masks", mask)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "data" / kind / f"{number}.png")
    words = [
        "train",
        tmp_path / "data",
        "--epochs",
        "3",
        "--batch",
        "5",
        "--threads",
        "1",
        "--optimizer",
        "sgd",
        "--lr",
        "0.05",
    ]
    words += ["--width", "4", "--depth", "2", "--precision", "fp32"]
    for name, command in (("one", PLAIN), ("two", TORCHRUN)):
        log = tmp_path / f"{name}.log"
        assert start([*command, *words, "--out", tmp_path / name], log).wait(300) == 0, log.read_text()
    rows = [list(csv.DictReader((tmp_path / run / "metrics.csv").read_text().splitlines())) for run in ("one", "two")]
    for one, two in zip(*rows, strict=True):
        for name, value in one.items():
            assert float(two[name]) == pytest.approx(float(value), rel=1e-4), name


def test_two_ranks_count_groups_by_the_losses_of_both(start: Start, tmp_path: Path) -> None:
    """Group DRO: each rank sees half of a group's samples, and what a group counts is in the checkpoints, as rank 0 knows it."""
    rng, lines = np.random.default_rng(0), ["image,label,site,split"]
    for number in range(48):
        site, label = "south" if number % 3 == 2 else "north", "ab"[number // 2 % 2]
        pixels = (160 if (label == "b") == (site == "north") else 70) + rng.normal(0, 20, (8, 8))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{label},{site},{('train', 'train', 'validation', 'test')[number // 12]}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    words = ["train", tmp_path / "table.csv", "--columns", "group=site", "--group-weights", "dro", "--model", "mlp",
             "--hidden", "4", "--epochs", "4", "--batch", "8", "--threads", "1", "--augment", "off", "--precision", "fp32",
             "--optimizer", "sgd", "--lr", "0.1"]  # fmt: skip
    counts = {}
    for name, command in (("one", PLAIN), ("two", TORCHRUN)):
        log = tmp_path / f"{name}.log"
        assert start([*command, *words, "--out", tmp_path / name], log).wait(300) == 0, log.read_text()
        counts[name] = json.loads((newest(tmp_path / name) / "state.json").read_text())["counters"]["groups"]
    assert counts["two"] == pytest.approx(counts["one"], rel=1e-6)
    assert abs(counts["one"][0] - counts["one"][1]) > 1e-4


def test_ranks_agree_on_what_the_clock_decides(start: Start, tmp_path: Path) -> None:
    """By their own clocks they would plan other numbers of steps, and wait for each other at the end."""
    run, log = tmp_path / "run", tmp_path / "log"
    words = ["train", "digits", "--minutes", "0.03", "--model", "mlp", "--batch", "64", "--out", run]
    assert start([*TORCHRUN, *words], log).wait(300) == 0, log.read_text()
    rows = (run / "metrics.csv").read_text().splitlines()
    assert rows[-1].split(",")[1] == str(int(newest(run).name[5:]))


def test_ranks_that_are_stopped_or_lost_leave_no_orphan_and_go_on_to_the_same_bytes(
    start: Start, two: Path, tmp_path: Path
) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    process, step = start([*TORCHRUN, "train", *SETTINGS, "--out", run], log), 0
    for stop in ("torchrun is asked", "a rank is killed", "torchrun is killed"):
        ranks = learning(run, process, log, step)
        assert len(ranks) == 2
        os.kill(
            ranks[0] if stop == "a rank is killed" else process.pid,
            signal.SIGTERM if "asked" in stop else signal.SIGKILL,
        )
        assert process.wait(120) != 0
        deadline = time.monotonic() + 120
        while any(map(running, ranks)):
            assert time.monotonic() < deadline, f"{stop}: a rank is left"
            time.sleep(0.01)
        said = log.read_text().count("stopped by SIGTERM, and saved")
        assert said == {"torchrun is asked": 2, "a rank is killed": 2, "torchrun is killed": 4}[stop]
        step = int(newest(run).name[5:])
        process = start([*TORCHRUN, "resume", run], log)
    assert process.wait(300) == 0, log.read_text()
    assert hashes(run) == hashes(two)
