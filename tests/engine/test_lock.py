"""The lock of a run folder: one holder, named to the others, gone with its process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from neocog.engine.lock import lock
from neocog.errors import UserError

HOLDER = """
import os, sys, time
from pathlib import Path
from neocog.engine.lock import lock
from neocog.errors import UserError
try:
    with lock(Path(sys.argv[1])):
        if sys.argv[2] == "fork" and os.fork():
            time.sleep(60)  # the worker says so: by then it runs
        print("held", flush=True)
        time.sleep(60)
except UserError as error:
    print(f"refused: {error.what}", flush=True)
"""


def holder(folder: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), how], stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    process = holder(tmp_path, "long")
    try:
        assert first_line(process) == "held"
        with pytest.raises(UserError) as caught, lock(tmp_path):
            pass
        assert f"process {process.pid} on {socket.gethostname()} is working" in caught.value.what
        assert caught.value.where == str(tmp_path)
    finally:
        ended(process)
    with lock(tmp_path):
        pass


def test_the_lock_dies_with_its_process_though_a_worker_lives_on(tmp_path: Path) -> None:
    process = holder(tmp_path, "fork")
    assert first_line(process) == "held"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    try:
        with lock(tmp_path):
            os.kill(int(children[0]), 0)  # the worker is still there
    finally:
        os.kill(int(children[0]), signal.SIGKILL)
        process.communicate()


def test_of_many_that_start_at_once_one_wins(tmp_path: Path) -> None:
    processes = [holder(tmp_path, "long") for _ in range(6)]
    try:
        said = [first_line(process) for process in processes]
    finally:
        for process in processes:
            ended(process)
    assert said.count("held") == 1
    assert sum("is working in this run folder" in line for line in said) == 5


def test_a_lock_that_was_let_go_can_be_taken_again_in_the_same_process(tmp_path: Path) -> None:
    for _ in range(2):
        with lock(tmp_path), pytest.raises(UserError, match=f"process {os.getpid()} on"), lock(tmp_path):
            pass
    assert (tmp_path / "lock").read_text() == ""


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory") as caught, lock(tmp_path / "gone"):
        pass
    assert str(tmp_path / "gone") in caught.value.where
