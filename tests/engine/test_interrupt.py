"""Signals become a flag; the second one ends the process; what was there before comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from neocog.engine.interrupt import SIGNALS, Guard, Interrupted, guarded, leaving
from neocog.errors import CannotSave

CODES = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGUSR1, 138)]


@pytest.fixture(autouse=True)
def nothing_is_ignored() -> Iterator[None]:
    """Whoever starts these tests in the background or under nohup hands them signals that are ignored."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number, code", CODES)
def test_a_signal_is_a_flag_that_the_loop_can_read(tmp_path: Path, number: int, code: int) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with guarded() as guard:
        assert guard.signal is None
        os.kill(os.getpid(), number)
        assert guard.signal == number
        assert Interrupted(number, tmp_path).code == code
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_the_echo_of_a_signal_is_not_a_second_one() -> None:
    with guarded() as guard:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)  # a launcher passes on what the terminal sent already
        assert guard.signal == signal.SIGINT


def test_a_second_signal_ends_the_process_at_once() -> None:
    code = """
import os, signal
from neocog.engine import interrupt
with interrupt.guarded() as guard:
    os.kill(os.getpid(), signal.SIGTERM)
    guard.since -= 2 * interrupt.ECHO
    os.kill(os.getpid(), signal.SIGINT)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 130


def test_what_the_system_refuses_names_the_whole_run_that_can_go_on(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full") as refused, leaving() as guard:
        guard.saved = lambda: tmp_path
        raise OSError(28, "full", str(tmp_path / "baseline" / "metrics.csv"))
    assert refused.value.__notes__ == [f"then: neocog resume {tmp_path}"]
    with pytest.raises(CannotSave) as unsaved, leaving():
        raise CannotSave("full", "here", "free some space")
    assert unsaved.value.fix == "free some space, then: give the same command again: nothing had begun"


def test_a_signal_on_the_way_out_does_not_unsay_that_the_run_is_saved(tmp_path: Path) -> None:
    """Another process had been signalled first, and both have saved: this one's own signal comes later."""
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted, match="stopped by SIGTERM, and saved") as stop, leaving() as outer:
        outer.saved = lambda: tmp_path
        try:
            with guarded() as guard:
                assert guard.signal is None
                raise Interrupted(signal.SIGTERM, tmp_path)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
    assert stop.value.saved and [signal.getsignal(each) for each in SIGNALS] == before


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with guarded() as guard:
            os.kill(os.getpid(), signal.SIGHUP)
            assert guard.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_come_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), guarded():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) == before


def test_outside_the_main_thread_nothing_is_caught() -> None:
    before, guards = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with guarded() as guard:
            guards.append((guard, signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert guards == [(Guard(), before)]
