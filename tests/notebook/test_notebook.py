"""Bars and the stop button, without a kernel."""

from __future__ import annotations

import os
import signal
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from neocog.engine import interrupt
from neocog.engine.interrupt import Interrupted, guarded
from neocog.notebook import Bar
from neocog.progress import Progress
from neocog.results import Results, returned, stopped


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that a cell was told to show, in its order."""
    shown: list[str] = []
    handle = types.SimpleNamespace(update=lambda bar: shown.append(bar._repr_html_()))

    def display(bar: Any, display_id: bool = False) -> Any:
        handle.update(bar)
        return handle

    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    return shown


def test_a_screen_in_a_notebook_draws_its_bar_and_takes_it_away(cell: list[str]) -> None:
    with pytest.raises(KeyError), Progress(console=Console(force_jupyter=True)).bar("<train>", 4) as advance:
        assert 'value="0" max="4"' in cell[0] and "&lt;train&gt;" in cell[0]
        advance(1, "loss <b>")
        raise KeyError
    assert cell[-1] == ""


def test_a_quiet_screen_draws_none(cell: list[str]) -> None:
    with Progress(quiet=True, console=Console(force_jupyter=True)).bar("train", 4) as advance:
        advance(1)
    assert cell == []


def test_a_bar_tells_how_far_it_is_and_does_not_flood_the_browser(cell: list[str]) -> None:
    bar = Bar("train", 1000)
    for _ in range(500):
        bar.advance(1, note="<loss> 0.5", total=2000)
    assert len(cell) < 100
    assert 'value="500" max="2000"' in bar._repr_html_() and "&lt;loss&gt; 0.5" in bar._repr_html_()
    assert "500/2000" in repr(bar) and "eta" in repr(bar)


def test_a_second_press_of_the_stop_button_ends_the_cell_and_not_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupt, "in_notebook", lambda: True)
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail("the kernel was ended"))
    with pytest.raises(KeyboardInterrupt), guarded() as guard:
        os.kill(os.getpid(), signal.SIGINT)
        guard.since -= 2 * interrupt.ECHO
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("number", "folder", "notebook", "comes_back"),
    [
        (signal.SIGINT, Path("r"), True, True),
        (signal.SIGINT, Path("r"), False, False),  # a script is to end
        (signal.SIGTERM, Path("r"), True, False),  # somebody ends the kernel
        (signal.SIGINT, None, True, False),  # nothing had begun
        (interrupt.CALLER, Path("r"), True, False),  # neocog.Stop says so itself
    ],
)
def test_only_the_stop_button_of_a_notebook_returns_the_run(
    number: int, folder: Path | None, notebook: bool, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopped, "in_notebook", lambda: notebook)

    @returned
    def train() -> Results:
        raise Interrupted(number, folder)

    if comes_back:
        assert train() == Results(Path("r"))
    else:
        with pytest.raises(Interrupted):
            train()
