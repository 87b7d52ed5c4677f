"""On how many threads a step is fastest on this machine, now.

OpenMP's threads spin where they wait for each other, at each layer: where a neighbour holds a core, two threads can be slower
than one. Small steps gain so little that they take one thread everywhere, and their numbers are the same everywhere too. Larger
ones take as many as a trial says; what it says is recorded, as sums in other parts round otherwise.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Protocol

import torch
from torch.utils.flop_counter import FlopCounterMode

from neocog.config import TrainConfig
from neocog.data.loader import Batch, Loader
from neocog.engine.learner import Learner
from neocog.engine.ranks import Ranks
from neocog.engine.seed import seed_step

SMALL = 4e9  # operations of a step; as many as a core does in about a tenth of a second
FEW = 40  # steps that are over before a trial would pay
PAYS = 0.87  # of the time on half as many threads that more of them must need at most
ROUNDS = 4  # in which every number of threads has its turn; the first does not count
PATIENCE = 10.0  # s that a trial may take, after two rounds
CHANGED = 1.5  # times as slow, or as quick, as when the threads were chosen: they are tried again
RECENT = 20  # steps whose median is compared with that
RARELY = 10  # times as long as a trial takes lie between two trials
CLEARLY = 0.7  # of the time on half as many threads, or all of it: one round tells as much as three


class Steps(Protocol):
    """The loop, as it is seen by those who time its steps."""

    @property
    def config(self) -> TrainConfig: ...
    @property
    def loader(self) -> Loader: ...
    @property
    def ranks(self) -> Ranks: ...
    @property
    def times(self) -> Sequence[float]: ...
    def step(self, learner: Learner, step: int, micro_batches: list[Batch]) -> float: ...


@dataclass
class Threads:
    """The threads of one training. ``most`` 1: nothing is to be chosen, since they are given or one is enough."""

    most: int = 1
    clock: Callable[[], float] = time.monotonic
    usual: float = 0.0  # seconds of a step when they were chosen; 0: not known yet
    since: int = 0  # steps of this process before that
    took: float = 0.0  # seconds of that trial

    def begin(self, loop: Steps, learner: Learner, patience: float = PATIENCE) -> None:
        """Choose before the first step, or take up what was chosen before."""
        counters = learner.counters
        if loop.config.threads:
            self.most = 1
            return
        if self.most > 1 and (0 < counters.steps - counters.step < FEW or is_small(loop, learner)):
            self.most = 1
        if counters.threads:
            torch.set_num_threads(counters.threads[-1][1])
        else:
            self.choose(loop, learner, patience)

    def choose(self, loop: Steps, learner: Learner, patience: float = PATIENCE) -> None:
        """Choose the number of threads from this step on, and note it. The first of several processes decides for all."""
        counters, chosen = learner.counters, 1
        if self.most > 1:
            begun = self.clock()
            seconds = timed(loop, learner, numbers(self.most), patience, self.clock)
            self.took = self.clock() - begun
            chosen = int(loop.ranks.broadcast_text(str(most_that_pay(seconds))))
            self.usual = seconds[chosen]
        torch.set_num_threads(chosen)
        if not counters.threads or counters.threads[-1][1] != chosen:
            counters.threads.append([counters.step, chosen])
        self.since = len(loop.times)

    def have_changed_pace(self, times: Sequence[float]) -> bool:
        """Whether steps take other times than when the threads were chosen. ``times``: seconds of each step of this process."""
        later = times[self.since :]
        if self.most == 1 or len(later) < RECENT or sum(later) < RARELY * self.took:
            return False
        now = median(times[-RECENT:])
        self.usual = self.usual or now
        return not 1 / CHANGED < now / self.usual < CHANGED


def numbers(most: int) -> list[int]:
    """The numbers of threads that are tried: 1, 2, 4 … and ``most``.

    >>> numbers(6)
    [1, 2, 4, 6]
    """
    return sorted({*(2**k for k in range(most.bit_length()) if 2**k <= most), most})


def most_that_pay(seconds: dict[int, float]) -> int:
    """The number of threads to take, from the seconds of a step on each: more only where each doubling pays.

    >>> most_that_pay({1: 1.0, 2: 0.6, 4: 0.59})
    2
    """
    taken, *others = sorted(seconds)
    for number in others:
        if seconds[number] <= PAYS * seconds[taken]:
            taken = number
    return taken


def is_small(loop: Steps, learner: Learner) -> bool:
    """Whether a step has so little to do that it takes one thread: counted, not timed, so the same everywhere."""
    torch.set_num_threads(1)
    with FlopCounterMode(display=False) as counter:
        trial_steps(loop, learner, [1], lambda _: True)
    return loop.ranks.broadcast_text(str(counter.get_total_flops() < SMALL)) == "True"


def timed(
    loop: Steps,
    learner: Learner,
    tried: Sequence[int],
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
) -> dict[int, float]:
    """Seconds of a step of a copy of the learner on each number of threads, in turn: medians, of one process each."""
    begun = clock()
    moments = [begun]

    def over(done: int) -> bool:
        moments.append(clock())
        if done % len(tried) or done < 2 * len(tried):  # no whole rounds
            return False
        enough = moments[-1] - begun > patience or is_clear(durations(moments, len(tried)))
        return bool(loop.ranks.any(enough))  # clocks differ, and no rank may go on alone

    trial_steps(loop, learner, list(tried) * ROUNDS, over)
    return dict(zip(tried, durations(moments, len(tried)), strict=True))


def durations(moments: Sequence[float], tried: int) -> list[float]:
    """Median seconds of a step of each of those that are ``tried`` in turn; the first round does not count."""
    took = [after - before for before, after in pairwise(moments)][tried:]
    return [median(took[place::tried]) for place in range(tried)] if took else []


def is_clear(seconds: Sequence[float]) -> bool:
    """Whether each doubling of the threads either pays well or not at all, so that nothing is left to be told.

    >>> is_clear([1.0, 0.6]), is_clear([1.0, 2.5]), is_clear([1.0, 0.85])
    (True, True, False)
    """
    return len(seconds) > 1 and all(not CLEARLY < more / fewer < 1 for fewer, more in pairwise(seconds))


def trial_steps(loop: Steps, learner: Learner, threads: Sequence[int], over: Callable[[int], bool]) -> None:
    """Take a step of a copy of the learner on each of ``threads`` in turn, until it is ``over`` after so many."""
    trial = copy.deepcopy(learner)
    first = trial.counters.step
    trial.counters.steps = trial.counters.steps or first + len(threads)
    for step, micro_batches in loop.loader.training(first, first + len(threads)):
        torch.set_num_threads(threads[step - first])
        seed_step(loop.config.seed, step, loop.ranks.rank)
        loop.step(trial, step, micro_batches)
        if over(step - first + 1):
            break
