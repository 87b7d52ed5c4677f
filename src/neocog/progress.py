"""What people see while a verb works: lines and progress bars with an ETA, on stderr. Standard output is for results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich import progress as bars
from rich.console import Console
from rich.markup import escape

from neocog.errors import printable
from neocog.notebook import Bar


def stderr() -> Console:
    """A console on stderr that never fails on a strange character."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Progress:
    """Lines and bars; nothing at all where ``quiet`` (``--quiet``, or a process that is not the writer)."""

    quiet: bool = False
    console: Console = field(default_factory=stderr)

    def say(self, text: str, style: str = "") -> None:
        """One line of plain text (no markup in it is interpreted)."""
        if not self.quiet:
            self.console.print("\n".join(map(printable, text.split("\n"))), style=style, markup=False)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[..., None]]:
        """Yield ``advance(count=1, note="")``. Drawn on a terminal, and in a notebook's cell."""
        if not self.quiet and self.console.is_jupyter:
            drawn = Bar(what, total)
            try:
                yield drawn.advance
            finally:
                drawn.end()
            return
        if self.quiet or not self.console.is_terminal:
            yield lambda *_args, **_kwargs: None
            return
        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[note]}"),
            bars.TimeElapsedColumn(),
            bars.TextColumn("eta"),
            bars.TimeRemainingColumn(),
        )
        with bars.Progress(*columns, console=self.console, transient=True) as drawing:
            task = drawing.add_task(escape(what), total=total, note="")

            def advance(count: int = 1, note: str = "", total: int | None = None) -> None:
                drawing.update(task, advance=count, note=escape(note), total=total)

            yield advance
