"""The same numbers at every run on the same machine: as many threads, only algorithms that add up in one order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from neocog.config import TrainConfig


def repeatable(threads: int, deterministic: bool = True) -> None:
    """From now on torch computes with so many threads (a sum in other parts rounds otherwise), and deterministically."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def as_trained(config: TrainConfig, threads: int = 1) -> Iterator[torch.device]:
    """Compute as a training did that had these settings; gives its device, or the processor where there is none such.

    ``threads``: those that a trial chose, where the settings leave them open.
    """
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    repeatable(config.threads or threads)
    try:
        yield torch.device(config.device if torch.cuda.is_available() else "cpu")
    finally:
        repeatable(*before)
