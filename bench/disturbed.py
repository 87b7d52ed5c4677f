"""A run that is disturbed and gone on with, held against the one that was left alone, file by file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from forked import start
from kinds import TIMED, words

LONGEST = 300.0  # s that any one process may take
# What tells of times and of the machine's free memory, in report.html and sections.json
PASSING = re.compile(
    rb"\s*<div><dt>(training time|images per second)</dt><dd>[^<]*</dd></div>|memory\.(available|usable)[^0-9]{1,40}[0-9]+"
)
CLOCKED = ("seconds", "images_per_second")  # of result.json; a run that went on after its last step knows no speed


def fingerprint(run: Path) -> dict[str, str]:
    """SHA-256 of every file of a run, those of its stages included, less the times it took and what the machine was like.

    Of the checkpoints only the newest one of each training counts, as others depend on when the run was stopped.
    """
    return {str(path.relative_to(run)): hashlib.sha256(_lasting(path)).hexdigest() for path in _files(run)}


def _files(run: Path) -> Iterator[Path]:
    for path in sorted(run.iterdir()):
        if path.name == "checkpoints":
            yield from max(path.glob("step-?????????"), default=path).iterdir()
        elif path.is_dir():
            yield from _files(path)
        elif path.name != "lock":
            yield path


def _lasting(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name == "result.json":
        result = json.loads(content)
        return json.dumps({name: value for name, value in result.items() if name not in CLOCKED}).encode()
    if path.name == "environment.json":
        facts = json.loads(content)
        return json.dumps([facts.get(name) for name in ("versions", "command", "fold", "processes")]).encode()
    return PASSING.sub(b"", content) if path.name in ("report.html", "sections.json") else content


@dataclass
class Trial:
    """One kind of run in a folder of its own. Every trial is made at the same place, as paths stand in the files."""

    kind: str
    folder: Path
    more: list[str] = field(default_factory=list)  # words of the command beside the kind's own
    go_on: bool = False  # by the same command with --go-on, instead of resume
    expected: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.command = [*words(self.kind, self.folder, self.more), "--out", str(self.run)]

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def begun(self) -> bool:
        """Whether there is a run that can go on."""
        return any((self.run / name).is_file() for name in ("plan.json", "config.toml"))

    def clean(self) -> None:
        shutil.rmtree(self.run, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def undisturbed(self) -> None:
        """Learn once without a disturbance: what all others must come to, and how long that takes."""
        for _ in range(2):  # the first time also warms what is forked
            self.clean()
            begun = time.monotonic()
            code = left(self.train())
            if code != 0:
                raise SystemExit(f"{self.kind}: exit code {code} without a disturbance:\n{self.log.read_text()}")
            self.seconds = time.monotonic() - begun
        self.expected = {} if self.kind in TIMED else fingerprint(self.run)

    def calls(self) -> list[str]:
        """The calls by which an undisturbed run changes its folder, in their order."""
        self.clean()
        written = self.folder / "calls"
        written.unlink(missing_ok=True)
        left(self.train(calls=str(written)))
        return written.read_text(errors="surrogateescape").splitlines()

    def train(self, **disturbed: Any) -> ForkServerProcess:
        """The command that begins the run, disturbed in its folder where anything is given."""
        if disturbed:
            disturbed["folder"] = str(self.run)
        return start([*self.command, *["--go-on"] * self.go_on], self.log, **disturbed)

    def onwards(self, **disturbed: Any) -> ForkServerProcess:
        """The command that goes on with the run; the one that begins it, where there is none yet."""
        if self.go_on or not self.begun:
            return self.train(**disturbed)
        if disturbed:
            disturbed["folder"] = str(self.run)
        return start(["resume", str(self.run), "--quiet"], self.log, **disturbed)

    def fault(self) -> str:
        """Go on to the end; "" where that gives the bytes of the undisturbed run and leaves nothing behind."""
        code = left(self.onwards())
        if code != 0:
            return f"exit code {code}: {self.log.read_text()[-600:]}"
        found = fingerprint(self.run) if self.expected else {}
        differing = sorted(
            name for name in self.expected.keys() | found.keys() if self.expected.get(name) != found.get(name)
        )
        rest = [str(path.relative_to(self.run)) for path in self.run.rglob("*") if is_rest(path)]
        return "; ".join(
            [f"differs: {', '.join(differing)}"] * bool(differing) + [f"left behind: {', '.join(rest)}"] * bool(rest)
        )

    def told(self, action: str, code: int | None) -> str:
        """What is wrong with how a process left that ``action`` (see ``disk_calls.disturb``) had met, if anything."""
        text = self.log.read_text() if self.log.is_file() else ""
        if "Traceback" in text:
            return f"traceback: {text[-500:]}"
        if code == 0:
            return ""  # it came when all was done, or a save that failed was made good
        if action == "SIGKILL":
            return "" if code == -signal.SIGKILL else f"exit code {code}: {text[-500:]}"
        if action.startswith("SIG"):
            wanted = 128 + signal.Signals[action]
            if code == 128 - wanted and not self.run.exists():
                return ""  # the command line had not been read yet
            if self.begun:
                good = f"; go on with: neocog resume {self.run}\n" in text and f"stopped by {action}" in text
            else:
                good = "; nothing was written" in text and not self.run.exists()
        else:
            wanted, why = 2, os.strerror(getattr(errno, action))
            good = all(word in text for word in (why, str(self.folder), "fix:"))
        if code != wanted or not good:
            return f"exit code {code}{'' if self.begun else ', nothing begun'}: {text[-500:] or 'no message'}"
        return ""


def is_rest(path: Path) -> bool:
    """Whether a killed process left this and nobody took it away."""
    return path.name.startswith(".") or path.name.endswith(".replaced")


def left(process: ForkServerProcess) -> int | None:
    """The exit code of a process that ends by itself; None for one that had to be killed for that."""
    process.join(LONGEST)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
    process.close()
    return code
