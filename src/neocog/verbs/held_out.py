"""What networks that had not seen a run's samples say of them: those of its folds, or of the halves of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from neocog.data.split import read_splits
from neocog.predictor import load_predictor
from neocog.run import Run
from neocog.tasks.evaluation import Advance, Samples
from neocog.tasks.task import Session


def held_out(runs: Sequence[Run], session: Session, advance: Advance) -> Any:
    """The task's answers of each of ``runs`` on its test part as on one, from the pixels that ``session`` has."""
    loader, found = session.loader, []
    for run in runs:
        samples = Samples(session.dataset, tested(run, session), loader.store, session.config.data.split_seed)
        found.append(session.task.answers(load_predictor(run, loader.device), samples, advance))
    return joined(found)


def tested(run: Run, session: Session) -> Any:
    """(n,) positions of a run's test part."""
    return np.flatnonzero(read_splits(run.splits_csv).parts_of(session.dataset) == "test")


def joined(answers: Sequence[Any]) -> Any:
    """A task's answers on several parts as on one: arrays end to end."""
    first = answers[0]
    arrays = [field.name for field in fields(first) if isinstance(getattr(first, field.name), np.ndarray)]
    return replace(first, **{name: np.concatenate([getattr(one, name) for one in answers]) for name in arrays})
