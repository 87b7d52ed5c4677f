"""Threads that share the parts of one operation, each working alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import torch

Part = TypeVar("Part")
Found = TypeVar("Found")


def spread(work: Callable[[Sequence[Part]], Found], every: Sequence[Part]) -> list[Found]:
    """``work`` on equal shares of the parts, one for each thread that PyTorch may use; in their order."""
    threads = torch.get_num_threads()
    if threads == 1 or len(every) == 1:
        return [work(every)]
    share = -(-len(every) // threads)
    return list(crew(threads).map(work, (every[start : start + share] for start in range(0, len(every), share))))


@lru_cache(maxsize=1)
def crew(threads: int) -> ThreadPoolExecutor:
    """Threads that compute side by side, each alone: together they need no barrier after every small product."""
    pool = ThreadPoolExecutor(threads, "convolution", initializer=torch.set_num_threads, initargs=(1,))
    begun = Barrier(threads)
    list(pool.map(lambda _: begun.wait(), range(threads)))
    torch.set_num_threads(threads)  # theirs was also noted as the number of any thread to come
    return pool
