"""The command line in processes that need not import torch anew."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[[Sequence[object], Path], BaseProcess]]:
    """``start(arguments, log)``: the command line in a process of its own; what a test leaves running is killed."""
    spec = importlib.util.spec_from_file_location("forked", ROOT / "bench" / "forked.py")
    assert spec is not None and spec.loader is not None
    forked = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(forked)
    processes: list[BaseProcess] = []

    def begin(arguments: Sequence[object], log: Path) -> BaseProcess:
        processes.append(forked.start([str(argument) for argument in arguments], log))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.join()
        process.close()
