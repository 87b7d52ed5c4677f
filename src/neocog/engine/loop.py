"""THE loop: how anything is learned. It knows no task by name, draws nothing, and can be killed at any moment.

Randomness is a function of (seed, epoch, sample) or (seed, step, rank), so a checkpoint is networks, optimizers and counters.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from neocog.config import TrainConfig
from neocog.data.dataset import Dataset
from neocog.data.loader import Batch, Loader
from neocog.engine import checkpoint
from neocog.engine.counters import Counters
from neocog.engine.groups import Groups
from neocog.engine.interrupt import Guard, Interrupted
from neocog.engine.learner import Learner, State, clone
from neocog.engine.optimizer_state import optimizer_tensors
from neocog.engine.pace import Pace
from neocog.engine.precision import Precision
from neocog.engine.progressive import shown
from neocog.engine.ranks import Ranks
from neocog.engine.save_clock import SaveClock
from neocog.engine.schedule import rate
from neocog.engine.seed import seed_step
from neocog.engine.update import NonFinite, apply_update, average_weights, check_finite, look_back
from neocog.errors import CannotSave, NotFinite, listed
from neocog.run import Run
from neocog.tasks.objective import Objective

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loop:
    """What stays the same from the first step to the last."""

    objective: Objective
    loader: Loader
    config: TrainConfig
    precision: Precision
    ranks: Ranks
    run: Run
    dataset: Dataset
    identity: str = ""  # of the run, in every checkpoint
    pace: Pace = field(default_factory=Pace)
    groups: Groups | None = None  # of which the worst counts most
    only_the_end: bool = False  # is held against the beginning, and kept if it is better
    times: list[float] = field(default_factory=list)  # seconds of each step of this process
    failures: list[CannotSave] = field(default_factory=list)  # saves that failed since the last good one
    validated: dict[str, Tensor] = field(default_factory=dict)  # the sums of the newest validation

    def train(self, learner: Learner, guard: Guard, watch: Callable[[Counters, float], None]) -> None:
        """Learn until the last step, a signal or patience ends it. The run folder then holds the newest checkpoint.

        ``watch`` is called after each step with the counters and the step's loss.
        """
        counters, clock = learner.counters, SaveClock(self.config.save_every)
        if counters.step == 0:
            self.save(learner)
        if self.owes_row(counters):  # a signal had come while it was validating
            self.after_step(learner, guard, watch, clock, counters.loss / counters.seen)
        while counters.step < counters.steps and not counters.stopped:
            self.go_on(learner, guard, watch, clock)

    def go_on(self, learner: Learner, guard: Guard, watch: Callable[[Counters, float], None], clock: SaveClock) -> None:
        """Learn as far as is planned now."""
        counters = learner.counters
        planned, begun = counters.steps, time.monotonic()
        for step, micro_batches in self.loader.training(counters.step, planned):
            seed_step(self.config.seed, step, self.ranks.rank)
            loss = self.step(learner, step, micro_batches)
            counters.step, counters.loss, counters.seen = (
                step + 1,
                counters.loss + loss * micro_batches[0].total,
                counters.seen + micro_batches[0].total,
            )
            self.times.append(time.monotonic() - begun)
            self.after_step(learner, guard, watch, clock, loss)
            if counters.stopped or counters.steps != planned:
                break
            begun = time.monotonic()

    def after_step(
        self, learner: Learner, guard: Guard, watch: Callable[[Counters, float], None], clock: SaveClock, loss: float
    ) -> None:
        """Close the epoch where it ends, save where it is time, and leave where a signal asks for it."""
        counters = learner.counters
        if self.owes_row(counters):
            self.end_epoch(learner, guard)
        decided = self.pace.review(self, learner)
        if decided and self.owes_row(counters):  # the time is over in the middle of an epoch
            self.end_epoch(learner, guard)
        watch(counters, loss)
        signal = self.ranks.any(guard.signal or 0)
        over = counters.stopped or counters.step == counters.steps
        kept = counters.step in self.steps_to_keep(counters)
        if signal or decided or over or kept or (clock.due and self.ranks.is_writer):
            with clock.saving():
                self.save(learner)
        if signal:
            self.ranks.barrier()  # a rank that left sooner would have the launcher end the one that still saves
            raise Interrupted(signal, self.run.folder)

    def owes_row(self, counters: Counters) -> bool:
        """Whether an epoch has come to its end and is not in metrics.csv yet."""
        per_epoch = self.loader.batches.per_epoch
        ended = counters.step % per_epoch == 0 or counters.step == counters.steps
        return ended and counters.epochs < math.ceil(counters.step / per_epoch)

    def steps_to_keep(self, counters: Counters) -> range:
        """The steps so far whose checkpoints stay with --keep-checkpoints N: at most N, evenly spread from step 0 on.

        Every epoch's at first; as soon as these are too many every second one's, then every fourth one's, and so on.
        """
        if self.config.keep_checkpoints == 0:
            return range(0)
        apart = self.loader.batches.per_epoch
        while counters.step // apart >= self.config.keep_checkpoints:
            apart *= 2
        return range(0, counters.step + 1, apart)

    def step(self, learner: Learner, step: int, micro_batches: list[Batch]) -> float:
        """One update of every network on one batch; the mean loss over all ranks."""
        passed, whole = learner.counters.place(step)
        lr = rate(step if self.config.schedule == "exponential" else passed, whole, self.config)
        progress, start = passed / whole, self.config.start_size
        micro_batches = [
            replace(micro_batch, progress=progress, inputs=shown(micro_batch.inputs, start, progress))
            for micro_batch in micro_batches
        ]
        if self.groups is not None:
            learner.counters.groups = learner.counters.groups or self.groups.even
            micro_batches = [self.groups.weighted(each, learner.counters.groups) for each in micro_batches]
        totals: dict[str, float] = {}
        learner.learns()
        turns = [self.objective.losses(learner.nets, micro_batch) for micro_batch in micro_batches]
        while True:  # a turn: all micro-batches for one network, whose update the next turn builds upon
            for place, (micro_batch, losses) in enumerate(zip(micro_batches, turns, strict=True)):
                with self.precision.learning(self.loader.device):
                    name, loss = next(losses, ("", None))
                if loss is None:
                    self.regroup(learner.counters, micro_batches)
                    return sum(totals.values())
                optimizer = learner.optimizers[name]
                if place == 0:
                    optimizer.zero_grad(set_to_none=True)
                part = loss * (
                    len(micro_batch) / micro_batch.total
                )  # the micro-batches of all ranks add up to the batch's mean
                value = self.checked(self.ranks.sum(float(part.detach())), step, micro_batches)
                part.backward()  # type: ignore[no-untyped-call]
                totals[name] = totals.get(name, 0.0) + value
                if place == len(micro_batches) - 1:
                    self.update(learner, name, lr, step, micro_batches)

    def regroup(self, counters: Counters, micro_batches: list[Batch]) -> None:
        """Count the groups that this step's batch showed to be learned worse more in the next."""
        if self.groups is not None:
            sums = self.ranks.sum_tensor(self.groups.sums(micro_batches))
            counters.groups = self.groups.after(counters.groups, sums)

    def update(self, learner: Learner, name: str, lr: float, step: int, micro_batches: list[Batch]) -> None:
        net = learner.nets[name]
        self.ranks.sum_gradients(net.parameters())
        with self.finite(step, micro_batches, "training stopped before the weights were touched"):
            apply_update(net, learner.optimizers[name], self.config, lr)
        if self.config.ema:
            average_weights(learner.ema[name], net, self.config.ema, step)
        every = self.config.lookahead
        if every and ((step + 1) % every == 0 or step + 1 == learner.counters.steps):
            look_back(learner.ema[name], net, every, micro_batches[0].progress)
        with self.finite(step, micro_batches, "training stopped, nothing of it is saved"):
            evaluated = learner.evaluated[
                name
            ]  # what is not finite in the network has just come into its running mean too
            check_finite((*evaluated.parameters(), *evaluated.buffers()), "weights or their running means are")

    def end_epoch(self, learner: Learner, guard: Guard) -> None:
        """Validate, write the epoch's row, keep the best weights, and stop where patience is over.

        A signal ends it without a row; the run that is resumed begins with it.
        """
        counters = learner.counters
        with self.pace.minutes.validating():
            validation = self.measured(learner.evaluated, "validation", guard)
        if validation is None:
            return
        epoch = math.ceil(counters.step / self.loader.batches.per_epoch)
        row = {"epoch": epoch, "step": counters.step, "train_loss": counters.loss / counters.seen}
        row["lr"] = 0.0 if epoch == 0 else learner.optimizers[next(iter(learner.optimizers))].param_groups[0]["lr"]
        row |= {f"validation_{name}": value for name, value in validation.items()}
        counters.rows.append(row)
        counters.loss, counters.seen = 0.0, 0
        first = next(iter(validation.values()), float(epoch)) if self.objective.chooses else float(epoch)
        if counters.best is None or first > counters.best:
            counters.improved_epoch = epoch
        if self.keeps(counters, first):
            counters.best, counters.best_epoch = first, epoch
            learner.best = {name: clone(net.state_dict()) for name, net in learner.evaluated.items()}
        waited = 0 < self.config.patience <= epoch - counters.improved_epoch
        counters.stopped = waited or self.objective.is_over(counters.best or first, first)

    def keeps(self, counters: Counters, measure: float) -> bool:
        """Whether these weights are the best so far. Of equals the later ones are: they have settled.

        Where only the end is held against the beginning, which is no choice among many, it must be better.
        """
        if counters.best is None:
            return True
        return (
            measure > counters.best and counters.step == counters.steps
            if self.only_the_end
            else measure >= counters.best
        )

    @torch.no_grad()
    def measured(self, nets: Mapping[str, Module], part: str, guard: Guard) -> dict[str, float] | None:
        """The task's measures on a part: sums over the samples of all ranks, ratios taken once. None after a signal."""
        if len(self.loader.parts[part]) == 0:
            return {}
        for net in nets.values():
            net.eval()
        totals: dict[str, Tensor] = {}
        for batch in self.loader.evaluation(part):
            if guard.signal:
                break
            with self.precision.evaluating(self.loader.device):
                tally = self.objective.tally(nets, batch)
            totals = {name: totals[name] + value if totals else value for name, value in tally.items()}
        if self.ranks.any(guard.signal or 0):
            return None
        summed = self.ranks.sum_tally(totals)
        if part == "validation":
            self.validated.update(summed)
        return self.objective.measures(summed)

    def checked(self, value: float, step: int, micro_batches: list[Batch]) -> float:
        with self.finite(step, micro_batches, "training stopped before the weights were touched"):
            if not math.isfinite(value):
                raise NonFinite(f"the loss is {value}")
        return value

    @contextmanager
    def finite(self, step: int, micro_batches: list[Batch], then: str) -> Iterator[None]:
        """A NonFinite as the user's error: in which step, with which samples, and what was done ``then``."""
        try:
            yield
        except NonFinite as fault:
            names = [self.dataset.names[index] for micro_batch in micro_batches for index in micro_batch.samples]
            where = f"{self.dataset.form} {listed(names)}" if names else str(self.run.folder)
            fix = "lower --lr, add --clip 1, or look at these samples with `neocog audit`"
            kept = checkpoint.kept(self.run.checkpoints)
            raise NotFinite(f"{fault} in step {step}: {then}{kept}", where, fix) from None

    def save(self, learner: Learner) -> None:
        """Write a checkpoint (one rank does). A disk that is full for a while is borne; the third failure in a row is not."""
        if not self.ranks.is_writer:
            return
        try:
            self.write(learner)
            self.failures.clear()
        except CannotSave as failure:
            self.failures.append(failure)
            log.warning("%s: going on without this checkpoint", failure.what)
            if len(self.failures) == 3 or learner.counters.step in (0, learner.counters.steps):
                raise

    def write(self, learner: Learner) -> None:
        tensors: dict[str, State] = {}
        states: dict[str, Any] = {}
        for name, net in learner.nets.items():
            tensors[name] = net.state_dict()
            tensors[f"optimizer.{name}"], states[name] = optimizer_tensors(learner.optimizers[name])
        tensors |= {f"mean.{name}": net.state_dict() for name, net in learner.ema.items()}
        tensors |= {f"best.{name}": state for name, state in learner.best.items()}
        with self.finite(learner.counters.step, [], "it is not saved"):
            for name, group in tensors.items():
                check_finite(group.values(), f"numbers of {name} are")
        state = {"counters": asdict(learner.counters), "optimizers": states, "best": sorted(learner.best)}
        stay = self.steps_to_keep(learner.counters)
        checkpoint.save(self.run.checkpoints, learner.counters.step, tensors, state, self.identity, stay)
