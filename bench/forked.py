"""The command line in processes that start in a tenth of a second: forked from one that has imported torch already."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before torch and NumPy: a process with threads cannot be forked

if TYPE_CHECKING:
    ARGUMENTS: Sequence[str] = ()
    LOG = ""
    DISTURBED: Mapping[str, Any] = {}


def start(arguments: Sequence[str], log: Path, **disturbed: Any) -> ForkServerProcess:
    """``neocog ARGUMENTS`` in a process of its own; what it prints goes to ``log``. ``exitcode`` is as in a shell.

    ``disturbed``: the arguments of ``disk_calls.disturb``, if there is to be a disturbance.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", "torchvision", "sklearn.datasets", "neocog.cli.main", "neocog.verbs.train"]
    )
    given = {
        "ARGUMENTS": [str(argument) for argument in arguments],
        "LOG": str(log),
        "DISTURBED": disturbed,
    }
    process = context.Process(target=runpy.run_path, args=(__file__, given, "child"))
    process.start()
    return process


def child() -> None:
    """The forked process: streams into the log, signals as a shell gives them, then the command line."""
    handle = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(handle, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    from neocog.cli.main import main

    if DISTURBED:
        runpy.run_path(str(Path(__file__).with_name("disk_calls.py")))["disturb"](**DISTURBED)
    sys.argv = ["neocog", *ARGUMENTS]
    main(ARGUMENTS)


if __name__ == "child":
    child()
