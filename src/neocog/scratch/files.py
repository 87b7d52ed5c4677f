"""A state dict as a safetensors file, which PyTorch reads as well: numbers under names, and no code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from neocog.scratch.module import Module


def save(module: Module, path: Path | str) -> None:
    """Write all parameters and buffers."""
    save_file({name: np.ascontiguousarray(array) for name, array in module.state_dict().items()}, path)


def load(module: Module, path: Path | str) -> None:
    """Read them back into a network of the same layers. Raises ValueError naming whatever does not fit."""
    module.load_state_dict(load_file(path))
