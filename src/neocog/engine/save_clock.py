"""When a checkpoint is due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class SaveClock:
    """When to save: every ``pause`` seconds, more rarely where saving would cost over 2 % of the time; 0: always."""

    pause: float
    last: float = field(default_factory=time.monotonic)
    took: float = 0.0

    @property
    def due(self) -> bool:
        return self.pause == 0 or time.monotonic() - self.last >= max(self.pause, 50 * self.took)

    @contextmanager
    def saving(self) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.last = time.monotonic()
        self.took = self.last - started
