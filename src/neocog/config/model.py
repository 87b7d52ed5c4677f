"""Settings of the network, and of the weights that it starts from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from neocog.checked import Range

IMAGENET = "imagenet"  # weights that no file or library names
TUNED = {"lr": 0.0005}  # a quarter of what fresh weights are learned with, lest those that are there be forgotten
TUNE = re.compile(r"head|all|auto|last:[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class ModelConfig:
    """Which network. Its own options (``neocog models NAME``) are flags too: --widths 32,64 --dropout 0.2."""

    model: str = "auto"
    """Which network: a name of `neocog models`. Or torchvision:NAME, timm:NAME, path/to/file.py:Class; auto: by task and data."""
    options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)
    """The network's own, by name."""


@dataclass(frozen=True)
class TransferConfig:
    """Weights of a network that was trained before, and how they are learned further."""

    pretrained: str = ""
    """Weights to start from: imagenet, timm:NAME, FILE, RUN …. Also torchvision:NAME and hf:ID. imagenet: a network that suits
    this machine; FILE: .safetensors; RUN: a run folder of one's own, of any task. Their preprocessing comes with them."""
    tune: str = "auto"
    """What is learned: head, all, last:N or auto. head: the last layer alone, on features that are computed once; all: then
    every layer; last:N: then the last N blocks; auto: all where that is better on samples that neither learned from."""
    layer_decay: Annotated[float, Range(0, 1, above=True)] = 0.75
    """Rate of a layer over that of the layer after it. So the first layers change least (Clark et al. 2020)."""
    tune_norms: Annotated[bool, Parameter(negative=())] = False
    """Let batch norm's means and variances move too. Without it they stay those of the pretrained network."""
    views: Annotated[int, Range(1, 10)] = 1
    """Views of an image that answers are averaged over. 2: also its mirror image; up to 10: also its corners (Krizhevsky 2012)."""
