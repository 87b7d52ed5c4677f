"""Adversarial training: another objective, learned from images that were changed so that its loss grows.

One step from a random start is enough (Wong, Rice & Kolter 2020, "Fast is better than free") until the network learns to
answer that one step alone; then its robust measure falls within an epoch, and what was best before is kept. Changes are made
in stored pixels, through the run's own preprocessing, while the network is as it will be evaluated, so that nothing of them
comes into the running means of batch norm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F

from neocog.attacks.ball import Ball
from neocog.config import TrainConfig
from neocog.config.training import Adversary
from neocog.data.loader import Batch, Loader
from neocog.data.normalise import from_unit_range, in_unit_range, normalise
from neocog.data.preprocessing import Preprocessing
from neocog.records import Section
from neocog.tasks.objective import Objective

STEPS: dict[Adversary, int] = {"fast": 1, "pgd": 7, "trades": 10}
LENGTH = {1: 1.25}  # of all steps together, in radii: Wong's; of several 2.5, as PGD has it
AGREEMENT = 6.0  # weight of the divergence against the loss: TRADES'
VALIDATED, VALIDATED_STEPS = (
    1000,
    10,
)  # validation samples, evenly chosen, that are attacked at the end of an epoch, and how long
COLLAPSE = 0.2  # fall of the robust measure, to less than half, that ends the training

Loss = Callable[[Tensor], Tensor]  # of the network's inputs (B, …), one number


@final
@dataclass(frozen=True)
class Adversarial(Objective):
    """``inner`` on images that differ by at most ``radius`` of the range; its measure under attack chooses the best epoch.

    ``validated``: positions of the validation samples that are attacked.
    """

    inner: Objective
    preprocessing: Preprocessing
    radius: float
    adversary: Adversary
    seed: int
    validated: NDArray[np.int64]

    def networks(self) -> dict[str, Module]:
        return self.inner.networks()

    def losses(self, nets: Mapping[str, Module], batch: Batch) -> Iterator[tuple[str, Tensor]]:
        if self.adversary != "trades":
            yield from self.inner.losses(nets, self.attacked(nets, batch, STEPS[self.adversary]))
            return
        with evaluating(nets):  # with gradients: autocast would keep weights without for the steps below
            shares = nets["model"](batch.inputs).float().softmax(1).detach()
        changed = self.changed(
            nets, batch, STEPS["trades"], lambda inputs: divergence(nets["model"](inputs).float(), shares).sum()
        )
        for name, loss in self.inner.losses(nets, batch):
            answers, others = (nets[name](inputs).float() for inputs in (batch.inputs, changed.inputs))
            yield name, loss + AGREEMENT * batch.mean(divergence(others, answers.softmax(1)))

    def attacked(self, nets: Mapping[str, Module], batch: Batch, steps: int) -> Batch:
        """The batch as the inner loss suffers most from it."""

        def loss(inputs: Tensor) -> Tensor:
            return sum((each for _, each in self.inner.losses(nets, replace(batch, inputs=inputs))), torch.zeros(()))

        return self.changed(nets, batch, steps, loss)

    def changed(self, nets: Mapping[str, Module], batch: Batch, steps: int, loss: Loss) -> Batch:
        """The batch with images changed within the radius, along the gradient of ``loss``, from a random start."""
        assert batch.pixels is not None
        ball, clean = Ball("linf", self.radius), in_unit_range(batch.pixels, self.preprocessing)
        at = ball.anywhere(clean, self.seed, batch.samples.tolist(), batch.epoch)
        length = LENGTH.get(steps, 2.5) * self.radius / steps
        with evaluating(nets), torch.enable_grad():
            for _ in range(steps):
                at.requires_grad_()
                (gradient,) = torch.autograd.grad(loss(self.inputs(at, batch)), at)
                at = ball.project(at.detach() + length * gradient.sign(), clean)
        return replace(batch, inputs=self.inputs(at, batch))

    def inputs(self, images: Tensor, batch: Batch) -> Tensor:
        """Images in [0, 1] as the network takes them."""
        return normalise(from_unit_range(images, self.preprocessing), self.preprocessing, batch.stored)

    def predict(self, nets: Mapping[str, Module], inputs: Tensor) -> Tensor:
        return self.inner.predict(nets, inputs)

    def tally(self, nets: Mapping[str, Module], batch: Batch) -> dict[str, Tensor]:
        """The inner one's, and the same under attack ("robust_…") of the samples that are attacked."""
        totals = self.inner.tally(nets, batch)
        some = part(batch, np.isin(batch.samples, self.validated))
        robust = {name: torch.zeros_like(value) for name, value in totals.items()}
        if len(some):
            robust = self.inner.tally(nets, self.attacked(nets, some, VALIDATED_STEPS))
        return {**totals, **{f"robust_{name}": value for name, value in robust.items()}}

    def measures(self, totals: Mapping[str, Tensor]) -> dict[str, float]:
        """The first one under attack, then all without."""
        clean = {name: value for name, value in totals.items() if not name.startswith("robust_")}
        first, value = next(iter(self.inner.measures({name: totals[f"robust_{name}"] for name in clean}).items()))
        return {f"robust_{first}": value, **self.inner.measures(clean)}

    def is_over(self, best: float, measure: float) -> bool:
        return self.adversary == "fast" and measure < min(best - COLLAPSE, best / 2)

    def sections(self, classes: Sequence[str], totals: Mapping[str, Tensor]) -> list[Section]:
        return self.inner.sections(classes, totals)


def under_attack(objective: Objective, config: TrainConfig, loader: Loader) -> Objective:
    """What is learned: the objective itself, or adversarially where the settings ask for it."""
    if not config.adversarial:
        return objective
    validated = evenly(loader.parts["validation"])
    return Adversarial(objective, loader.preprocessing, config.adversarial, config.adversary, config.seed, validated)


def divergence(logits: Tensor, shares: Tensor) -> Tensor:
    """(B,) Kullback–Leibler divergence of softmax(logits) (B, K) from ``shares`` (B, K)."""
    return F.kl_div(logits.log_softmax(1), shares, reduction="none").sum(1)


def part(batch: Batch, chosen: NDArray[np.bool_]) -> Batch:
    """Some samples of a batch."""
    which = torch.from_numpy(chosen).to(batch.inputs.device)
    tensors: Any = {name: value[which] for name, value in vars(batch).items() if isinstance(value, Tensor)}
    return replace(batch, **tensors, samples=batch.samples[chosen])


@contextmanager
def evaluating(nets: Mapping[str, Module]) -> Iterator[None]:
    """The networks as they are evaluated; after it each layer is in the mode in which it was."""
    modes = {module: module.training for net in nets.values() for module in net.modules()}
    for net in nets.values():
        net.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def evenly(samples: NDArray[np.int64], most: int = VALIDATED) -> NDArray[np.int64]:
    """At most ``most`` of the samples, at even distances.

    >>> evenly(np.arange(10), 4).tolist()
    [0, 3, 6, 9]
    """
    return samples[:: max(1, -(-len(samples) // most))]
