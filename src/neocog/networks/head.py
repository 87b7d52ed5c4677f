"""A network as a backbone and a head: the last layer, what comes into it, and the layers before it by depth.

Letters: B samples, F features, K outputs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import Module, Parameter

from neocog.errors import UserError

CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def head_of(network: Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    """Dotted name and module of the last layer: a linear one, or a convolution whose maps are averaged. Raises UserError."""
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    if not layers or not layers[-1][0]:
        raise UserError("this network has no last linear layer that could be learned alone", fix="another --model")
    return layers[-1]


@contextmanager
def heads_input(network: Module) -> Iterator[threading.local]:
    """Within this block ``seen.features`` is what the head got in this thread's last forward pass: (B, F) or (B, F, H, W)."""
    seen = threading.local()
    hook = head_of(network)[1].register_forward_pre_hook(lambda _, given: setattr(seen, "features", given[0]))
    try:
        yield seen
    finally:
        hook.remove()


def features(network: Module, inputs: Tensor) -> Tensor:
    """(B, F) float32: the input of the head for ``inputs`` (B, C, …); maps are averaged over their pixels.

    The network computes in the mode that it is in: call ``eval()`` before.
    """
    with heads_input(network) as seen:
        network(inputs)
        return pooled(seen.features)


def pooled(maps: Tensor) -> Tensor:
    """(B, F) float32 of (B, F) or (B, F, …)."""
    return maps.float().flatten(2).mean(2) if maps.ndim > 2 else maps.float()


@torch.no_grad()
def set_head(network: Module, weight: Tensor, bias: Tensor) -> None:
    """Write ``weight`` (K, F) and ``bias`` (K,) into the first K outputs of the head; further outputs become 0."""
    name, head = head_of(network)
    if head.bias is None:
        raise UserError(f"the last layer {name} has no bias, which a linear probe needs", fix="another --model")
    head.weight.zero_()
    head.bias.zero_()
    head.weight[: len(weight)] = weight.reshape(*weight.shape, *(1,) * (head.weight.ndim - 2)).to(head.weight)
    head.bias[: len(bias)] = bias.to(head.bias)


def layers_by_depth(network: Module) -> list[list[Parameter]]:
    """The parameters of each layer, the head first and the one next to the images last.

    A layer is a block of the architecture (a convolution with its norm, a residual block, a transformer's block): a member
    of the network's containers, in the order in which they are registered. Norms belong to the layer before them.
    """
    head = head_of(network)[1]
    layers: list[list[Parameter]] = [[]]
    whole = sum(p.numel() for p in network.parameters() if all(p is not own for own in head.parameters()))
    for block in _blocks(network, head, whole / 2):
        own = [block] if isinstance(block, Parameter) else list(block.parameters())
        if any(p.ndim > 1 for p in own) and any(p.ndim > 1 for p in layers[-1]):
            layers.append([])
        layers[-1] += own
    return [list(head.parameters()), *reversed([layer for layer in layers if layer])]


def _blocks(module: Module, head: Module, most: float) -> Iterator[Module | Parameter]:
    """Blocks below ``module`` in their order: its own parameters, and its children, of which containers, and what holds
    more than ``most`` parameters or the head, are taken apart."""
    yield from module.parameters(recurse=False)
    for child in module.children():
        if child is head:
            continue
        large = sum(p.numel() for p in child.parameters()) > most and any(True for _ in child.children())
        if isinstance(child, CONTAINERS) or large or any(each is head for each in child.modules()):
            yield from _blocks(child, head, most)
        else:
            yield child
