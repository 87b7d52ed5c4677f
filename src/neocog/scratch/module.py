"""What every layer is: parameters with their gradients, a way forward, a way back, a state dict. And no tape.

Letters in this package: N images, C channels, H × W pixels, O output channels, k × k kernel, G groups.
Every array is (N, C, H, W) to index, as in PyTorch. In memory a layer may order it otherwise (convolutions write (H, C, W, N),
which is what makes them fast): like PyTorch's "channels last", that is a matter of strides, and no one needs to know.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


class Parameter:
    """Numbers that are learned: ``data``, and ``grad``, the gradient of the loss by them (None before the first backward)."""

    def __init__(self, data: Array) -> None:
        self.data = data
        self.grad: Array | None = None

    def accumulate(self, gradient: Array) -> None:
        """Add to ``grad``: two backward passes sum up, as in PyTorch, until ``zero_grad``."""
        self.grad = gradient if self.grad is None else self.grad + gradient

    def __repr__(self) -> str:
        return f"Parameter{self.data.shape}"


@dataclass
class Work:
    """Arrays that one layer keeps from step to step: a fresh large array costs a page fault every 4 KiB."""

    arrays: dict[str, tuple[object, Array]] = field(default_factory=dict)

    def keep(self, name: str, key: object, new: Array) -> Array:
        self.arrays[name] = (key, new)
        return new


class Module:
    """A layer. ``forward`` computes the output and remembers what the way back needs; ``backward`` is the chain rule.

    A subclass writes ``forward(x)``, ``input_gradient(dy)`` and, if it learns, ``parameter_gradients(dy)``, where ``dy`` is
    the gradient of the loss by the output. Parameters are attributes of type ``Parameter``; ``buffers`` names the arrays
    that belong to the state but are not learned.
    """

    buffers: tuple[str, ...] = ()
    whole_batch = False  # True where an image's output depends on the other images of the batch, or on a random stream
    training = True
    work: Work | None = None  # None: every array is fresh, so that nothing that a caller holds is ever overwritten

    def __call__(self, x: Array) -> Array:
        return self.forward(x)

    def forward(self, x: Array) -> Array:
        raise NotImplementedError

    def backward(self, dy: Array, to_input: bool = True) -> Array | None:
        """Gradient of the loss by the output → gradient by the input; adds to each parameter's ``grad`` on the way.

        ``to_input=False`` stops at the parameters and returns None: the first layer of a network has no one to tell.
        """
        self.parameter_gradients(dy)
        return self.input_gradient(dy) if to_input else None

    def parameter_gradients(self, dy: Array) -> None:
        """A layer without parameters has nothing to add."""

    def input_gradient(self, dy: Array) -> Array:
        raise NotImplementedError

    # --- parameters and state -------------------------------------------------------------------------------------

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """("weight", …), ("bias", …), in the order of their making."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield name, value

    def parameters(self) -> list[Parameter]:
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = None

    def named_state(self) -> Iterator[tuple[str, Array]]:
        """The live arrays: parameters, then buffers."""
        for name, parameter in self.named_parameters():
            yield name, parameter.data
        for name in self.buffers:
            yield name, getattr(self, name)

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters and buffers under PyTorch's names: ``{"0.weight": …, "0.bias": …}``."""
        return {name: array.copy() for name, array in self.named_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy values in (arrays, or anything that NumPy can read, such as PyTorch's CPU tensors).

        Raises ValueError with every name that is missing, unknown or of another shape; then nothing has been changed.
        """
        own = dict(self.named_state())
        values = {name: np.asarray(value) for name, value in state.items()}
        faults = [f"missing: {name} {array.shape}" for name, array in own.items() if name not in values]
        faults += [f"unknown: {name} {value.shape}" for name, value in values.items() if name not in own]
        faults += [
            f"{name}: the file has {values[name].shape}, the layer {array.shape}"
            for name, array in own.items()
            if name in values and values[name].shape != array.shape
        ]
        if faults:
            raise ValueError("this state dict does not fit the network\n  " + "\n  ".join(faults))
        for name, array in own.items():
            array[...] = values[name]

    def to(self, dtype: DTypeLike) -> Self:
        """Turn every floating-point parameter and buffer into ``dtype`` (float32 for speed, float64 for proofs)."""
        for parameter in self.parameters():
            parameter.data, parameter.grad = parameter.data.astype(dtype), None
        for name in self.buffers:
            array = getattr(self, name)
            if array.dtype.kind == "f":
                setattr(self, name, array.astype(dtype))
        return self

    # --- modes ----------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        self.training = mode
        return self

    def eval(self) -> Self:
        return self.train(False)

    def seed(self, seed: int | list[int]) -> None:
        """Restart the layer's random stream, if it has one (``Dropout``): step s of a resumed run draws what it drew."""

    # --- memory ---------------------------------------------------------------------------------------------------

    def replica(self, work: Work) -> Self:
        """A twin that shares this layer's parameter values, with its own gradients, memory of the way forward and arrays."""
        twin = copy.copy(self)
        twin.work = work
        for name, parameter in self.named_parameters():
            setattr(twin, name, Parameter(parameter.data))
        return twin

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """An array to fill: zeros when new; where the layer keeps its work arrays, what the last step left in it."""
        wanted = (shape, np.dtype(dtype))
        if self.work is not None and name in self.work.arrays:
            key, kept = self.work.arrays[name]
            if key == wanted:
                return kept
        new = np.zeros(shape, dtype)
        return new if self.work is None else self.work.keep(name, wanted, new)

    def like(self, name: str, x: Array, shape: tuple[int, ...] | None = None, dtype: DTypeLike | None = None) -> Array:
        """The same, in the order in memory (and, unless told, the shape and type) of ``x``."""
        wanted = (shape or x.shape, dtype or x.dtype, x.shape, x.strides)
        if self.work is not None and name in self.work.arrays:
            key, kept = self.work.arrays[name]
            if key == wanted:
                return kept
        new = np.zeros_like(x, dtype=dtype, shape=shape or x.shape)
        return new if self.work is None else self.work.keep(name, wanted, new)


def uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, dtype: DTypeLike) -> Parameter:
    """PyTorch's default start: uniform in ±1/√fan_in, which is He et al. (2015)'s rule with a = √5."""
    bound = 1 / np.sqrt(fan_in) if fan_in else 0.0
    return Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
