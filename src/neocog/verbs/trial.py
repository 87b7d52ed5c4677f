"""What a trial of ``--tune auto`` decided (``halves.py`` makes it), as ``trial.json`` records it, and what rests on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from neocog.documents import expected, parse_json, read_text
from neocog.run import Run, to_json
from neocog.tasks.evaluation import Advance
from neocog.tasks.task import Session
from neocog.typed import typed
from neocog.verbs.held_out import held_out

HALVES = (1, 2)


@dataclass(frozen=True)
class Trial:
    """What is done after the probe: ``tune`` (head: nothing), and ``why``, in words. Of n ``samples`` tuning answered ``better``
    and ``worse`` than the probe on so many; 0 where it was not tried."""

    tune: Literal["all", "head"]
    why: str
    samples: int = 0
    better: int = 0
    worse: int = 0

    def to_json(self) -> str:
        return to_json(asdict(self))

    def lines(self) -> Iterator[str]:
        """What the report says of it."""
        if not self.samples:
            yield f"{self.why}."
            return
        yield f"Trial on two halves of the training part: {self.why}."
        if self.tune == "all":
            yield "There is no validation part: calibration uses the predictions that each half's network made for the other."


def trial_file(run: Run) -> Path:
    return run.folder / "trial.json"


def stage_name(half: int, tune: str) -> str:
    """Of the folder of what was trained on a half."""
    return f"trial-{half}-{tune}"


def tried(run: Run, tune: str) -> list[Run]:
    """The runs on the two halves."""
    return [Run(run.folder / stage_name(half, tune)) for half in HALVES]


def read_trial(run: Run) -> Trial | None:
    """What was decided in a run, if a trial did. Raises UserError where the file is damaged."""
    file = trial_file(run)
    return parse_trial(read_text(file), file) if file.is_file() else None


def parse_trial(text: str, file: Path) -> Trial:
    """Raises UserError."""
    with expected(file, "remove it: the trial is evaluated again"):
        found: Trial = typed(Trial, parse_json(text, file), "trial")
    return found


def answered(run: Run, trial: Trial, session: Session, advance: Advance) -> Any:
    """What the networks of the kind that was kept say of the half that each had not seen; None where none was tried."""
    return held_out(tried(run, trial.tune), session, advance) if trial.samples else None
