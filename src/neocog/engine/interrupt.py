"""Ctrl-C, a scheduler's SIGTERM and a closed terminal, turned into a flag that the loop looks at after each step."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from neocog.errors import UserError

SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
)  # SIGUSR1: SLURM says that the time is nearly over
ECHO = 1.0  # s: a terminal and a launcher may both pass on one and the same Ctrl-C


class Interrupted(Exception):
    """The run in ``folder`` was stopped by a signal, and is saved. ``code`` is the exit status: 143, 130, 129 or 138."""

    def __init__(self, number: int, folder: Path) -> None:
        name = signal.Signals(number).name
        super().__init__(f"stopped by {name}, and saved; go on with: neocog resume {shlex.quote(str(folder))}")
        self.signal = number
        self.code = 128 + number


class Abandoned(UserError):
    """Another of the run's processes is gone. This one has nothing to save, and leaves at once."""

    code = 2


@dataclass
class Guard:
    """``signal`` is the number of the first signal that came, or None."""

    signal: int | None = None
    since: float = 0.0  # when it came, monotonic s

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks, a second one (not its echo) ends the process at once."""
        if self.signal is None:
            self.signal, self.since = number, time.monotonic()
        elif time.monotonic() - self.since > ECHO:
            os._exit(128 + number)


@contextmanager
def guarded() -> Iterator[Guard]:
    """Catch the signals while the block runs, and give back the handlers that were there.

    A signal that was ignored (``nohup``) stays ignored. Outside the main thread, where Python allows no handlers, the
    guard never hears anything.
    """
    guard = Guard()
    if threading.current_thread() is not threading.main_thread():
        yield guard
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, guard.receive)
    try:
        yield guard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
