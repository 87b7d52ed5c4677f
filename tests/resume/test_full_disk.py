"""A disk that is full at any stage of a run: said by name, nothing lost, and gone on with when there is room."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

SETTINGS = [
    "digits",
    "--epochs",
    "2",
    "--threads",
    "1",
    "--model",
    "cnn",
    "--widths",
    "8,16",
    "--hidden",
    "32",
    "--quiet",
]
ROOMY = 4 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``disk(bytes)``: a file system of its own, made that large."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")

    def sized(size: int) -> Path:
        subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True, capture_output=True)
        return folder

    yield sized
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_by_name_and_the_run_goes_on_when_there_is_room(
    start: Callable[[Sequence[object], Path], BaseProcess], disk: Callable[[int], Path], tmp_path: Path
) -> None:
    def neocog(*words: object) -> tuple[int | None, str]:
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        process = start(words, log)
        process.join(300)
        return process.exitcode, log.read_text()

    assert neocog("train", *SETTINGS, "--out", tmp_path / "whole") == (0, "")
    kept = (tmp_path / "whole" / "thumbnails.npz").stat().st_size // 4096 * 4096 + 4096  # in pages, beside what follows
    folder = disk(kept + 150_000)  # not even splits.csv fits
    code, said = neocog("train", *SETTINGS, "--out", folder / "run")
    assert code == 2 and "Traceback" not in said
    assert "No space left on device" in said and str(folder / "run" / "splits.csv") in said
    onwards = f", then: neocog resume {folder / 'run'}\n"
    assert onwards in said
    disk(kept + 330_000)  # the checkpoints would not fit
    code, said = neocog("resume", folder / "run")
    assert code == 2 and "Traceback" not in said
    assert "bytes needed" in said and str(folder / "run" / "checkpoints") in said
    assert onwards in said and "intact" not in said  # as there are none yet
    disk(kept + 590_000)  # the report does not fit
    code, said = neocog("resume", folder / "run")
    assert code == 2 and "Traceback" not in said
    assert "No space left on device" in said and str(folder / "run" / "report.html") in said and onwards in said
    assert not list((folder / "run").rglob(".*"))
    disk(ROOMY)
    assert neocog("resume", folder / "run", "--quiet") == (0, "")
    for name in ("weights.safetensors", "metrics.csv", "predictions.csv"):
        digests = [hashlib.sha256((run / name).read_bytes()).digest() for run in (folder / "run", tmp_path / "whole")]
        assert digests[0] == digests[1], name
