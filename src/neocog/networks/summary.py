"""What a network is made of, layer by layer, as one image passes through it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One row: name in the state dict, kind, output shape without the batch, and parameters of its own."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def layers(model: nn.Module, channels: int, size: tuple[int, ...]) -> list[Layer]:
    """The leaf layers in the order in which a sample (C, …) meets them. The model's mode and weights stay as they are."""
    rows: list[Layer] = []

    def hook(name: str, layer: nn.Module) -> None:
        def note(_layer: nn.Module, _inputs: object, output: object) -> None:
            own = sum(p.numel() for p in layer.parameters())
            maps = output[0] if isinstance(output, tuple) else output  # a pool gives the places too, an LSTM its state
            shape = tuple(maps.shape[1:]) if isinstance(maps, Tensor) else ()
            rows.append(Layer(name, type(layer).__name__, shape, own))

        hooks.append(layer.register_forward_hook(note))

    hooks: list[torch.utils.hooks.RemovableHandle] = []
    training = model.training
    for name, layer in model.named_modules():
        if not list(layer.children()):
            hook(name or type(model).__name__, layer)
    try:
        first = next(model.parameters(), torch.zeros(1))
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, channels, *size, device=first.device, dtype=first.dtype))
    finally:
        model.train(training)
        for handle in hooks:
            handle.remove()
    return rows


def first_filters(model: nn.Module) -> Tensor | None:
    """Weights (out, in, kh, kw) of the first convolution, or None."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.weight.detach().float().cpu()
    return None
