"""The layers of a network in the order in which data pass them, with what each of them makes of an input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One call of a module that holds no others. ``output`` (B, …), before anything that follows works on it in place."""

    name: str  # as in state_dict: "encoder.0.conv"; called again: "relu (2)"
    module: nn.Module
    output: Tensor

    @property
    def kind(self) -> str:
        return type(self.module).__name__

    @property
    def sides(self) -> tuple[int, ...]:
        """Spatial extents of the output; () for a vector."""
        return tuple(self.output.shape[2:])


def traced(network: nn.Module, inputs: Tensor) -> tuple[list[Layer], Tensor]:
    """(layers in order of execution, the network's output (B, …)); gradients flow where they are enabled."""
    caught: list[Layer] = []
    with _watched(network, caught):
        outputs = network(inputs)
    return caught, outputs


@contextmanager
def _watched(network: nn.Module, caught: list[Layer]) -> Iterator[None]:
    handles, calls = [], dict[str, int]()
    for name, module in network.named_modules():
        if name and next(module.children(), None) is None:

            def hook(module: nn.Module, _given: object, output: object, name: str = name) -> object:
                maps, *rest = output if isinstance(output, tuple) else (output,)  # SegNet's pools give the places too
                if not isinstance(maps, Tensor) or maps.ndim < 2:
                    return None
                calls[name] = calls.get(name, 0) + 1
                told = name if calls[name] == 1 else f"{name} ({calls[name]})"
                caught.append(Layer(told, module, maps))
                copy = maps.clone()  # what follows may overwrite it: ReLU(inplace=True) does
                return (copy, *rest) if rest else copy

            handles.append(module.register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def features(network: nn.Module, inputs: Tensor) -> list[Layer]:
    """The layers with their outputs, without gradients."""
    return traced(network, inputs)[0]


def weights(network: nn.Module) -> dict[str, Tensor]:
    """Name → weight of every layer that has one with at least two axes: kernels (O, I, …) and matrices (O, I)."""
    return {
        name: value.detach()
        for name, value in network.named_parameters()
        if value.ndim >= 2 and "norm" not in name.lower()
    }
