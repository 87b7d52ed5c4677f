"""How many steps fit in --minutes, by their pace of late: a neighbour that comes or goes is taken into account."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neocog.data.loader import Loader

OFF = 0.03  # of the minutes, by which the end may be off before the steps are planned anew
SPARE = 0.05  # of the minutes, for the report and whatever else no step tells beforehand
FORWARD = 2.5  # times as long as its way forward takes a step
OFTEN = 0.01  # of the minutes between two looks at the clock
LOOKS = 10  # of late, over which the pace is taken


@dataclass
class Minutes:
    """The time of one training. Seconds; ``budget`` 0: its steps are given, and the clock tells their pace alone."""

    budget: float = 0.0
    clock: Callable[[], float] = time.monotonic
    used: float = 0.0  # before ``begun``
    begun: float = 0.0
    validation_seconds: float = 0.0  # of the last validation
    validating_seconds: float = 0.0  # of all validations since ``begun``
    looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=LOOKS + 1))  # (seconds of steps, step)

    def begin(self, used: float) -> None:
        """Start the clock where ``used`` of the budget is gone."""
        self.begun, self.used = self.clock(), used

    @property
    def gone(self) -> float:
        """How much of the budget is used."""
        return self.used + self.clock() - self.begun

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Around each validation, which is no part of a step."""
        begun = self.clock()
        yield
        self.validation_seconds = self.clock() - begun
        self.validating_seconds += self.validation_seconds

    def look(self, step: int) -> float:
        """Note that ``step`` steps are done; seconds of each of late, saving and reading included, 0 at first."""
        now = self.clock() - self.begun - self.validating_seconds
        self.looks.append((now, step))
        before, first = self.looks[0]
        return (now - before) / (step - first) if step > first else 0.0

    def planned(self, step: int, steps: int, each: float, loader: Loader) -> int:
        """The number of steps that there are to be: ``steps``, unless it is too far off at ``each`` seconds a step."""
        fitting = step + self.fitting(each, loader)
        return fitting if abs(fitting - steps) * each > OFF * self.budget else steps

    def fitting(self, each: float, loader: Loader) -> int:
        """How many steps of ``each`` seconds still fit, with their validations and the evaluation at the end."""
        validation, test = len(loader.parts["validation"]), len(loader.parts["test"])
        sample = (
            self.validation_seconds / validation
            if self.validation_seconds and validation
            else each / loader.batches.batch / FORWARD
        )
        left = (1 - SPARE) * self.budget - self.gone - sample * (validation + test)
        return max(0, int(left / (each + sample * validation / loader.batches.per_epoch)))
