"""What is shown and written while a network learns: the bar, a line an epoch, metrics.csv, TensorBoard."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neocog.data.cells import csv_of
from neocog.engine.counters import Counters
from neocog.engine.loop import Loop
from neocog.errors import UserError, install
from neocog.progress import Progress
from neocog.run import Run, write_atomically

MOST_CLASSES = 100


def watcher(
    loop: Loop,
    progress: Progress,
    advance: Callable[..., None],
    after_epoch: Callable[[], Sequence[str]] = tuple,
    tell: Callable[[Mapping[str, float]], object] = lambda row: None,
) -> Callable[[Counters, float], None]:
    """What is shown after each step: the bar, a line an epoch, metrics.csv and TensorBoard.

    ``after_epoch`` is called by the writer when an epoch has ended, before it is saved: what it writes is complete in
    every checkpoint, and its lines are said. Then ``tell`` gets the epoch's row.
    """
    writer = tensorboard(loop.run.folder) if loop.config.tensorboard and loop.ranks.is_writer else None
    clock = {"rows": -1, "last": time.monotonic(), "step": -1}

    def watch(counters: Counters, loss: float) -> None:
        now = time.monotonic()
        speed = loop.config.batch / max(1e-9, now - clock["last"])
        clock["last"] = now
        advance(1, note=f"loss {loss:.3f}  {speed:,.0f} images/s", total=counters.steps)
        if counters.threads and counters.threads[-1][0] == counters.step:
            progress.say(f"  the time of a step has changed: threads from here on: {counters.threads[-1][1]}")
        if counters.epochs and clock["rows"] != len(counters.rows):  # a probe is told where it is solved for
            clock["rows"] = len(counters.rows)
            row = counters.rows[-1]
            parts = [
                f"{name.replace('_', ' ')} {value:.4f}"
                for name, value in row.items()
                if name.startswith(("train", "valid"))
            ]
            progress.say(f"epoch {int(row['epoch'])}: " + ", ".join(parts))
            if loop.ranks.is_writer:
                write_confusion(loop)
                write_metrics(loop.run, counters.rows)
                if row["step"] == counters.step:
                    for line in after_epoch():
                        progress.say(f"  {line}", "yellow")
                    tell(row)
            if writer is not None:
                for name, value in row.items():
                    writer.add_scalar(name, value, int(row["epoch"]))
                writer.flush()

    return watch


def tensorboard(folder: Path) -> Any:
    """A TensorBoard writer in the run folder."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("--tensorboard needs the package tensorboard", fix=install("tensorboard")) from None
    return SummaryWriter(folder / "tensorboard")


def write_confusion(loop: Loop) -> None:
    """confusion.csv: how often the newest validation took each class (a row) for which (a column); of few classes alone."""
    counts, classes = loop.validated.get("confusion"), loop.dataset.classes
    if counts is not None and counts.shape == (len(classes), len(classes)) and len(classes) <= MOST_CLASSES:
        rows = ([name, *map(int, row)] for name, row in zip(classes, counts.tolist(), strict=True))
        write_atomically(loop.run.confusion_csv, csv_of(["label", *classes], rows))


def write_metrics(run: Run, rows: Sequence[dict[str, float]]) -> None:
    """metrics.csv: one row an epoch, whole or not at all. No times in it, so that a resumed run writes the same bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(run.metrics_csv, text.getvalue())
