"""A run of layers, computed for the batch in chunks, on several cores, with the same result on any number of them.

A chunk of up to 64 images keeps what one layer hands to the next near the processor. NumPy lets go of Python's lock inside
its loops and products, so plain threads suffice, with BLAS on one thread in each. Every chunk has twins of the layers, which
share the weights; the chunks' gradients are added up in the order of the chunks, whoever was first to finish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from neocog.scratch.module import Array, Module, Parameter, Work

LEAST, MOST = 32, 64  # images of a chunk: fewer are slow, more leave the cache


class Stage(Module):
    """Layers that treat each image by itself, one after another."""

    threads = 1

    def __init__(self, layers: Sequence[Module]) -> None:
        self.layers = layers
        self.works: list[list[Work]] = []
        self.twins: list[list[Module]] = []

    def forward(self, x: Array) -> Array:
        chunks = chunked(x)
        self.works = [*self.works, *([Work() for _ in self.layers] for _ in chunks)][: len(chunks)]
        self.twins = [
            [layer.replica(work) for layer, work in zip(self.layers, works, strict=True)] for works in self.works
        ]
        return np.concatenate(self.each(through, self.twins, chunks))

    def backward(self, dy: Array, to_input: bool = True) -> Array | None:
        learning = [place for place, layer in enumerate(self.layers) if layer.parameters()]
        last = 0 if to_input or not learning else learning[0]
        # the last chunk first: what its layers remember is still near the processor
        gradients = self.each(
            lambda layers, chunk: back(layers[last:], chunk, to_input), self.twins[::-1], chunked(dy)[::-1]
        )
        for layer, *twins in zip(self.layers, *self.twins, strict=True):
            for parameter, *parts in zip(layer.parameters(), *(twin.parameters() for twin in twins), strict=True):
                of_chunks = [part.grad for part in parts if part.grad is not None]
                if of_chunks:
                    parameter.accumulate(added(of_chunks))
        return np.concatenate(gradients[::-1]) if to_input else None

    def each(self, work: Callable[..., Any], *items: Sequence[Any]) -> list[Any]:
        """``map``, on the threads where there is more than one chunk."""
        if self.threads == 1 or len(items[0]) == 1:
            return list(map(work, *items))
        return list(pool(self.threads).map(work, *items))

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for layer in self.layers:
            yield from layer.named_parameters()


def chunked(batch: Array) -> list[Array]:
    """A quarter of the batch each, within LEAST and MOST. The batch alone decides, so that all machines add up alike."""
    size = min(max(-(-len(batch) // 4), LEAST), MOST)
    return [batch[start : start + size] for start in range(0, max(len(batch), 1), size)]


def added(arrays: Sequence[Array]) -> Array:
    """The sum from first to last, in the first."""
    total = arrays[0]
    for array in arrays[1:]:
        total += array
    return total


def through(layers: Sequence[Module], x: Array) -> Array:
    for layer in layers:
        x = layer.forward(x)
    return x


def back(layers: Sequence[Module], dy: Array, to_input: bool) -> Array | None:
    for layer in reversed(layers[1:]):
        gradient = layer.backward(dy)
        assert gradient is not None
        dy = gradient
    return layers[0].backward(dy, to_input)


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="scratch")


@cache
def blas() -> Any:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """BLAS computes each product on the thread that asks for it."""
    limit: AbstractContextManager[Any] = blas().limit(limits=1, user_api="blas")
    return limit
