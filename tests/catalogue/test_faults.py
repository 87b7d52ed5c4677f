"""Faults from outside while a network learns: a file goes bad, a decoder breaks, and surroundings that must not matter."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.data.loader import Streamed
from neocog.engine.loop import Loop
from neocog.errors import UserError

LEARNED: dict[str, Any] = {
    "model": "cnn",
    "epochs": 3,
    "batch": 4,
    "threads": 1,
    "memory": 0.0,
    "save_every": 0.0,
    "quiet": True,
}
BAD = "cat/10.png"  # the file that goes bad


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 16 noise images."""
    folder = tmp_path_factory.mktemp("faults") / "photos"
    rng = np.random.default_rng(0)
    for number in range(32):
        path = folder / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(path)
    return folder


def weights(run: Path) -> str:
    return hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The weights of a run to which nothing happens."""
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    neocog.train(photos, run, **LEARNED)
    return weights(run)


def at_step(wanted: int, happens: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen in a step of the training, once."""
    step = Loop.step

    def disturbed(self: Loop, learner: Any, number: int, pieces: Any) -> float:
        if number == wanted:
            happens()
        return step(self, learner, number, pieces)

    monkeypatch.setattr(Loop, "step", disturbed)


WAYS: Mapping[str, Callable[[Path], object]] = {
    "cut short": lambda path: os.truncate(path, 60),
    "emptied": lambda path: os.truncate(path, 0),
    "deleted": lambda path: path.unlink(),
    "another kind": lambda path: path.write_bytes(b"<!DOCTYPE html>"),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_goes_bad_while_it_is_learned_is_named_and_the_run_goes_on_when_it_is_mended(
    way: str, photos: Path, undisturbed: str, tmp_path: Path
) -> None:
    data = tmp_path / "photos"
    shutil.copytree(photos, data)
    sound = (data / BAD).read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        at_step(3, lambda: WAYS[way](data / BAD), patch)
        with pytest.raises(UserError) as error:
            neocog.train(data, tmp_path / "run", **LEARNED)
    assert BAD in str(error.value) and "10.png" in error.value.where
    if (data / BAD).is_dir():
        (data / BAD).rmdir()
    (data / BAD).unlink(missing_ok=True)
    (data / BAD).write_bytes(sound)
    neocog.resume(tmp_path / "run", quiet=True)
    assert weights(tmp_path / "run") == undisturbed


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_defect_in_a_decoding_thread_ends_the_run_and_is_not_swallowed(
    workers: int, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Streamed._one
    calls: list[int] = []

    def breaks(self: Streamed, index: int) -> Any:
        calls.append(index)
        if len(calls) == 30:
            raise ZeroDivisionError("a defect of a decoder")
        return one(self, index)

    monkeypatch.setattr(Streamed, "_one", breaks)
    with pytest.raises(ZeroDivisionError, match="a defect of a decoder"):
        neocog.train(photos, tmp_path / "run", workers=workers, **LEARNED)


@pytest.mark.parametrize("workers", [0, 1, 2, 4])
def test_no_number_of_decoding_threads_and_no_clock_changes_the_weights(
    workers: int, photos: Path, undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, monotonic, back = time.time, time.monotonic, 3600.0 * workers
    monkeypatch.setattr(time, "time", lambda: now() - back)
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() * (1 + workers))  # every duration seems another
    neocog.train(photos, tmp_path / "run", workers=workers, **LEARNED)
    assert weights(tmp_path / "run") == undisturbed


def test_no_folder_that_vanishes_changes_the_weights(
    photos: Path, undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, back = tmp_path / "gone", Path.cwd()
    gone.mkdir()
    monkeypatch.chdir(gone)
    at_step(2, gone.rmdir, monkeypatch)
    try:
        neocog.train(photos, tmp_path / "run", **LEARNED)
    finally:
        os.chdir(back)
    assert weights(tmp_path / "run") == undisturbed


@pytest.mark.parametrize(
    "surroundings",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "PYTHONUTF8": "0"},
        {"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "COLUMNS": "20"},
    ],
    ids=["C", "Turkish"],
)  # fmt: skip
def test_no_language_hash_seed_or_time_zone_changes_the_weights(
    surroundings: dict[str, str], photos: Path, undisturbed: str, tmp_path: Path
) -> None:
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in LEARNED.items() if name != "quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "neocog", "train", photos, "--out", tmp_path / "run", "--quiet", *flags],
        env={**os.environ, **surroundings}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "run") == undisturbed


def test_a_shell_in_a_folder_that_no_longer_exists_is_told(tmp_path: Path) -> None:
    """MKL would end the process when torch is loaded there."""
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" -m neocog train digits'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "no longer exists" in done.stderr and "Traceback" not in done.stderr


def test_nothing_asks_for_a_network(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training, its report, and every verb that uses it, with sockets that refuse to be made."""

    def blocked(*_arguments: object, **_named: object) -> NoReturn:
        raise AssertionError("neocog opened a socket")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, blocked)
    run = neocog.train(photos, tmp_path / "run", **LEARNED)
    neocog.audit(photos, quiet=True)
    neocog.predict(run.folder, [photos / "cat"], out=tmp_path / "new.csv", quiet=True)
    neocog.report([run.folder])
    neocog.explain(run.folder, [photos / "cat" / "0.png"], out=tmp_path / "maps", quiet=True)
    neocog.models()
    neocog.device()
    assert run.report.is_file() and (tmp_path / "new.csv").is_file()
