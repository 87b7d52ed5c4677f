"""One training on every sample: nothing validates and nothing is tested, for callers that measure in a way of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neocog.config import Config, configured
from neocog.data.readers.memory import given
from neocog.data.split import Manifest
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.engine.ranks import Ranks
from neocog.predictor import Predictor, load_predictor
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Session
from neocog.verbs.finish import kept
from neocog.verbs.fit import fit, ready
from neocog.verbs.plan import Launch
from neocog.verbs.prepare import arrange, read
from neocog.verbs.transfer import compares


def train_on_all(source: Any, folder: Path, settings: dict[str, Any], quiet: bool = True) -> Predictor:
    """The network of ``source`` (a path, or data in memory), trained in an empty ``folder``. Raises UserError."""
    progress, ranks, run = Progress(quiet), Ranks(), Run(folder)
    with given(source) as name:
        config = configured(Config(), {**settings, "data": str(name)})
        data = read(config, progress, ranks)
        every = Manifest.of(data.dataset, np.where(data.kept, "train", ""))
        if compares(config, data):  # what is left to compare is measured elsewhere
            config = replace(config, transfer=replace(config.transfer, tune="head"))
        session = arrange(config, data, ranks, progress, None, every)

        def finish(session: Session, learner: Learner, loop: Loop, progress: Progress, seconds: float) -> None:
            kept(session, learner, loop)({})

        fit(session, ready(session, ranks), run, Launch(ranks, progress, []), finish=finish)
    return load_predictor(run)
