"""The layers of a network in the order in which data pass them, with what each of them makes of an input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One call of a module that holds no others. ``output`` (B, …), before anything that follows works on it in place.

    ``given``: the tensors it got, the maps first. ``sources``: positions of the layers that these came from, −1 for the network's
    input; () where no gradients flow. Not ``direct``: something that is no layer stands between, such as a sum.
    """

    name: str  # as in state_dict: "encoder.0.conv"; called again: "relu (2)"
    module: nn.Module
    output: Tensor
    given: tuple[Tensor, ...] = ()
    sources: tuple[int, ...] = ()
    direct: bool = True

    @property
    def kind(self) -> str:
        return type(self.module).__name__

    @property
    def sides(self) -> tuple[int, ...]:
        """Spatial extents of the output; () for a vector."""
        return tuple(self.output.shape[2:])


def traced(network: nn.Module, inputs: Tensor) -> tuple[list[Layer], Tensor]:
    """(layers in order of execution, the network's output (B, …)); gradients flow where they are enabled."""
    watch = _Watch(inputs)
    with watch.on(network):
        outputs = network(inputs)
    return watch.layers, outputs


class _Watch:
    """Notes every call of a leaf module, and which outputs it was given."""

    def __init__(self, inputs: Tensor) -> None:
        self.inputs = inputs
        self.layers: list[Layer] = []
        self.passed: list[Tensor] = []  # what each layer handed on
        self.nodes: dict[Any, int] = {}  # of autograd's graph: which layer's output it is
        self.calls: dict[str, int] = {}

    @contextmanager
    def on(self, network: nn.Module) -> Iterator[None]:
        handles = []
        for name, module in network.named_modules():
            if name and next(module.children(), None) is None:
                handles.append(module.register_forward_pre_hook(self.before))
                handles.append(module.register_forward_hook(partial(self.after, name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def before(self, module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """What is about to be written over in place is copied."""
        self.given = tuple(each for each in given if isinstance(each, Tensor))
        if getattr(module, "inplace", False) and self.given:
            return tuple(each.clone() if isinstance(each, Tensor) else each for each in given)
        return None

    def after(self, name: str, module: nn.Module, _given: object, output: object) -> object:
        maps, *rest = output if isinstance(output, tuple) else (output,)  # SegNet's pools give the places too
        if not isinstance(maps, Tensor) or maps.ndim < 2:
            return None
        self.calls[name] = self.calls.get(name, 0) + 1
        label = name if self.calls[name] == 1 else f"{name} ({self.calls[name]})"
        first = self.given[0] if self.given else None
        direct = first is self.inputs or any(each is first for each in self.passed)
        self.layers.append(Layer(label, module, maps, self.given, self.sources(first), direct))
        copy = maps.clone()  # what follows may overwrite it: ReLU(inplace=True) does
        if copy.grad_fn is not None:
            self.nodes[copy.grad_fn] = len(self.passed)
        self.passed.append(copy)
        return (copy, *rest) if rest else copy

    def sources(self, given: Tensor | None) -> tuple[int, ...]:
        """Where ``given`` came from, by autograd's graph, which knows every operation between."""
        if given is self.inputs:
            return (-1,)
        found, seen, ahead = set[int](), set[Any](), [] if given is None else [given.grad_fn]
        while ahead:
            node = ahead.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if node in self.nodes:
                found.add(self.nodes[node])
            elif hasattr(node, "variable"):  # a leaf
                found |= {-1} if node.variable is self.inputs else set()
            else:
                ahead += [each for each, _ in node.next_functions]
        return tuple(sorted(found))


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
