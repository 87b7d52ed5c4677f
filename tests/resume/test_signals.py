"""A signal at any moment of learning, validation included, is answered at once, saved, and leaves no trace in the result."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from neocog.config import Config, changed
from neocog.engine import checkpoint
from neocog.engine.interrupt import Interrupted
from neocog.engine.learner import Learner, learner, restore
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Session
from neocog.verbs.prepare import arrange, read

STEPS = 7  # two epochs of three batches and a part of the third


class Alarm:
    """A guard whose signal comes when it is looked at for the ``at``-th time."""

    def __init__(self, at: float = math.inf) -> None:
        self.at, self.looks = at, 0

    @property
    def signal(self) -> int | None:
        self.looks += 1
        return 15 if self.looks >= self.at else None


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    settings = {
        "data": "digits",
        "model": "cnn",
        "batch": 479,
        "epochs": 3,
        "threads": 1,
        "save_every": 1e6,
        "ema": 0.9,
    }
    options = {"widths": (4, 4), "hidden": 8, "dropout": 0.3}
    config = changed(Config(), {**settings, "options": options})
    found = arrange(config, read(config, Progress(quiet=True)), Ranks(), Progress(quiet=True))
    assert found.loader.batches.per_epoch == 3
    object.__setattr__(found.loader, "at_most", 100)  # so that a batch
    object.__setattr__(found.loader, "at_once", 100)  # and a validation come in several pieces
    yield found
    torch.set_num_threads(threads)


def learn(session: Session, folder: Path, alarm: Alarm) -> tuple[Learner, int, int]:
    """Go on in ``folder`` until the alarm or the end: what was learned, steps taken, times that the run was watched."""
    loop = Loop(
        session.objective,
        session.loader,
        session.config.training,
        choose("cpu", "fp32"),
        Ranks(),
        Run(folder),
        session.dataset,
    )
    mine = learner(session.objective, session.config.training, torch.device("cpu"))
    mine.counters.steps = STEPS
    saved = checkpoint.latest(folder / "checkpoints")
    if saved is not None:
        restore(mine, saved)
    watched: list[int] = []
    try:
        loop.train(mine, alarm, lambda counters, loss: watched.append(len(counters.rows)))  # type: ignore[arg-type]
    except Interrupted:
        assert alarm.looks <= alarm.at + 4, "it did not leave at once"
    return mine, len(loop.times), watched[-1] if watched else 0


def content(folder: Path) -> dict[str, bytes]:
    newest = max((folder / "checkpoints").glob("step-*"))
    return {path.name: path.read_bytes() for path in newest.iterdir()}


def test_a_signal_at_any_look_changes_nothing(session: Session, tmp_path: Path) -> None:
    (tmp_path / "whole" / "checkpoints").mkdir(parents=True)
    undisturbed = Alarm()
    learn(session, tmp_path / "whole", undisturbed)
    expected = content(tmp_path / "whole")
    rows = json.loads(expected["state.json"])["counters"]["rows"]
    assert [row["step"] for row in rows] == [3, 6, 7]
    assert undisturbed.looks >= STEPS + 2 * len(rows)
    for at in range(1, undisturbed.looks + 1):
        folder = tmp_path / f"{at}"
        (folder / "checkpoints").mkdir(parents=True)
        first, before, _ = learn(session, folder, Alarm(at))
        saved = checkpoint.latest(folder / "checkpoints")
        assert saved is not None and saved.step == before == first.counters.step, f"step lost at look {at}"
        _, after, shown = learn(session, folder, Alarm())
        assert before + after == STEPS
        assert content(folder) == expected, f"another result after look {at}"
        assert shown in (0, len(rows))  # metrics.csv is written when the run is watched


def test_signals_one_after_another_change_nothing(session: Session, tmp_path: Path) -> None:
    draw, stops = random.Random(1), 0
    for name in ("whole", "torn"):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
    learn(session, tmp_path / "whole", Alarm())
    while len(learn(session, tmp_path / "torn", Alarm(draw.randint(1, 6)))[0].counters.rows) < 3:
        stops += 1
    assert stops >= 3
    assert content(tmp_path / "torn") == content(tmp_path / "whole")
