"""Whether this is a notebook, and a progress bar there: HTML that is drawn anew in its place, without a widget or a script."""

from __future__ import annotations

import time
from typing import Any

from markupsafe import escape

PAUSE = 0.2  # s between two drawings: each is a message to the browser


def in_notebook() -> bool:
    """Whether Python runs in Jupyter's kernel (also in VS Code, Colab and Databricks), where a cell shows HTML."""
    from rich.console import Console

    return Console().is_jupyter


class Bar:
    """A bar of ``total`` steps in a notebook's cell, with what is left of the time; ``end`` takes it away."""

    def __init__(self, what: str, total: int) -> None:
        from IPython.display import display

        self.what, self.total, self.done, self.note, self.ended = what, total, 0, "", False
        self.begun = self.drawn = time.monotonic()
        self.handle: Any = display(self, display_id=True)

    def advance(self, count: int = 1, note: str = "", total: int | None = None) -> None:
        """``count`` steps more are done, of ``total`` where that is another now."""
        self.done, self.note, self.total = self.done + count, note, self.total if total is None else total
        if time.monotonic() - self.drawn >= PAUSE:
            self._draw()

    def end(self) -> None:
        """Nothing is left of it in the cell."""
        self.ended = True
        self._draw()

    def _draw(self) -> None:
        self.drawn = time.monotonic()
        if self.handle is not None:  # None in a kernel that shows nothing
            self.handle.update(self)

    def __repr__(self) -> str:
        if self.ended:
            return ""
        gone = time.monotonic() - self.begun
        left = f", eta {gone / self.done * max(self.total - self.done, 0):.0f} s" if self.done else ""
        return f"{self.what} {self.done}/{self.total} {self.note}".rstrip() + f"  {gone:.0f} s{left}"

    def _repr_html_(self) -> str:
        if self.ended:
            return ""
        words, style = escape(repr(self)), "width: min(20rem, 60%); vertical-align: middle; accent-color: #17697d"
        return (
            f'<div><progress value="{self.done}" max="{max(self.total, 1)}" style="{style}"></progress> {words}</div>'
        )
