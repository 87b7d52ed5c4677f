"""LeNet-5, the network that read a country's cheques. LeCun, Bottou, Bengio and Haffner (1998)."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from neocog.scratch.activation import Tanh
from neocog.scratch.conv import Conv2d
from neocog.scratch.linear import Flatten, Linear
from neocog.scratch.pool import AvgPool2d
from neocog.scratch.sequential import Sequential

# Table I of the paper: which of the 6 channels of S2 (rows) each of the 16 channels of C3 (columns) sees
C3 = """
    X...XXX..XXXX.XX
    XX...XXX..XXXX.X
    XXX...XXX..X.XXX
    .XXX..XXXX..X.XX
    ..XXX..XXXX.XX.X
    ...XXX..XXXX.XXX
"""
C3_TABLE = np.array([[mark == "X" for mark in row] for row in C3.split()]).T  # (16, 6)


def lenet5(
    sparse: bool = False,
    dtype: DTypeLike = np.float32,
    seed: int = 0,
    *,
    channels: int = 1,
    size: tuple[int, int] = (28, 28),
    outputs: int = 10,
) -> Sequential:
    """(N, channels, *size) → scores (N, outputs); 61,706 parameters for digits. ``sparse``: C3 connected by the paper's table.

    28 → C1 28 → S2 14 → C3 10 → S4 5 → a vector of 400 → C5 120 → F6 84 → 10. Sides below 32 get a border of 2, since the
    paper's images are 32 × 32; the least is 12. Names of layers are the paper's.
    """
    if min(size) < 12:
        raise ValueError(f"lenet5 needs images of at least 12 × 12 pixels, not {size[0]} × {size[1]}")
    border = (2 if size[0] < 32 else 0, 2 if size[1] < 32 else 0)
    height, width = (((side + 2 * pad - 4) // 2 - 4) // 2 for side, pad in zip(size, border, strict=True))
    rng = np.random.default_rng(seed)
    return Sequential(
        {
            "c1": Conv2d(channels, 6, 5, padding=border, dtype=dtype, seed=rng),
            "tanh1": Tanh(),
            "s2": AvgPool2d(2),
            "c3": Conv2d(6, 16, 5, table=C3_TABLE if sparse else None, dtype=dtype, seed=rng),
            "tanh3": Tanh(),
            "s4": AvgPool2d(2),
            "flatten": Flatten(),
            "c5": Linear(16 * height * width, 120, dtype=dtype, seed=rng),
            "tanh5": Tanh(),
            "f6": Linear(120, 84, dtype=dtype, seed=rng),
            "tanh6": Tanh(),
            "output": Linear(84, outputs, dtype=dtype, seed=rng),
        }
    )
