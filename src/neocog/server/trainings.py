"""Trainings that the page starts: each is the ordinary ``neocog train`` in a process of its own, seen through its run folder alone.

So it goes on where the page, or the studio, is closed; another studio on the same folder shows it too; and what was stopped
goes on by ``neocog resume``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neocog.documents import read_json, read_rows
from neocog.engine.lock import holder
from neocog.errors import UserError
from neocog.networks.names import MODELS
from neocog.run import Run
from neocog.typed import typed

PATIENCE = 1.5  # s that trainings have to be saved after Ctrl-C; a longer step ends by itself
MOST_OUTPUT = 1 << 20  # bytes of standard output that are looked at
MOST_SEEN = 200  # places in a training by which its pace is told


@dataclass(frozen=True)
class Wanted:
    """What the page asks for. ``data``: the place of one that was offered."""

    data: int
    model: str = "auto"
    epochs: int = 0
    minutes: float = 0.0
    threads: int = 0
    seed: int = 0
    size: int = 0  # pixels a side as the network sees them; 0: as the data have them


@dataclass
class Training:
    """One run that is not complete, or was when it was first seen."""

    run: Run
    process: subprocess.Popen[bytes] | None = None  # where this studio began it
    output: int = -1  # a file with its standard output, which nobody else has
    ended_by: dict[str, str] | None = None
    seen: list[tuple[float, int]] = field(default_factory=list)  # (time, step) of this stretch

    @property
    def works(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int | None:
        """Of the process that trains it, on this machine."""
        if self.process is not None and self.process.poll() is None:
            return self.process.pid
        named = re.fullmatch(r"process (\d+) on (.*)", holder(self.run.folder))
        return int(named[1]) if named and named[2] == socket.gethostname() else None

    def fault(self) -> dict[str, str] | None:
        """What ended it, as --json tells it; None where that was a signal, or nothing."""
        if self.process is None or self.process.poll() in (None, 0):
            return None
        if self.output >= 0:
            content = os.pread(self.output, MOST_OUTPUT, 0)
            os.close(self.output)
            self.output, self.ended_by = -1, fault_in(content, self.process.returncode)
        return self.ended_by


def fault_in(output: bytes, code: int) -> dict[str, str] | None:
    """The fault in a command's JSON; None where a signal ended it."""
    try:
        found: dict[str, str] = json.loads(output)["error"]
    except (ValueError, KeyError, TypeError):
        if code < 0:
            return None
        fix = "what stands in the studio's terminal says more"
        return {"what": f"the training ended with code {code}", "where": "", "fix": fix}
    return None if found.get("kind") == "interrupted" else found


class Trainings:
    """The trainings below one folder. ``offered``: data that the page may choose from, by their places; no path comes from it."""

    def __init__(self, folder: Path, offered: Sequence[str] = ()) -> None:
        from neocog.data.readers.named import NAMES

        self.folder, self.offered = folder, list(dict.fromkeys([*offered, *NAMES]))
        self.all: list[Training] = []
        self._one_at_a_time = threading.Lock()

    def start(self, header: Mapping[str, Any]) -> int:
        """Begin a training; its place among them. Raises UserError."""
        wanted: Wanted = typed(Wanted, dict(header), "the message")
        if not 0 <= wanted.data < len(self.offered) or wanted.model not in models():
            raise UserError("there are no such data, or no such network", "the message", "load the page again")
        data = self.offered[wanted.data]
        words = ["train", data, "--model", wanted.model, *settings_of(wanted)]
        with self._one_at_a_time:
            out = self.unused(data, wanted.model)
            made = Training(Run(out))
            begin(made, [*words, "--out", str(out)])
            self.all.append(made)
            return len(self.all) - 1

    def unused(self, data: str, model: str) -> Path:
        """A folder that no run has, and no training that is about to begin."""
        stem = re.sub(r"[^\w.-]", "-", Path(data).name.split(".")[0]) or "data"
        taken = {each.run.folder for each in self.all}
        out, number = self.folder / f"{stem}-{model}", 2
        while out.exists() or out in taken:
            out, number = self.folder / f"{stem}-{model}-{number}", number + 1
        return out

    def at(self, place: int) -> Training:
        if not 0 <= place < len(self.all):
            raise UserError("this studio has no such training", fix="load the page again")
        return self.all[place]

    def stop(self, place: int) -> None:
        """Have it saved and ended. Raises UserError."""
        pid = self.at(place).pid
        if pid is None:
            raise UserError("nothing trains this run now", str(self.at(place).run.folder))
        os.kill(pid, signal.SIGTERM)

    def resume(self, place: int) -> None:
        """Go on with it. Raises UserError."""
        found = self.at(place)
        with self._one_at_a_time:
            if found.works or holder(found.run.folder):
                raise UserError("this run is being trained already", str(found.run.folder))
            found.seen.clear()
            begin(found, ["resume", str(found.run.folder)])

    def find(self, runs: Sequence[Run]) -> None:
        """Take in runs that others began."""
        with self._one_at_a_time:
            known = {each.run.folder.resolve() for each in self.all}
            self.all += [Training(run) for run in runs if run.folder.resolve() not in known]

    def stop_all(self) -> None:
        """Have those that this studio began saved and ended, without waiting."""
        for each in self.all:
            if each.works and each.process is not None:
                with suppress(OSError):
                    each.process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> list[Training]:
        """Those that go on past ``until`` (monotonic s)."""
        while time.monotonic() < until and any(each.works for each in self.all):
            time.sleep(0.02)
        return [each for each in self.all if each.works]


