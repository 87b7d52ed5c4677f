"""One step of an optimizer on one picture, on a copy of the network: what training does many times. The run is only read."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from torch import nn

from neocog.config import TrainConfig
from neocog.data.dataset import Array
from neocog.engine.update import NonFinite, apply_update, check_finite, optimizer_for
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.server.asked import Asked
from neocog.server.frame import pack
from neocog.server.look import passed
from neocog.tasks import task_of_run

MOST_NUMBERS = 50_000_000  # of all networks that steps by hand have made, and their optimizers
FEWEST = 2


@dataclass(frozen=True)
class Stepped:
    """A network after a step, and what the next step with the same optimizer needs."""

    predictor: Predictor
    optimizer: str
    state: dict[str, Any]


class ManualTraining:
    """The networks after steps by hand, by names that are handed out. Only the network's thread calls this."""

    def __init__(self) -> None:
        self._made: dict[str, Stepped] = {}
        self._numbers: Iterator[int] = count(1)

    def at(self, name: str) -> Predictor:
        if name not in self._made:
            raise UserError("this step by hand is gone", fix="undo all steps, or load the page again")
        return self._made[name].predictor

    def step(self, own: Predictor, stored: Array, asked: Asked) -> bytes:
        """A step from the weights ``asked.weights``, which ``own`` has: its name, the loss before and after. Raises UserError."""
        before = self._made.get(asked.weights)
        state = before.state if before is not None and before.optimizer == asked.optimizer else None
        made, losses = stepped(own, stored, asked, state)
        name = f"by-hand-{next(self._numbers)}"
        self._made[name] = made
        most = max(FEWEST, MOST_NUMBERS // (3 * max(1, own.facts["parameters"])))
        while len(self._made) > most:
            del self._made[next(iter(self._made))]
        return pack({"weights": name, "before": losses[0], "after": losses[1]}, {})


def uncalibrated(own: Predictor, network: nn.Module) -> Predictor:
    """The same with other weights, and so without what calibration found for its own."""
    facts = {key: value for key, value in own.facts.items() if key != "offsets"}
    return replace(own, network=network, temperature=1.0, facts=facts)


def stepped(
    own: Predictor, stored: Array, asked: Asked, state: dict[str, Any] | None
) -> tuple[Stepped, tuple[float, float]]:
    """The network after a step against the loss of class ``asked.target``, without decay, and the loss before and after."""
    if not task_of_run(own).logits or asked.target < 0:
        raise UserError("a step needs a class to learn", "the message", "choose the label")
    if not (math.isfinite(asked.rate) and 0 < asked.rate <= 1000):
        raise UserError(f"the rate {asked.rate:g} is not between 0 and 1,000", fix="0.01")
    network = copy.deepcopy(own.network)
    made = uncalibrated(own, network)
    settings = TrainConfig(optimizer=asked.optimizer, lr=asked.rate, weight_decay=0.0)
    optimizer = optimizer_for(network, settings)
    if state is not None:
        optimizer.load_state_dict(state)
    before = passed(made, stored, replace(asked, loss=True))
    before.score.backward()  # type: ignore[no-untyped-call]
    try:
        apply_update(network, optimizer, settings, asked.rate)
        check_finite(network.parameters(), "weights are")
    except NonFinite as fault:
        raise UserError(f"{fault}: the step is not taken", fix="a lower rate") from None
    optimizer.zero_grad(set_to_none=True)
    after = passed(made, stored, replace(asked, loss=True))
    return Stepped(made, asked.optimizer, optimizer.state_dict()), (
        float(before.score.detach()),
        float(after.score.detach()),
    )
