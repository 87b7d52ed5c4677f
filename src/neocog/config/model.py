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
    """Network: a name from `neocog models`. Or torchvision:NAME, timm:NAME, path/to/file.py:Class; auto: by task and data. Of
    classes auto is cnn, of 10,000 and more pictures in colour of 17 to 64 pixels a narrow airbench."""
    options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)
    """The network's own options, by name."""


@dataclass(frozen=True)
class TransferConfig:
    """Pretrained weights, and how they are fine-tuned."""

    pretrained: str = ""
    """Weights to start from: imagenet, timm:NAME, FILE or RUN. Also torchvision:NAME and hf:ID. imagenet: a network that suits
    this machine; FILE: .safetensors; RUN: the folder of a run of any task. Their preprocessing comes with them."""
    tune: str = "auto"
    """What to fine-tune: head, all, last:N or auto. head: only the last layer, on features that are computed once; all: then every
    layer; last:N: then the last N blocks; auto: all, if that is better on samples that neither has learned from."""
    layer_decay: Annotated[float, Range(0, 1, above=True)] = 0.75
    """Learning rate of each layer, relative to that of the next layer. The first layers change least (Clark et al. 2020)."""
    tune_norms: Annotated[bool, Parameter(negative=())] = False
    """Also update the means and variances of batch norm. Otherwise they stay those of the pretrained network."""
    probe_views: Annotated[int, Range(1, 10)] = 1
    """Views of each training image that the linear probe learns from. Features are computed once per view: of the image itself, and
    of random changes of it (--augment)."""
    views: Annotated[int, Range(1, 10)] = 1
    """Views per image over which predictions are averaged. 2: also its mirror image; up to 10: also its corners (Krizhevsky
    et al. 2012)."""