def models() -> list[str]:
    """Networks that are offered, the usual one of data and task first."""
    return ["auto", *MODELS.names()]


def settings_of(wanted: Wanted) -> Iterator[str]:
    """The flags of a training. Raises UserError for what is no length of one."""
    least = min(wanted.epochs, wanted.minutes, wanted.threads, wanted.size)
    if bool(wanted.epochs) == bool(wanted.minutes) or least < 0:
        raise UserError("give epochs or minutes, above 0", "the message", "10 epochs, or 5 minutes")
    yield from ("--epochs", str(wanted.epochs)) if wanted.epochs else ("--minutes", f"{wanted.minutes:g}")
    if wanted.size:
        yield from ("--size", str(wanted.size))
    if wanted.threads:
        yield from ("--threads", str(wanted.threads))
    if wanted.seed:
        yield from ("--seed", str(wanted.seed))


def begin(training: Training, words: Sequence[str]) -> None:
    """Run the command in a session of its own, so that no Ctrl-C and no closed terminal reaches it but through ``stop_all``."""
    output, name = tempfile.mkstemp()
    Path(name).unlink()
    training.output, training.ended_by = output, None
    training.process = subprocess.Popen(  # noqa: S603  our own command; data and network are of those that were offered
        [sys.executable, "-m", "neocog", *words, "--json", "--quiet"],
        stdin=subprocess.DEVNULL,
        stdout=output,
        start_new_session=True,
    )


def status_of(training: Training) -> dict[str, Any]:
    """How a training stands, as its folder shows it."""
    run = training.run
    counters, settings = newest_counters(run), asked_of(run)
    rows = metrics(run)
    step, steps = int(counters.get("step", 0)), int(counters.get("steps", 0))
    if rows:
        step = max(step, int(rows[-1].get("step", 0)))
    state = state_of(training, bool(steps) and step >= steps)
    if state == "training" and (not training.seen or training.seen[-1][1] != step):
        training.seen = [*training.seen, (time.monotonic(), step)][-MOST_SEEN:]
    return {
        "name": run.folder.name,
        "state": state,
        "data": settings.get("data", ""),
        "model": settings.get("model", ""),
        "command": command_of(run),
        "step": step,
        "steps": steps,
        "epoch": step / max(1, int(counters.get("per_epoch", 0)) or 1) if counters else 0,
        "rows": rows,
        "left": left(training.seen, steps) if state == "training" else None,
        "error": training.fault(),
    }


def state_of(training: Training, learned: bool) -> str:
    """starting, training, ending (what it learned is evaluated), done, stopped, or failed."""
    run = training.run
    if run.result.is_file() and run.report.is_file():
        return "done"
    if training.works or holder(run.folder):
        return "starting" if not run.plan.is_file() else "ending" if learned else "training"
    return "stopped" if run.plan.is_file() and training.fault() is None else "failed"


def left(seen: Sequence[tuple[float, int]], steps: int) -> float | None:
    """Seconds that it goes on by the pace that was seen, from two places in it on."""
    if len(seen) < 2 or seen[-1][1] <= seen[0][1]:
        return None
    (begun, first), (now, last) = seen[0], seen[-1]
    return max(0.0, (now - begun) / (last - first) * (steps - last) - (time.monotonic() - now))


def newest_counters(run: Run) -> Mapping[str, Any]:
    """Of the newest checkpoint; {} where there is none, or it is just being replaced."""
    for folder in sorted(run.checkpoints.glob("step-*"), reverse=True):
        with suppress(OSError, UserError, KeyError):
            counters: Mapping[str, Any] = read_json(folder / "state.json")["counters"]
            return counters
    return {}


def metrics(run: Run) -> list[dict[str, float]]:
    """The rows of metrics.csv as numbers."""
    with suppress(OSError, UserError, ValueError):
        head, *rows = read_rows(run.metrics_csv)
        return [{name: float(cell) for name, cell in zip(head, row, strict=True) if cell} for row in rows]
    return []


def asked_of(run: Run) -> dict[str, str]:
    """The data and the network of a run that has begun."""
    with suppress(OSError, UserError, KeyError, TypeError):
        settings = read_json(run.plan)["settings"]
        return {"data": str(settings["data"]["data"]), "model": str(settings["model"]["model"])}
    return {}


def command_of(run: Run) -> str:
    """The command in a shell that trains the same."""
    with suppress(OSError, UserError, KeyError, TypeError):
        words = [str(word) for word in read_json(run.plan)["command"]]
        return shlex.join(word for word in words if word not in ("--json", "--quiet"))
    return ""


def confusion(run: Run) -> tuple[list[str], list[list[int]]]:
    """The classes, and how often the newest validation took each (a row) for which; ([], []) where there is nothing."""
    from neocog.data.cells import plain_cell

    with suppress(OSError, UserError, ValueError):
        head, *rows = read_rows(run.confusion_csv)
        return [plain_cell(name) for name in head[1:]], [[int(cell) for cell in row[1:]] for row in rows]
    return [], []
