"""The learning rate range test (Smith 2017, "Cyclical learning rates for training neural networks").

The rate rises from very small to far too large, by the same factor at each step (Gugger 2018), while a network learns. Where its
loss falls it can learn. Letters: S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.engine.seed import seed_step
from neocog.errors import NotFinite

STEPS = 120
LOW, HIGH = 1e-6, 10.0
SMOOTH = 0.85  # what a loss keeps of those before it
LOST = 4.0  # times the best loss, beyond which nothing is learned any more …
ABOUT = (
    1.0  # … if it is above this: after a probe of pretrained features the first loss may be a thousandth, and all noise
)
FIRST = 10  # steps that are no end
LEAST = 0.95  # of the first loss, to which it must fall
ENDED = 0.02  # of the fall that may be left where it ends
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RangeTest:
    """``rates`` (S,) and the mean ``losses`` (S,) of the batches that were learned from at them."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def smooth(self) -> Floats:
        """(S,) running means of the losses, whose first ones count as much as they should (Kingma and Ba 2015)."""
        mean, found = 0.0, []
        for step, loss in enumerate(self.losses, 1):
            mean = SMOOTH * mean + (1 - SMOOTH) * loss
            found.append(mean / (1 - SMOOTH**step))
        return np.array(found)

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate at which the loss had all but ended its fall, where learning is fast and sure (Gugger 2018); None
        where it hardly fell."""
        smooth = self.smooth
        if len(smooth) <= FIRST or smooth.min() > LEAST * smooth[0]:
            return None
        return self.rates[int((smooth <= smooth.min() + ENDED * (smooth[0] - smooth.min())).argmax())] / 10


def range_test(loop: Loop, learner: Learner, advance: Callable[[int], None], steps: int = STEPS) -> RangeTest:
    """Learn ``steps`` batches at rates from ``LOW`` to ``HIGH``, or until the loss is lost. The learner is of no use afterwards."""
    rising = replace(
        loop.config, schedule="exponential", lr=LOW, decay_rate=HIGH / LOW, decay_steps=steps - 1, staircase=False
    )
    loop, losses = replace(loop, config=rising), list[float]()
    learner.counters.steps = steps
    for step, micro_batches in loop.loader.training(0, steps):
        seed_step(rising.seed, step, 0)
        try:
            losses.append(loop.step(learner, step, micro_batches))
        except NotFinite:
            break
        advance(1)
        if step >= FIRST and lost(losses):
            break
    return RangeTest(tuple(rates(steps)[: len(losses)]), tuple(losses))


def rates(steps: int) -> Sequence[float]:
    """(S,) of all steps."""
    return [float(LOW * (HIGH / LOW) ** (step / (steps - 1))) for step in range(steps)]


def lost(losses: Sequence[float]) -> bool:
    """Whether the loss is so far above its best that the network has forgotten what it had learned."""
    smooth = RangeTest((), tuple(losses)).smooth
    return bool(smooth[-1] > max(LOST * smooth.min(), ABOUT))
