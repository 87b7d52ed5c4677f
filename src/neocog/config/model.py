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
    """Which network: a name from `neocog models`. Or torchvision:NAME, timm:NAME, path/to/file.py:Class; auto: by task and data."""
    options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)
    """The network's own options, by name."""


@dataclass(frozen=True)
class TransferConfig:
    """Pretrained weights, and how they are fine-tuned."""

    pretrained: str = ""
    """Weights to start from: imagenet, timm:NAME, FILE or RUN. Also torchvision:NAME and hf:ID. imagenet: a network that suits
    this machine; FILE: .safetensors; RUN: the folder of a run of any task. Their preprocessing comes with them."""
    tune: str = "auto"
    """What is fine-tuned: head, all, last:N or auto. head: the last layer alone, on features that are computed once; all: then
    every layer, too; last:N: then the last N blocks; auto: all, if that is better on samples that neither learned from."""
    layer_decay: Annotated[float, Range(0, 1, above=True)] = 0.75
    """Learning rate of each layer, as a share of the next layer's. The first layers change least (Clark et al. 2020)."""
    tune_norms: Annotated[bool, Parameter(negative=())] = False
    """Update batch norm's means and variances, too. Without it they stay those of the pretrained network."""
    probe_views: Annotated[int, Range(1, 10)] = 1
    """Views of each training image that the linear probe learns from. Its features are computed once for each view: the image
    itself, and random changes of it (--augment)."""
    views: Annotated[int, Range(1, 10)] = 1
    """Views of an image over which predictions are averaged. 2: also its mirror image; up to 10: also its corners (Krizhevsky
    et al. 2012)."""
