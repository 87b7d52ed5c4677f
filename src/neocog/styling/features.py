"""What sees the pictures: the plain network of random weights, or the layers of a trained one.

In networks with sums of paths (ResNets) few maps are large and hold nearly all of a Gram matrix; there maps go through a softmax
first (SWAG: Wang, Li & Vasconcelos 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neocog.attribution.layers import Layer, features
from neocog.data.normalise import from_unit_range, normalise
from neocog.errors import UserError
from neocog.predictor import Predictor
from neocog.styling.network import Plain

ACTIVATIONS = ("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "GELU", "SiLU", "Hardswish", "Mish")
MOST = 8  # layers
COARSEST = 16  # pixels of a picture that one place of the coarsest map stands for
LUMA = (0.299, 0.587, 0.114)  # ITU-R 601


@dataclass(frozen=True)
class Features:
    """``see``: (1, 3, H, W) in 0 … 1 → maps of the layers ``names``; ``smooth``: whether they go through a softmax."""

    names: tuple[str, ...]
    see: Callable[[Tensor], Sequence[Tensor]]
    smooth: bool = False

    def __call__(self, images: Tensor) -> list[Tensor]:
        """(1, 1 or 3, H, W) → maps (1, C, h, w)."""
        maps = self.see(images.expand(-1, 3, -1, -1))
        return [smoothed(each) for each in maps] if self.smooth else list(maps)


def smoothed(maps: Tensor) -> Tensor:
    """(1, C, h, w) → softmax over all channels and places, with mean 1."""
    return maps.flatten().softmax(0).reshape(maps.shape) * maps.numel()


def random_features(seed: int) -> Features:
    """Those of the plain network."""
    network = Plain(seed)
    return Features(network.names, network)


def trained_features(predictor: Predictor) -> Features:
    """Those of a trained network's activations, at most eight. Raises UserError where it has no maps of colour or grey images."""
    preprocessing, network = predictor.preprocessing, predictor.network.requires_grad_(False)
    where = str(predictor.folder)
    if len(preprocessing.size) != 2 or preprocessing.encoding != "intensity" or preprocessing.channels not in (1, 3):
        raise UserError("--features: this network sees no grey or colour images", where, "give a run on such images")
    every = [
        layer for layer in features(network, torch.zeros(1, preprocessing.inputs, *preprocessing.size)) if layer.sides
    ]
    chosen = spread(seen_well(every, preprocessing.size))
    if not chosen:
        raise UserError(
            "--features: this network has no layers with maps", where, "give a convolutional one, such as cnn"
        )
    names = tuple(layer.name for layer in chosen)

    def see(images: Tensor) -> list[Tensor]:
        if preprocessing.channels == 1:
            images = (images * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        return maps_of(network, names, normalise(from_unit_range(images, preprocessing), preprocessing))

    return Features(names, see, smooth=not all(layer.direct for layer in every))


def seen_well(layers: Sequence[Layer], size: tuple[int, ...]) -> list[Layer]:
    """The activations, where there are none the convolutions; not those whose maps are too coarse to hold a texture."""
    fine = [layer for layer in layers if COARSEST * min(layer.sides) >= min(size)]
    return [each for each in fine if each.kind in ACTIVATIONS] or [each for each in fine if each.kind == "Conv2d"]


def spread(layers: list[Layer]) -> list[Layer]:
    """At most ``MOST`` of them, evenly, with the first and the last."""
    if len(layers) <= MOST:
        return layers
    return [layers[round(i * (len(layers) - 1) / (MOST - 1))] for i in range(MOST)]


class _Enough(Exception):
    """The last layer that is wanted has been seen."""


def maps_of(network: nn.Module, names: Sequence[str], inputs: Tensor) -> list[Tensor]:
    """The outputs of these layers ("relu (2)": at its second call). What comes after the last is not computed: a network's
    head may need one size alone."""
    found, calls = dict[str, Tensor](), dict[str, int]()

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def after(_module: nn.Module, _given: object, output: Tensor) -> None:
            calls[name] = calls.get(name, 0) + 1
            label = name if calls[name] == 1 else f"{name} ({calls[name]})"
            if label in names:
                found[label] = output.clone()  # what follows may overwrite it
            if len(found) == len(names):
                raise _Enough

        return after

    plain = {name.partition(" (")[0] for name in names}
    handles = [network.get_submodule(name).register_forward_hook(note(name)) for name in sorted(plain)]
    try:
        network(inputs)
    except _Enough:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return [found[name] for name in names]
