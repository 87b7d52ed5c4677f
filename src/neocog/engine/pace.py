"""What is decided on the way, by the clock: how many steps still fit in --minutes, and on how many threads.

The decisions stand in the counters, so that a run that goes on keeps them; the clock itself changes no number. The first of
several processes decides for all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import torch

from neocog.engine.learner import Learner
from neocog.engine.minutes import OFTEN, SPARE, Minutes
from neocog.engine.threads import PATIENCE, Steps, Threads, timed

PAUSE = 10.0  # s between two looks at the clock where the steps are given


@dataclass
class Pace:
    """The clock of one training."""

    minutes: Minutes = field(default_factory=Minutes)
    threads: Threads = field(default_factory=Threads)
    due: int = 0  # the step after which the clock is looked at

    def begin(self, loop: Steps, learner: Learner, spent: float = 0.0) -> None:
        """Decide before the first step, or take up what was decided. ``spent``: seconds of --minutes that are gone."""
        counters = learner.counters
        self.minutes.begin(max(counters.used, spent))
        self.threads.begin(loop, learner, self.patience)
        if not counters.steps:
            number = torch.get_num_threads()
            each = self.threads.usual or timed(loop, learner, [number], self.patience, self.minutes.clock)[number]
            counters.replan(max(1, int(loop.ranks.broadcast_text(str(self.minutes.fitting(each, loop.loader))))))
        self.minutes.look(counters.step)
        self.due = counters.step + 1

    @property
    def patience(self) -> float:
        """Seconds that a trial may take."""
        return min(PATIENCE, SPARE * self.minutes.budget or PATIENCE)

    def review(self, loop: Steps, learner: Learner) -> bool:
        """After a step: decide anew where it is time; whether anything has changed."""
        counters = learner.counters
        nothing_to_decide = not self.minutes.budget and self.threads.most == 1
        if nothing_to_decide or not self.due <= counters.step < counters.steps:
            return False
        before = counters.steps, counters.threads[-1:]
        steps, again, pause = json.loads(loop.ranks.broadcast_text(json.dumps(self._found(loop, learner))))
        self.due = counters.step + pause
        if again:
            self.threads.choose(loop, learner, self.patience)
        if steps != counters.steps:
            counters.replan(steps)
        return before != (counters.steps, counters.threads[-1:])

    def _found(self, loop: Steps, learner: Learner) -> tuple[int, bool, int]:
        """What this process's clock says: the steps in all, whether to try threads again, steps until the next look."""
        counters, budget = learner.counters, self.minutes.budget
        each = max(1e-6, self.minutes.look(counters.step))
        steps = counters.steps
        if budget:
            counters.used = self.minutes.gone
            steps = self.minutes.planned(counters.step, steps, each, loop.loader)
        return steps, self.threads.have_changed_pace(loop.times), max(1, int((OFTEN * budget or PAUSE) / each))
