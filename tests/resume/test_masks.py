"""Runs that learn masks: stopped and gone on with to the same bytes; a mask that changed in between is noticed."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Start = Callable[[Sequence[object], Path], BaseProcess]
SETTINGS = ["--epochs", "12", "--threads", "1", "--save-every", "0", "--width", "4", "--depth", "2", "--quiet"]
SAME = ("weights.safetensors", "metrics.csv", "predictions.csv", "splits.csv")


def code(process: BaseProcess) -> int | None:
    process.join(300)
    return process.exitcode


def square(folder: Path, number: int, row: int, column: int) -> None:
    mask = np.zeros((24, 24), np.uint8)
    mask[row : row + 8, column : column + 8] = 255
    noise = np.random.default_rng(number).integers(0, 60, (24, 24), np.uint8)
    for kind, pixels in (("images", np.where(mask > 0, 180, noise).astype(np.uint8)), ("masks", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{number}.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(24):
        square(tmp_path / "data", number, *rng.integers(1, 15, 2).tolist())
    return tmp_path / "data"


def stopped(start: Start, data: Path, run: Path) -> None:
    """A run that is killed after its third epoch."""
    log = run.with_suffix(".log")
    process = start(["train", data, *SETTINGS, "--out", run], log)
    while not (run / "metrics.csv").is_file() or len((run / "metrics.csv").read_text().splitlines()) < 4:
        assert process.is_alive(), log.read_text()
        time.sleep(0.002)
    process.kill()
    process.join()
    assert not (run / "result.json").exists(), "the run ended before it was killed: make it longer"


def test_a_killed_run_ends_in_the_same_bytes(start: Start, data: Path, tmp_path: Path) -> None:
    assert code(start(["train", data, *SETTINGS, "--out", tmp_path / "whole"], tmp_path / "log")) == 0
    stopped(start, data, tmp_path / "run")
    assert code(start(["resume", tmp_path / "run", "--quiet"], tmp_path / "log")) == 0, (tmp_path / "log").read_text()
    for name in SAME:
        digests = [hashlib.sha256((tmp_path / run / name).read_bytes()).digest() for run in ("whole", "run")]
        assert digests[0] == digests[1], name


def test_a_mask_that_changed_is_noticed_and_one_packed_anew_is_not(start: Start, data: Path, tmp_path: Path) -> None:
    stopped(start, data, tmp_path / "run")
    mask = data / "masks" / "3.png"
    before = mask.read_bytes()
    with Image.open(mask) as image:
        pixels = np.asarray(image).copy()
    pixels[:2] = 255
    Image.fromarray(pixels).save(mask)
    log = tmp_path / "log"
    assert code(start(["resume", tmp_path / "run"], log)) == 2
    assert "the data have changed since this run began" in log.read_text()
    assert "1 relabelled: 3.png" in log.read_text() or "1 relabelled: images/3.png" in log.read_text()
    mask.write_bytes(before)
    with Image.open(mask) as image:
        image.save(tmp_path / "packed.png", compress_level=1)
    shutil.move(tmp_path / "packed.png", mask)
    assert mask.read_bytes() != before
    assert code(start(["resume", tmp_path / "run", "--quiet"], tmp_path / "second")) == 0, (
        tmp_path / "second"
    ).read_text()
