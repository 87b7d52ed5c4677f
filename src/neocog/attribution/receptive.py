"""The receptive field: the part of the network's input that a place in a layer can depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from neocog.attribution.layers import Layer
from neocog.attribution.terms import (
    ADAPTIVE,
    CONVOLUTIONS,
    FUNCTIONS,
    MAX_POOLS,
    MEAN_POOLS,
    SAME,
    TRANSPOSED,
    Window,
    share,
)

Box = tuple[tuple[int, int], ...]  # (first, last) along each side
OWN_PLACE = FUNCTIONS | SAME | nn.modules.batchnorm._BatchNorm | nn.ChannelShuffle


def receptive_field(layers: Sequence[Layer], number: int, place: Sequence[int], sides: Sequence[int]) -> Box:
    """(first, last) rows, columns … of an input of ``sides`` that the output of layer ``number`` at ``place`` can depend on.

    ``place`` is without the channel; () for a vector, which may see everything. Where outputs are joined, all that are. The layers
    were ``traced`` with gradients, which know what was joined.
    """
    boxes = {number: tuple((at, at) for at in place)}
    found: list[Box] = []
    for position in range(number, -1, -1):
        if position not in boxes:
            continue
        layer = layers[position]
        given = tuple(layer.given[0].shape[2:]) if layer.given else ()
        box = _before(layer.module, boxes[position], given)
        if -1 in layer.sources or not layer.sources:
            found.append(box if len(box) == len(sides) else _whole(sides))
        for source in (each for each in layer.sources if each >= 0):
            here = box if len(layers[source].sides) == len(given) else _whole(layers[source].sides)
            boxes[source] = _around(boxes[source], here) if source in boxes else here
    clipped = [tuple((max(a, 0), min(b, n - 1)) for (a, b), n in zip(box, sides, strict=True)) for box in found]
    return _joined(clipped) if clipped else _whole(sides)


def _before(module: nn.Module, box: Box, given: Sequence[int]) -> Box:
    """What a layer must see of its input, of sides ``given``, for the ``box`` of its output."""
    if len(box) != len(given) or not box:
        return _whole(given)
    if isinstance(module, CONVOLUTIONS | MAX_POOLS | MEAN_POOLS | nn.LPPool2d):
        w = Window.of(module, len(given))
        steps = zip(box, w.stride, w.padding, w.dilation, w.kernel, strict=True)
        return tuple((a * s - p, b * s - p + d * (k - 1)) for (a, b), s, p, d, k in steps)
    if isinstance(module, TRANSPOSED):
        w = Window.of(module, len(given))
        steps = zip(box, w.stride, w.padding, w.dilation, w.kernel, strict=True)
        return tuple((-(-(a + p - d * (k - 1)) // s), (b + p) // s) for (a, b), s, p, d, k in steps)
    if isinstance(module, ADAPTIVE):
        wanted: Any = module.output_size
        outputs = (wanted,) * len(given) if isinstance(wanted, int) else wanted
        shares = [
            (share((n, o or n), a), share((n, o or n), b)) for (a, b), n, o in zip(box, given, outputs, strict=True)
        ]
        return tuple((first[0], last[-1]) for first, last in shares)
    if isinstance(module, OWN_PLACE) or _keeps_places(module):
        return box
    return _whole(given)


def _keeps_places(module: nn.Module) -> bool:
    """Whether a module that is not known by its class has no weights and no window: an activation."""
    return (
        not list(module.parameters(recurse=False))
        and not hasattr(module, "kernel_size")
        and not isinstance(
            module, nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d | nn.GroupNorm | nn.Flatten | nn.Unflatten
        )
    )


def _whole(sides: Sequence[int]) -> Box:
    return tuple((0, n - 1) for n in sides)


def _around(first: Box, second: Box) -> Box:
    return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(first, second, strict=True))


def _joined(boxes: Sequence[Any]) -> Box:
    found = boxes[0]
    for box in boxes[1:]:
        found = _around(found, box)
    return tuple(found)
