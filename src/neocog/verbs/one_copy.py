"""What all processes of a node need is made by one of them, and its large arrays lie in the node's memory once."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.shared import Shared, Zeros, can_share, take
from neocog.engine.ranks import Ranks

T = TypeVar("T")
NODES = ("GROUP_RANK", "SLURM_NODEID")  # which node this is, as torchrun and srun say


@dataclass(frozen=True)
class Node:
    """Those of the ``ranks`` that stand on one node and have the same data before them. The first of them reads."""

    ranks: Ranks
    members: tuple[int, ...] = (0,)

    @staticmethod
    def of(ranks: Ranks, dataset: Dataset) -> Node:
        """This process's node. It stands alone where the images are in its memory already, or memory cannot be shared."""
        if ranks.world == 1:
            return Node(ranks)
        alone = isinstance(dataset.images, ArrayImages) or not can_share()
        own = f"{ranks.rank}" if alone else json.dumps([*_machine(), _digest(dataset)])
        return Node(ranks, tuple(rank for rank, text in enumerate(ranks.texts(own)) if text == own))

    def __len__(self) -> int:
        return len(self.members)

    def once(self, make: Callable[[Zeros], T]) -> T:
        """What ``make`` returns on one process of the node; it gets what makes the arrays that are to be shared, as ``np.zeros``.

        Arrays that more than one process has cannot be written to. What is wrong is a UserError on all ranks.
        """
        alone, leads = len(self) == 1, self.ranks.rank == self.members[0]
        with nullcontext() if alone or not leads else closing(Shared()) as shared:
            with self.ranks.all_or_none():
                value = make(np.zeros) if alone else None
                where = shared.put(make(shared.zeros)) if shared else ""
            texts = self.ranks.texts(where)
            with self.ranks.all_or_none():  # at whose end all have taken it
                return take(texts[self.members[0]]) if value is None else value


def _machine() -> list[str | int]:
    """What processes of one node have in common, each of which can see the others' open files."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    host = boot.read_text() if boot.is_file() else socket.gethostname()
    processes = str(Path("/proc/self/ns/pid").readlink())
    return [host, processes, os.getuid(), *(os.environ.get(name, "") for name in NODES)]


def _digest(dataset: Dataset) -> str:
    text = "\0".join([str(dataset.root and dataset.root.resolve()), *dataset.names])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
