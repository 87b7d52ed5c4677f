"""A network laid out by its shapes alone: nothing is drawn, stored or computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DRAWS = (torch.Tensor.normal_, torch.Tensor.uniform_)


class _Undrawn(TorchFunctionMode):
    """Initial weights stay as they are: torch would load 900 modules to "draw" numbers that are not there (2 s and more)."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        return args[0] if func in DRAWS else func(*args, **(kwargs or {}))


@contextmanager
def shapes_only() -> Iterator[None]:
    """Networks that are built in it have shapes and no numbers (torch's meta device); torch's random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"), _Undrawn():
        yield
