"""One step of one network: gradients are averaged over the ranks, penalised, checked, clipped and applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from neocog.config import TrainConfig
from neocog.engine.muon import Muon, hidden


class NonFinite(ArithmeticError):
    """A loss or gradient that is NaN or infinite; raised before it can reach a weight."""


def decayed(parameters: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Weights, which decay, and biases and norms (one axis), which do not."""
    parameters = list(parameters)
    return [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]


def optimizer_for(net: Module, config: TrainConfig, groups: Sequence[dict[str, Any]] = ()) -> Optimizer:
    """The optimizer that the settings name, as one pass over the weights, or over ``groups`` of them, each with its ``factor``
    of the rate.

    Decoupled decay (Loshchilov and Hutter 2019) is applied in ``apply_update``.
    """
    parameters: list[Any] = list(groups) or [p for p in net.parameters() if p.requires_grad]
    if config.bias_lr != 1:
        parameters = groups = apart(groups or [{"params": parameters}], config.bias_lr)
    betas = config.betas[0], config.betas[1]
    if config.optimizer == "muon":
        parted = split(groups or [{"params": parameters}], hidden(net))
        return Muon([{**group, "muon": muon} for group, muon in parted], config.lr, config.momentum, betas)
    if config.optimizer in ("adam", "adamw"):
        kind = AdamW if config.optimizer == "adamw" else Adam
        return kind(parameters, lr=config.lr, betas=betas, weight_decay=0.0, fused=True)
    if config.optimizer == "rmsprop":
        return RMSprop(parameters, lr=config.lr, alpha=config.alpha)
    momentum = config.momentum if config.optimizer == "sgd" else 0.0
    return SGD(parameters, lr=config.lr, momentum=momentum, nesterov=config.nesterov and momentum > 0, fused=True)


def split(groups: Iterable[Any], chosen: set[Tensor]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each group as two: its ``chosen`` parameters (True), and the others (False). Groups without any are left out."""
    for group in groups:
        for wanted in (True, False):
            own = [p for p in group["params"] if (p in chosen) == wanted]
            if own:
                yield {**group, "params": own}, wanted


def apart(groups: Iterable[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    """Each group as two: its weights, and its biases and norms, which learn at ``factor`` of the rate."""
    groups = list(groups)
    weights, _ = decayed(p for group in groups for p in group["params"])
    return [
        group if of_weights else {**group, "factor": group.get("factor", 1.0) * factor}
        for group, of_weights in split(groups, set(weights))
    ]


@torch.no_grad()
def apply_update(net: Module, optimizer: Optimizer, config: TrainConfig, lr: float) -> None:
    """Apply the gradients in place. Raises NonFinite before any weight is touched."""
    weights, others = decayed(p for p in net.parameters() if p.grad is not None)
    if weights and (config.l1 or config.l2):
        gradients = [p.grad for p in weights if p.grad is not None]
        if config.l2:
            torch._foreach_add_(gradients, weights, alpha=config.l2)
        if config.l1:
            torch._foreach_add_(gradients, torch._foreach_sign(weights), alpha=config.l1)
    every = [p.grad for p in (*weights, *others) if p.grad is not None]
    norm = torch.stack(torch._foreach_norm(every)).norm()
    if not torch.isfinite(norm):
        raise NonFinite("the gradient is not finite")
    if config.clip and float(norm) > config.clip:
        torch._foreach_mul_(every, config.clip / float(norm))
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("factor", 1.0)
        decaying, _ = decayed(p for p in group["params"] if p.grad is not None)
        if config.weight_decay and decaying:
            torch._foreach_mul_(decaying, 1 - group["lr"] * config.weight_decay)
    for parameter in (*weights, *others):
        lay_alike(parameter)
    optimizer.step()


@torch.no_grad()
def check_finite(tensors: Iterable[Tensor], what: str) -> None:
    """Raise NonFinite where a number is NaN or infinite. One pass, as a norm, over tensors that are all finite."""
    floats = [tensor for tensor in tensors if tensor.is_floating_point()]
    if not floats or torch.isfinite(torch.stack(torch._foreach_norm(floats)).norm()):
        return
    if not all(bool(torch.isfinite(tensor).all()) for tensor in floats):  # else only the norm was too large
        raise NonFinite(f"{what} not finite")


def lay_alike(parameter: Tensor) -> None:
    """Give a gradient the memory order of its parameter: a fused step walks through both without looking at their strides."""
    gradient = parameter.grad
    if gradient is not None and gradient.stride() != parameter.stride():
        parameter.grad = torch.empty_like(parameter).copy_(gradient)


def average_weights(mean: Module, net: Module, decay: float, step: int) -> None:
    """Move the running mean of the weights (EMA) towards ``net``; early steps count more, since there is little to average."""
    towards(mean, net, 1 - min(decay, (1 + step) / (10 + step)))


def look_back(slow: Module, net: Module, every: int, progress: float) -> None:
    """Move the slow weights towards ``net``, and ``net`` to them (Lookahead, Zhang et al. 2019). They keep a part of themselves
    that grows with the cube of ``progress`` (0 … 1) to 0.95 to the power of ``every`` steps (Jordan 2024)."""
    towards(slow, net, 1 - 0.95**every * progress**3)
    towards(net, slow, 1.0)


@torch.no_grad()
def towards(first: Module, second: Module, share: float) -> None:
    """Move all numbers of ``first`` by a ``share`` of the way to those of ``second``; whole numbers become the same."""
    for ours, theirs in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        if ours.is_floating_point() and share < 1:
            ours.lerp_(theirs, share)
        else:
            ours.copy_(theirs)
