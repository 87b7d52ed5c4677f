"""``--minutes`` with several ranks: each times its first steps by a clock of its own, and all must stop after the same one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace
from typing import Any, cast

from neocog.verbs.fit import affordable


class Meeting:
    """Two ranks of one process, whose largest number is told to both."""

    def __init__(self) -> None:
        self.numbers, self.barrier = [0, 0], Barrier(2, timeout=30)

    def any(self, rank: int, number: int) -> int:
        self.numbers[rank] = number
        self.barrier.wait()
        largest = max(self.numbers)
        self.barrier.wait()
        return largest


def test_ranks_that_are_not_alike_quick_time_the_same_number_of_steps() -> None:
    meeting, seconds, steps = Meeting(), (0.0, 0.002), [0, 0]

    def timed(rank: int) -> int:
        def step(*_: object) -> None:
            steps[rank] += 1
            time.sleep(seconds[rank])

        def training(*_: object) -> Iterator[tuple[int, None]]:
            while True:
                yield 0, None

        feed = SimpleNamespace(training=training, parts={"train": range(100), "validation": range(10)})
        ranks = SimpleNamespace(any=lambda number: meeting.any(rank, number))
        loop = SimpleNamespace(config=SimpleNamespace(minutes=0.005), feed=feed, ranks=ranks, step=step)
        return affordable(cast(Any, loop), cast(Any, SimpleNamespace(counters=SimpleNamespace(steps=0))))

    with ThreadPoolExecutor(2) as pool:
        assert all(found >= 1 for found in pool.map(timed, range(2)))
    assert steps[0] == steps[1] >= 3
