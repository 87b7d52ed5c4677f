"""An optimizer as named tensors and JSON, and back again, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from neocog.errors import UserError


def optimizer_tensors(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors under "place.name" ("3.exp_avg": the mean gradient of parameter 3), and the rest as JSON values."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for place, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{place}.{name}"] = value
            else:
                plain.setdefault(str(place), {})[name] = value
    return tensors, {"groups": state["param_groups"], "plain": plain}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Put back what ``optimizer_tensors`` gave. Raises UserError where the optimizer is for other parameters."""
    saved, own = state["groups"], optimizer.param_groups
    if [len(group["params"]) for group in saved] != [len(group["params"]) for group in own]:
        counts = [sum(len(group["params"]) for group in groups) for groups in (saved, own)]
        what = f"the checkpoint's optimizer has {counts[0]} parameters, the run's {counts[1]}"
        raise UserError(what, fix="resume with the model that the run was started with")
    parameters = [parameter for group in own for parameter in group["params"]]
    values: dict[int, dict[str, Any]] = {int(place): dict(plain) for place, plain in state["plain"].items()}
    for key, tensor in tensors.items():
        place, name = key.split(".", 1)
        values.setdefault(int(place), {})[name] = _like(parameters[int(place)], tensor, name)
    # JSON has no tuples: Adam's betas become one again
    groups = [
        {key: tuple(value) if isinstance(mine.get(key), tuple) else value for key, value in group.items()}
        for group, mine in zip(saved, own, strict=True)
    ]
    optimizer.load_state_dict({"state": values, "param_groups": groups})


def _like(parameter: Tensor, tensor: Tensor, name: str) -> Tensor:
    """A per-weight tensor in its parameter's memory layout (channels-last, say), as the optimizer would have it."""
    if tensor.ndim == 0:
        return tensor
    if tensor.shape != parameter.shape:
        what = f"the checkpoint's {name} is {tuple(tensor.shape)}, its parameter {tuple(parameter.shape)}"
        raise UserError(what, fix="resume with the model that the run was started with")
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
