"""What comes of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["scored", "refused", "crashed", "time", "memory", "disk", "answers"]


@dataclass(frozen=True)
class Result:
    """``answers``: of each held-out sample what its kind keeps of an answer, one after the other; () unless scored."""

    name: str
    attempt: int
    sha256: str  # of the entry
    status: Status
    reason: str
    seconds: float
    answers: tuple[float, ...]
    losses: tuple[float, ...]  # of training, an epoch each
    accuracies: tuple[float, ...]  # of the entry's own validation part, or what its kind has instead

    def rows(self, samples: int) -> NDArray[np.float64]:
        """(n, w) the answers."""
        return np.array(self.answers, np.float64).reshape(samples, -1)


class Failed(Exception):
    """An attempt that has no answers, with its status and the reason."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
