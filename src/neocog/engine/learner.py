"""Everything that learning changes, made fresh from the seed or put back from a checkpoint."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm

from neocog.config import TrainConfig
from neocog.data.loader import Loader
from neocog.engine import checkpoint
from neocog.engine.counters import Counters
from neocog.engine.optimizer_state import restore_optimizer
from neocog.engine.update import optimizer_for
from neocog.tasks.objective import Objective

State = dict[str, Tensor]
AT_SIGHT = 1 << 22  # 1,365 images of 3 × 32 × 32


@dataclass
class Learner:
    """Everything that learning changes: the networks, their running means, their optimizers, the best weights so far."""

    nets: dict[str, Module]
    ema: dict[str, Module]
    optimizers: dict[str, torch.optim.Optimizer]
    best: dict[str, State]
    counters: Counters
    still_norms: bool = False  # batch norm keeps its statistics while it learns

    def learns(self) -> None:
        """Put the networks into training mode."""
        for net in self.nets.values():
            net.train()
            for module in net.modules() if self.still_norms else ():
                if isinstance(module, _BatchNorm):
                    module.eval()

    @property
    def evaluated(self) -> dict[str, Module]:
        """The networks that are evaluated: the running means where there are any."""
        return self.ema or self.nets


def learner(objective: Objective, config: TrainConfig, device: torch.device) -> Learner:
    """Fresh networks and optimizers, initialised from the seed alone."""
    torch.manual_seed(config.seed)
    nets = {name: net.to(device) for name, net in objective.networks().items()}
    ema = (
        {name: copy.deepcopy(net).requires_grad_(False) for name, net in nets.items()}
        if config.ema or config.lookahead
        else {}
    )
    optimizers = {name: optimizer_for(net, config) for name, net in nets.items()}
    return Learner(nets, ema, optimizers, {}, Counters())


def learn_from_images(learner: Learner, loader: Loader) -> None:
    """Show training images, unchanged, to the networks that set a layer from them before the first step (``learn_from``).

    Evenly spread over the training part, at most ``AT_SIGHT`` numbers; on every rank the same.
    """
    train = loader.parts["train"]
    count = max(1, min(len(train), AT_SIGHT // (loader.preprocessing.inputs * math.prod(loader.preprocessing.size))))
    chosen = train[np.linspace(0, len(train), count, endpoint=False).astype(np.int64)]
    for name, net in learner.nets.items():
        if hasattr(net, "learn_from"):
            net.learn_from(  # type: ignore[operator]
                loader.seen(chosen, None).inputs
            )
            if learner.ema:
                learner.ema[name].load_state_dict(net.state_dict())


def restore(learner: Learner, saved: checkpoint.Checkpoint) -> None:
    """Put a checkpoint's networks, optimizers and counters into a fresh learner."""
    for name, net in learner.nets.items():
        saved.restore(name, net)
        restore_optimizer(learner.optimizers[name], saved.tensors(f"optimizer.{name}"), saved.state["optimizers"][name])
    for name, net in learner.ema.items():
        saved.restore(f"mean.{name}", net)
    learner.best = {name: saved.fitting(f"best.{name}", learner.evaluated[name]) for name in saved.state["best"]}
    learner.counters = Counters(**saved.state["counters"])


def clone(state: Mapping[str, Tensor]) -> State:
    return {name: value.detach().clone() for name, value in state.items()}
