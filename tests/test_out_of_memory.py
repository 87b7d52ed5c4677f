"""Whoever says that memory ran out: three facts with numbers and flags, exit code 2, and nothing else is taken for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from neocog import out_of_memory
from neocog.cli import main as cli
from neocog.limits import Limit
from neocog.out_of_memory import killed
from neocog.out_of_memory import out_of_memory as facts_of


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out_of_memory, "memory", lambda: Limit(3 << 29, "ulimit -v"))


def numpys() -> BaseException:
    with pytest.raises(MemoryError) as found:
        np.empty((1 << 40, 1 << 10), np.float32)
    return found.value


def torchs() -> BaseException:
    with pytest.raises(RuntimeError) as found:
        torch.empty(1 << 50, dtype=torch.uint8)
    return found.value


GPU = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 3.00 GiB is free."


@pytest.mark.parametrize(
    "error, wanted",
    [
        (numpys(), "4,194,304.00 GiB"),
        (torchs(), "1,048,576.00 GiB"),
        (torch.OutOfMemoryError(GPU), "20.00 GiB"),
        (MemoryError(), ""),
        (OSError(12, "Cannot allocate memory"), ""),
        (RuntimeError("std::bad_alloc"), ""),
        (RuntimeError("could not create a primitive"), ""),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), ""),
        (RuntimeError("can't start new thread"), ""),
    ],
    ids=str,
)
def test_it_is_known_by_whatever_says_it(error: BaseException, wanted: str) -> None:
    found = facts_of(error, "train")
    assert found is not None
    assert found.code == 2
    assert wanted in found.what
    on_gpu = "CUDA" in str(error)
    assert ("3.00 GiB is free" if on_gpu else "1.50 GiB may be used (limit: ulimit -v)") in found.where
    assert "--batch" in found.fix or "--threads" in found.fix
    assert ("--device cpu" in found.fix) == on_gpu


@pytest.mark.parametrize(
    "error",
    [ValueError("out of memory"), RuntimeError("shapes differ"), OSError(2, "gone"), KeyError("memory")],
    ids=str,
)
def test_nothing_else_is_taken_for_it(error: BaseException) -> None:
    assert facts_of(error) is None


def test_other_verbs_name_no_flags_of_training() -> None:
    found = facts_of(MemoryError(), "predict")
    assert found is not None
    assert "--batch" not in found.fix


def test_a_killed_child_is_explained_and_another_is_not() -> None:
    child = subprocess.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], check=False)
    found = killed(child.returncode, "the engine 'numpy'")
    assert found is not None
    assert "the engine 'numpy' was killed" in found.what
    assert killed(1, "x") is None


def test_the_command_line_tells_it_in_three_facts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_memory() -> None:
        raise numpys()

    monkeypatch.setattr("neocog.verbs.device.device", without_memory)
    with pytest.raises(SystemExit) as leaving:
        cli.main(["device", "--json"])
    assert leaving.value.code == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert json.loads(told.out)["error"]["where"] == "1.50 GiB may be used (limit: ulimit -v)"


@pytest.mark.parametrize("mebi", [200, 400])
def test_under_a_limit_too_small_for_anything_there_is_no_traceback(mebi: int, tmp_path: Path) -> None:
    command = f"ulimit -v {mebi << 10}; exec {sys.executable} -m neocog train digits --out {tmp_path}/run --quiet"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "ulimit -v" in done.stderr
