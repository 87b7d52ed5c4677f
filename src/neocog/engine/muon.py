"""Muon (Jordan et al. 2024): the momentum of a hidden layer's weights as the nearest orthogonal matrix, so that every direction
of it is learned at the same rate. All other weights are learned by AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import AdamW

from neocog.errors import UserError

STEPS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)  # of the iteration: singular values end between 0.7 and 1.2
LIKE_ADAM = 0.2  # root mean square of an update, as of AdamW's, so that one rate and decay suit both (Liu et al. 2025)


def orthogonal(matrix: Tensor) -> Tensor:
    """(M, N) with the same singular vectors and singular values near 1, by Newton and Schulz's iteration in fp32."""
    wide = matrix.float() if matrix.shape[0] <= matrix.shape[1] else matrix.float().mT
    found: Tensor = wide / (wide.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        square = found @ found.mT
        found = a * found + (b * square + c * square @ square) @ found
    if matrix.shape[0] > matrix.shape[1]:
        found = found.mT
    return found


def hidden(net: Module) -> set[Tensor]:
    """Weights between the first layer and the last one: those that Muon is for. Raises UserError where there are none."""
    found: set[Tensor] = {p for p in [p for p in net.parameters() if p.ndim > 1][1:-1] if p.requires_grad}
    if not found:
        what = "--optimizer muon is for layers between the first and the last, and none of these is learned"
        raise UserError(what, fix="use --optimizer adamw")
    return found


class Muon(AdamW):
    """AdamW, but for groups with ``muon`` True. ``momentum``: 0 to 1, as Nesterov's."""

    def __init__(
        self, groups: Sequence[dict[str, Any]], lr: float, momentum: float, betas: tuple[float, float]
    ) -> None:
        super().__init__(list(groups), lr=lr, betas=betas, weight_decay=0.0, fused=True)
        self.momentum = momentum

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        set_aside = {p: p.grad for group in self.param_groups if group["muon"] for p in group["params"]}
        for group in self.param_groups:
            for parameter in group["params"] if group["muon"] else ():
                self._move(parameter, group["lr"])
        for parameter in set_aside:  # AdamW passes over what has no gradient
            parameter.grad = None
        super().step()
        for parameter, gradient in set_aside.items():
            parameter.grad = gradient

    def _move(self, parameter: Tensor, lr: float) -> None:
        if parameter.grad is None:
            return
        state = self.state[parameter]
        if not state:  # AdamW, which puts the state back from a checkpoint, looks for "step"
            state.update(step=torch.zeros(()), momentum=torch.zeros_like(parameter))
        state["momentum"].lerp_(parameter.grad, 1 - self.momentum)
        ahead = parameter.grad.lerp(state["momentum"], self.momentum).flatten(1)  # (M, N): a filter a row
        size = LIKE_ADAM * max(ahead.shape) ** 0.5
        parameter.add_(orthogonal(ahead).reshape(parameter.shape), alpha=-lr * size)
