"""Layers one after another. ``forward`` is a loop over them, ``backward`` the same loop from the last to the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Self

from numpy.typing import DTypeLike

from neocog.limits import cores
from neocog.scratch.module import Array, Module, Parameter
from neocog.scratch.stage import Stage, one_blas_thread


class Sequential(Module):
    """``Sequential(Conv2d(…), Tanh(), …)``, or one dict of named layers, ``Sequential({"c1": Conv2d(…), …})``.

    Parameters are named by place, "0.weight", or by name, "c1.weight", as in PyTorch.

    Layers that treat each image by itself run as a ``Stage``, on ``threads`` cores (all, unless set); the result does not
    depend on how many. ``backward(dy)`` ends at the first layer that learns and returns None, since images are not learned;
    ``backward(dy, to_input=True)`` goes all the way and returns the gradient by the input.
    """

    whole_batch = True

    def __init__(self, *layers: Module | Mapping[str, Module]) -> None:
        named = {str(place): layer for place, layer in enumerate(layers) if isinstance(layer, Module)}
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = dict(layers[0])
        elif len(named) != len(layers):
            raise TypeError("Sequential takes layers, or one dict of named layers")
        self.names, self.layers = tuple(named), tuple(named.values())
        self.threads = cores()
        runs = [(alone, list(run)) for alone, run in groupby(self.layers, key=lambda layer: layer.whole_batch)]
        self.stages: list[Module] = []
        for alone, run in runs:
            self.stages += run if alone else [Stage(run)]

    def forward(self, x: Array) -> Array:
        with one_blas_thread():
            for stage in self.stages:
                if isinstance(stage, Stage):
                    stage.threads = self.threads
                x = stage.forward(x)
        return x

    def backward(self, dy: Array, to_input: bool = False) -> Array | None:
        learning = [stage for stage in self.stages if stage.parameters()]
        last = self.stages[0] if to_input or not learning else learning[0]
        gradient: Array | None = dy
        with one_blas_thread():
            for stage in reversed(self.stages[self.stages.index(last) :]):
                assert gradient is not None
                gradient = stage.backward(gradient, to_input=to_input or stage is not last)
        return gradient

    def __getitem__(self, place: int | str) -> Module:
        return self.layers[self.names.index(place) if isinstance(place, str) else place]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for place, layer in zip(self.names, self.layers, strict=True):
            for name, parameter in layer.named_parameters():
                yield f"{place}.{name}", parameter

    def named_state(self) -> Iterator[tuple[str, Array]]:
        for place, layer in zip(self.names, self.layers, strict=True):
            for name, array in layer.named_state():
                yield f"{place}.{name}", array

    def to(self, dtype: DTypeLike) -> Self:
        for layer in self.layers:
            layer.to(dtype)
        return self

    def train(self, mode: bool = True) -> Self:
        self.training = mode
        for layer in self.layers:
            layer.train(mode)
        return self

    def seed(self, seed: int | list[int]) -> None:
        """Restart every random stream, each layer's as a function of the seed and its place."""
        seeds = [seed] if isinstance(seed, int) else seed
        for place, layer in enumerate(self.layers):
            layer.seed([*seeds, place])
