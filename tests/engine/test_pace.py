"""Decisions by the clock, with clocks of their own: on how many threads, how many steps; noted, saved, and kept by who goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from neocog.config import TrainConfig
from neocog.data.batches import Batches
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.loader import Batch, Loader, Resident
from neocog.data.preprocessing import Preprocessing
from neocog.engine import checkpoint
from neocog.engine.counters import Counters
from neocog.engine.interrupt import Guard, Interrupted
from neocog.engine.learner import Learner, learner, restore
from neocog.engine.loop import Loop
from neocog.engine.minutes import Minutes
from neocog.engine.pace import Pace
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.engine.threads import ROUNDS, Threads, most_that_pay, timed
from neocog.run import Run
from neocog.tasks.classification.objective import Classification

SIDE, PER_EPOCH = 6, 8
PIXELS = np.random.default_rng(0).integers(0, 256, (96, 1, SIDE, SIDE), dtype=np.uint8)
LABELS = (PIXELS.mean((1, 2, 3)) > 127).astype(np.int64)
NAMES = [f"image-{i}" for i in range(len(PIXELS))]
DATASET = Dataset("test", None, NAMES, LABELS, ("dark", "light"), ArrayImages(PIXELS.transpose(0, 2, 3, 1), NAMES))
PREPROCESSING = Preprocessing(1, (SIDE, SIDE), "uint8", (128.0,), (60.0,))


class Clock:
    """Goes on only by what steps take: ``cost(moment, threads)`` seconds each."""

    def __init__(self, cost: Callable[[float, int], float]) -> None:
        self.now, self.cost = 0.0, cost

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Timed(Loop):
    """A loop whose steps take what the clock says, and whose rates are noted."""

    clock: Any = None
    rates: Any = None

    def step(self, learner: Learner, step: int, micro_batches: list[Batch]) -> float:
        loss = super().step(learner, step, micro_batches)
        self.clock.now += self.clock.cost(self.clock.now, torch.get_num_threads())
        self.rates.append((step, learner.optimizers["model"].param_groups[0]["lr"]))
        return loss


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Timed, Learner]]:
    """A training that is about to begin, or to go on where its newest checkpoint stands."""

    def begin(cost: Callable[[float, int], float], steps: int = 0, minutes: float = 0.0, most: int = 1,
              name: str = "run", small: float = 0.0, **settings: Any) -> tuple[Timed, Learner]:  # fmt: skip
        clock = Clock(cost)
        monkeypatch.setattr("neocog.engine.loop.time", SimpleNamespace(monotonic=clock))
        monkeypatch.setattr("neocog.engine.threads.SMALL", small)
        config = TrainConfig(batch=8, epochs=0 if minutes else 1, minutes=minutes, save_every=1e9, **settings)
        parts = {"train": np.arange(64), "validation": np.arange(64, 80), "test": np.arange(80, 96)}
        loader = Loader(
            store=Resident(PIXELS),
            targets=Resident(LABELS),
            weights=None,
            parts=parts,
            batches=Batches(64, 8, config.seed),
            preprocessing=PREPROCESSING,
            changes=None,
            device=torch.device("cpu"),
        )
        task = Classification(lambda: nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2)), DATASET.classes)
        pace = Pace(Minutes(60 * minutes, clock), Threads(most, clock))
        run = Run(tmp_path / name)
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        fresh = learner(task, config, loader.device)
        fresh.counters.steps = steps
        saved = checkpoint.latest(run.checkpoints)
        if saved is not None:
            restore(fresh, saved)
        precision = choose("cpu", "fp32")
        loop = Timed(task, loader, config, precision, Ranks(), run, DATASET, pace=pace, clock=clock, rates=[])
        pace.begin(loop, fresh)
        loop.rates.clear()  # those of a trial
        return loop, fresh

    return begin


def unwatched(_counters: Counters, _loss: float) -> None:
    pass


def saved_counters(loop: Loop) -> Counters:
    saved = checkpoint.latest(loop.run.checkpoints)
    assert saved is not None
    return Counters(**saved.state["counters"])


def weights(fresh: Learner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in fresh.nets["model"].parameters()])


def two_pay(_moment: float, threads: int) -> float:
    return 1.0 / threads


def test_a_small_step_takes_one_thread_without_a_trial(begun: Any) -> None:
    loop, fresh = begun(two_pay, steps=80, most=2, small=4e9)
    assert fresh.counters.threads == [[0, 1]] and torch.get_num_threads() == 1
    assert loop.pace.threads.most == 1, "nor is one made later"


@pytest.mark.parametrize("cost, chosen", [(two_pay, 2), (lambda _moment, threads: 1.0 * threads, 1)])
def test_larger_steps_take_the_threads_that_a_trial_found_quickest(begun: Any, cost: Any, chosen: int) -> None:
    loop, fresh = begun(cost, steps=80, most=2)
    assert fresh.counters.threads == [[0, chosen]] and torch.get_num_threads() == chosen
    assert loop.pace.threads.took == 2 * sum(cost(0.0, threads) for threads in (1, 2)), (
        "of which others keep ten times away"
    )
    loop.train(fresh, Guard(), unwatched)
    assert saved_counters(loop).threads == [[0, chosen]]


@pytest.mark.parametrize("second, rounds", [(0.5, 2), (2.0, 2), (0.8, ROUNDS)])
def test_a_trial_is_over_as_soon_as_its_word_is_clear(begun: Any, second: float, rounds: int) -> None:
    """Beside a neighbour a step on two threads can take ten times as long, so that each round counts."""
    taken: list[int] = []

    def cost(_moment: float, threads: int) -> float:
        taken.append(threads)
        return 1.0 if threads == 1 else second

    begun(cost, steps=80, most=2)
    assert taken == [1] + [1, 2] * rounds, "one step more is the count of operations"


def test_trials_take_at_most_a_tenth_of_the_time_between_them() -> None:
    threads = Threads(most=2, usual=1.0, took=8.0)
    assert not threads.have_changed_pace([3.0] * 26)
    assert threads.have_changed_pace([3.0] * 27)


def test_threads_that_hardly_pay_are_left_to_the_neighbour() -> None:
    assert most_that_pay({1: 1.0, 2: 0.9, 4: 0.89}) == 1
    assert most_that_pay({1: 1.0, 2: 0.6, 4: 0.3}) == 4


def test_given_threads_are_neither_tried_nor_changed(begun: Any) -> None:
    torch.set_num_threads(2)
    loop, fresh = begun(lambda _moment, threads: 1.0 * threads, steps=80, most=2, threads=2)
    loop.train(fresh, Guard(), unwatched)
    assert fresh.counters.threads == [] and torch.get_num_threads() == 2


def test_a_trial_touches_nothing_of_what_is_learned(begun: Any) -> None:
    loop, tried = begun(lambda _moment, threads: 1.0 * threads, steps=80, most=2, name="tried")
    loop.train(tried, Guard(), unwatched)
    torch.set_num_threads(1)
    loop, given = begun(two_pay, steps=80, threads=1, name="given")
    loop.train(given, Guard(), unwatched)
    assert torch.equal(weights(tried), weights(given))


def test_a_trial_is_repeated_where_a_neighbour_slows_the_steps_and_its_word_is_saved_at_once(begun: Any) -> None:
    def neighbour_from_100(moment: float, threads: int) -> float:
        return 1.0 / threads if moment < 100 else 2.0 * threads

    loop, fresh = begun(neighbour_from_100, steps=400, most=2)

    def killed(counters: Counters, _loss: float) -> None:
        if len(counters.threads) == 2 and counters.step > counters.threads[-1][0]:
            raise KeyboardInterrupt  # a step later

    with pytest.raises(KeyboardInterrupt):
        loop.train(fresh, Guard(), killed)
    assert [threads for _, threads in fresh.counters.threads] == [2, 1] and torch.get_num_threads() == 1
    kept = saved_counters(loop)
    assert kept.threads == fresh.counters.threads and kept.step == kept.threads[-1][0]


def test_a_run_that_goes_on_keeps_its_threads_whatever_a_trial_would_say(begun: Any) -> None:
    loop, first = begun(two_pay, steps=80, most=2)
    guard = Guard()
    with pytest.raises(Interrupted):
        loop.train(first, guard, lambda counters, _: setattr(guard, "signal", 15 if counters.step == 20 else None))
    torch.set_num_threads(1)
    loop, second = begun(lambda _moment, threads: 1.0 * threads, most=2)
    assert second.counters.threads == [[0, 2]] and torch.get_num_threads() == 2


def neighbour(first: float, last: float, times: float) -> Callable[[float, int], float]:
    """A step takes 0.1 s, and so many ``times`` as long between two moments."""
    return lambda moment, _threads: 0.1 * (times if first <= moment < last else 1.0)


@pytest.mark.parametrize("first, last, times", [(0, 0, 1), (20, 1e9, 3), (0, 30, 3), (20, 30, 5), (50, 1e9, 4)])
def test_minutes_hold_whenever_a_neighbour_comes_or_goes(begun: Any, first: float, last: float, times: float) -> None:
    loop, fresh = begun(neighbour(first, last, times), minutes=1.0, threads=1)
    loop.train(fresh, Guard(), unwatched)
    assert 60 * 0.85 <= loop.clock.now <= 60 * 1.0
    assert fresh.counters.step == fresh.counters.steps and fresh.counters.rows[-1]["step"] == fresh.counters.steps
    assert len(fresh.counters.plans) > 1 or times == 1
    assert saved_counters(loop) == fresh.counters


def test_the_rate_never_jumps_and_has_come_down_at_the_end_whatever_was_planned_on_the_way(begun: Any) -> None:
    loop, fresh = begun(neighbour(20, 1e9, 3), minutes=1.0, threads=1)
    loop.train(fresh, Guard(), unwatched)
    assert len(fresh.counters.plans) > 1
    steps, rates = zip(*loop.rates, strict=True)
    assert list(steps) == list(range(fresh.counters.steps))
    peak = loop.config.lr
    assert max(abs(a - b) for a, b in pairwise(rates)) < 0.1 * peak
    assert rates[-1] < 0.01 * peak


def test_a_run_of_minutes_that_goes_on_ends_in_the_same_bits(begun: Any) -> None:
    """The neighbour comes, the steps are planned anew, and only then it is stopped."""
    cost = neighbour(20, 1e9, 3)
    loop, whole = begun(cost, minutes=1.0, threads=1, name="whole")
    loop.train(whole, Guard(), unwatched)
    last_plan = whole.counters.plans[-1][0]
    assert last_plan < whole.counters.steps - 10
    loop, first = begun(cost, minutes=1.0, threads=1)
    guard = Guard()
    with pytest.raises(Interrupted):
        at = last_plan + 5
        loop.train(first, guard, lambda counters, _: setattr(guard, "signal", 15 if counters.step == at else None))
    loop, second = begun(lambda _moment, _threads: 0.3, minutes=1.0, threads=1)
    assert second.counters.plans == whole.counters.plans
    loop.train(second, Guard(), unwatched)
    assert second.counters.plans == whole.counters.plans and torch.equal(weights(second), weights(whole))


def test_what_earlier_stages_took_is_no_longer_there(begun: Any) -> None:
    loop, fresh = begun(neighbour(0, 0, 1), minutes=1.0, threads=1)
    whole, fresh.counters.steps = fresh.counters.steps, 0
    loop.pace.begin(loop, fresh, spent=30.0)
    assert 0.4 * whole < fresh.counters.steps < 0.5 * whole


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


def test_ranks_that_are_not_alike_quick_end_a_trial_after_the_same_step(begun: Any) -> None:
    loop, fresh = begun(neighbour(0, 0, 1), steps=80)
    meeting, taken = Meeting(), [0, 0]

    def trial(rank: int) -> dict[int, float]:
        clock = Clock(lambda _moment, _threads: 0.0)

        def step(*_: object) -> None:
            taken[rank] += 1
            clock.now += 1.0 + 5.0 * rank

        ranks = SimpleNamespace(any=lambda number: meeting.any(rank, number), rank=rank)
        one = SimpleNamespace(loader=loop.loader, config=loop.config, ranks=ranks, step=step)
        return timed(cast(Any, one), fresh, [1], patience=10.0, clock=clock)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(trial, range(2))) == [{1: 1.0}, {1: 6.0}]
    assert taken[0] == taken[1] == 2
