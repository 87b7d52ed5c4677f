"""Ctrl-C, a scheduler's SIGTERM and a closed terminal: for the loop a flag that it looks at, elsewhere an exception."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from neocog.errors import CannotSave, Changed, UserError
from neocog.notebook import in_notebook

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)  # the last: SLURM, when time is nearly over
CALLER = 1000  # above all signals: whoever called ``train`` from Python has asked for the end
ECHO = 1.0  # s: a terminal and a launcher may both pass on one and the same Ctrl-C


class Stop(Exception):
    """What ``after_epoch`` of ``neocog.train`` raises to end a training: it is saved, and ``Interrupted`` has code 4."""


class Interrupted(Exception):
    """The run in ``folder`` was stopped, by a signal or its caller; None: nothing had begun. ``saved``: as it stood just then;
    else it goes on from what was saved before.

    ``code`` is the exit status: 143, 130, 129 or 138; 4 by its caller.
    """

    def __init__(self, number: int, folder: Path | None = None, saved: bool = True) -> None:
        super().__init__(number, folder, saved)
        self.signal, self.folder, self.saved = number, folder, saved
        self.code = 4 if number == CALLER else 128 + number

    def __str__(self) -> str:
        by = "its caller" if self.signal == CALLER else signal.Signals(self.signal).name
        if self.folder is None:
            return f"stopped by {by}; nothing was written"
        return f"stopped by {by}{', and saved' * self.saved}; go on with: {self.command}"

    @property
    def command(self) -> str:
        """What goes on with the run; "" where none had begun."""
        return going_on(self.folder)

    @property
    def facts(self) -> list[dict[str, str]]:
        """What --json prints of it, as of a UserError."""
        kind = "stopped" if self.signal == CALLER else "interrupted"
        return [{"what": str(self), "where": str(self.folder or ""), "fix": self.command, "kind": kind}]


def going_on(folder: Path | None) -> str:
    """The command that goes on with the run in ``folder``; "" where there is none."""
    return "" if folder is None else f"neocog resume {shlex.quote(str(folder))}"


class Abandoned(UserError):
    """Another of the run's processes is gone. This one has nothing to save, and leaves at once."""

    kind = "abandoned"


@dataclass
class Guard:
    """``signal`` is the number of the first signal that came, or None."""

    signal: int | None = None
    since: float = 0.0  # when it came, monotonic s

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks, a second one (not its echo) ends the process at once; in a notebook only the cell, as the
        kernel has more to lose than this run."""
        if self.signal is None:
            self.signal, self.since = number, time.monotonic()
        elif time.monotonic() - self.since > ECHO:
            if number == signal.SIGINT and in_notebook():
                raise KeyboardInterrupt
            os._exit(128 + number)


@dataclass
class Leaving(Guard):
    """``saved`` gives the folder of the run, if it has begun and can go on."""

    saved: Callable[[], Path | None] = lambda: None

    @property
    def onwards(self) -> str:
        """What goes on with the run, once the system gives what it has refused."""
        return going_on(self.saved()) or "give the same command again: nothing had begun"

    def receive(self, number: int, frame: FrameType | None) -> None:
        """The first signal raises Interrupted wherever the process is: whole files are all that is ever written."""
        first = self.signal is None
        super().receive(number, frame)
        if first:
            raise Interrupted(number, saved=False)


@contextmanager
def guarded() -> Iterator[Guard]:
    """Signals are a flag while the block runs: what it does is finished in its own time.

    Where Interrupted ends it, they stay one until ``leaving`` ends: of several processes that stop together, one may be told by
    another before its own signal comes, which must not interrupt the way out.
    """
    guard = Guard()
    with _receiving(guard.receive, until_left=True):
        yield guard


@contextmanager
def leaving() -> Iterator[Leaving]:
    """Signals end the block with Interrupted, which names the run that can go on, whatever part of it was at work.

    So does what the system refuses: an OSError has it as a note; a checkpoint that cannot be saved, and a file that has changed,
    in its fix.
    """
    guard = Leaving()
    try:
        with _receiving(guard.receive):
            yield guard
    except Interrupted as stop:
        stop.folder = guard.saved()
        raise
    except (CannotSave, Changed) as failure:
        failure.fix += f", then: {guard.onwards}"
        raise
    except OSError as refusal:
        refusal.add_note(f"then: {guard.onwards}")
        raise


@contextmanager
def _receiving(receive: Callable[[int, FrameType | None], None], until_left: bool = False) -> Iterator[None]:
    """Catch the signals while the block runs, and give back the handlers that were there (``until_left``: not after Interrupted).

    A signal that was ignored (``nohup``) stays ignored. Outside the main thread, where Python allows no handlers, nothing
    is ever heard.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, receive)
    left = False
    try:
        yield
    except Interrupted:
        left = until_left
        raise
    finally:
        for number, handler in () if left else before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
