"""Work by threads ahead of who uses its results: files are decoded while a network answers what came before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turn(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, most: int, name: str = "decode"
) -> Generator[Result]:
    """What ``work`` gives for each of the ``items``, in their order, by ``workers`` threads.

    At most ``most`` are under way or wait to be used, so that results cannot pile up. An exception in a thread is raised here;
    what has not begun is dropped then, as where the iterator is closed.
    """
    left, pool = iter(items), ThreadPoolExecutor(workers, name)
    try:
        pending = deque[Future[Result]](pool.submit(work, item) for item in islice(left, most))
        while pending:
            done = pending.popleft().result()
            pending.extend(pool.submit(work, item) for item in islice(left, 1))
            yield done
    finally:  # on Ctrl-C too
        pool.shutdown(wait=True, cancel_futures=True)
