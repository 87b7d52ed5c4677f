"""neocog's own loop as ``neocog train`` runs it, without its validation and its checkpoints: for benches that time its steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from neocog.config import Config, configured
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.progress import Progress
from neocog.run import Run
from neocog.verbs.fit import ready
from neocog.verbs.prepare import arrange, read


def steps(settings: Mapping[str, Any], most: int = 10**6, base: Config | None = None) -> Iterator[int]:
    """Learn with these settings, over those of ``base``: after each of ``most`` steps, how many images it took."""
    config, progress = configured(base or Config(), settings), Progress(quiet=True)
    session = arrange(config, read(config, progress), Ranks(), progress)
    fresh, training = ready(session, Ranks()), session.config.training
    fresh.counters.steps = most
    with tempfile.TemporaryDirectory() as folder:
        precision = choose("cpu", training.precision)
        loop = Loop(session.objective, session.loader, training, precision, Ranks(), Run(Path(folder)), session.dataset)
        for step, pieces in session.loader.training(0, most):
            loop.step(fresh, step, pieces)
            yield training.batch


def images_per_second(settings: Mapping[str, Any], count: int) -> float:
    """Over ``count`` steps, after five that do not count."""
    learning = steps(settings, count + 5)
    for _ in islice(learning, 5):
        started = time.perf_counter()
    return sum(learning) / (time.perf_counter() - started)
