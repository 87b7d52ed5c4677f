"""Where one number of a gradient comes from: what the layer passes back to a place of its input, or to one of its weights.

``explain_gradient(layer, x, dy, index, *more)``: ∂S/∂x at ``index`` = Σ ∂S/∂y · ∂y/∂x over the outputs y that saw it, for x
(C, …), one sample's input, and dy, the gradient by the layer's output, both in float64. A layer that is not known gives None.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from torch import nn

from neocog.attribution.forward import Index, at_value, explain_value, region, whole_factor
from neocog.attribution.terms import (
    ADAPTIVE,
    BATCH_NORMS,
    CONVOLUTIONS,
    FUNCTIONS,
    MAX_POOLS,
    MEAN_POOLS,
    SAME,
    TRANSPOSED,
    Array,
    Terms,
    Window,
    at,
    grid,
    kernel_of,
    share,
    summed,
)
from neocog.networks.layers import Maxout


@singledispatch
def explain_gradient(layer: nn.Module, x: Array, dy: Array, index: Index, *more: Array) -> Terms | None:
    """The gradient by the input at ``index``, explained; None where such a layer's arithmetic is not known."""
    return None


@explain_gradient.register
def convolution(layer: CONVOLUTIONS, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """Σ w[o, c, u] · dy[o, r] over all r·S + u·D − P = i: the kernel turned round, over the gradient of every map."""
    channel, *place = index
    group, inside = divmod(channel, layer.in_channels // layer.groups)
    per = layer.out_channels // layer.groups
    if layer.padding_mode != "zeros":
        return seen_twice(layer, x, dy, index, slice(group * per, group * per + per), inside)
    turned = [axis[::-1] for axis in Window.of(layer, x.ndim - 1).seen_by(place, dy.shape[1:])]
    places = grid(range(group * per, group * per + per), *turned)
    weight = kernel_of(layer)[group * per : group * per + per, inside]
    weight = weight[(slice(None), *[slice(None, None, -1)] * (x.ndim - 1))]
    return summed("products", weight.shape, places, at(dy, places), weight)


def seen_twice(layer: CONVOLUTIONS, x: Array, dy: Array, index: Index, outputs: slice, inside: int) -> Terms:
    """The same where the border repeats the map: a window may see a place several times, and its weights there add up."""
    window, weights, axes = Window.of(layer, x.ndim - 1), kernel_of(layer)[outputs, inside], []
    for side, i in enumerate(index[1:]):
        reached = np.stack(
            [window.under([u] * (x.ndim - 1), dy.shape[1:], x.shape[1:])[side] for u in range(window.kernel[side])]
        )
        seen = reached == i  # (k, r)
        axes.append(np.flatnonzero(seen.any(0)))
        weights = np.moveaxis(np.tensordot(seen[:, axes[-1]].T, weights, (1, side + 1)), 0, side + 1)
    places = grid(range(outputs.start, outputs.stop), *axes)
    return summed("products", weights.shape, places, at(dy, places), weights)


@explain_gradient.register
def transposed(layer: TRANSPOSED, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """Σ w[c, o, u] · dy[o, i·S + u·D − P]: the convolution whose way back this layer is."""
    channel, *place = index
    group, per = channel // (layer.in_channels // layer.groups), layer.out_channels // layer.groups
    reach = Window.of(layer, x.ndim - 1).reach(place, dy.shape[1:])
    places = grid(range(group * per, group * per + per), *reach)
    weight = kernel_of(layer)[channel]
    return summed("products", weight.shape, places, at(dy, places), weight)


@explain_gradient.register
def linear(layer: nn.Linear, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """Σ w[o, i] · dy[o]: a column of the matrix, where forward it is a row."""
    *row, feature = index
    places = grid(*([r] for r in row), range(layer.out_features))
    weight = kernel_of(layer)[:, feature]
    return summed("products", weight.shape, places, at(dy, places), weight)


@explain_gradient.register
def scaled(layer: BATCH_NORMS, x: Array, dy: Array, index: Index, *more: Array) -> Terms | None:
    """dy · γ / √(σ² + ε): one place alone, as the running μ and σ² do not depend on the sample in evaluation."""
    forward = explain_value(layer, x, index)
    return None if forward is None else summed("scale", (1,), [index], dy[index], forward.weights, **forward.facts)


@explain_gradient.register
def standardised(
    layer: nn.GroupNorm | nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d,
    x: Array, dy: Array, index: Index, *more: Array,
) -> Terms | None:  # fmt: skip
    """Σ γ dy (δ − 1/n − x̂ x̂ᵢ / n) / √(σ² + ε): every place of the group, whose μ and σ² the one changes."""
    forward = explain_value(layer, x, index)
    if forward is None:
        return None
    channels = region(layer, len(x), index[0])
    together = x[channels]
    deviation = np.sqrt(together.var() + layer.eps)
    standard = (together - together.mean()) / deviation
    mine = (x[index] - together.mean()) / deviation
    places = grid(range(channels.start, channels.stop), *(range(n) for n in x.shape[1:]))
    same = (places == np.array(index)).all(1)
    gain = np.ones(len(x)) if layer.weight is None else layer.weight.detach().double().cpu().numpy()
    inner = same - (1 + standard.ravel() * mine) / together.size
    weights = gain[places[:, 0]] * inner / deviation
    return summed("products", together.shape, places, at(dy, places), weights)


@explain_gradient.register
def function(layer: FUNCTIONS, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """dy · f′(x)."""
    facts: dict[str, Any] = {"function": type(layer).__name__, "input": float(x[index])}
    return summed("derivative", (1,), [index], dy[index], at_value(layer, float(x[index]))[1], **facts)


@explain_gradient.register
def learned_slope(layer: nn.PReLU, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """dy above 0, below it dy · a[c]."""
    forward = explain_value(layer, x, index)
    assert forward is not None
    return summed("derivative", (1,), [index], dy[index], forward.weights, function="PReLU", input=float(x[index]))


@explain_gradient.register
def pooled(layer: MAX_POOLS | MEAN_POOLS | nn.LPPool2d, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """Σ dy · ∂y/∂x over the windows that see the place: of a maximum 1 where it was the largest, else 0."""
    channel, *place = index
    windows = list(Window.of(layer, x.ndim - 1).around(place, dy.shape[1:]))
    return through(layer, x, dy, index, [(channel, *window) for window in windows])


@explain_gradient.register
def adaptive(layer: ADAPTIVE, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """Σ dy / n over the outputs whose share of the map has the place."""
    channel, *place = index
    sides = zip(x.shape[1:], dy.shape[1:], place, strict=True)
    seen = [[r for r in range(outputs) if i in share((n, outputs), r)] for n, outputs, i in sides]
    return through(layer, x, dy, index, [tuple(map(int, window)) for window in grid([channel], *seen)])


@explain_gradient.register
def maxout(layer: Maxout, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """dy where this channel was the largest, else 0."""
    return through(layer, x, dy, index, [(index[0] // layer.pieces, *index[1:])])


@explain_gradient.register
def unpooled(layer: nn.MaxUnpool2d, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    """dy at the place that the pool before had noted."""
    place = divmod(int(more[0][index]), dy.shape[2])
    return copied(dy, (index[0], *place))


@explain_gradient.register
def same(layer: SAME, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    return copied(dy, index)


@explain_gradient.register
def flattened(layer: nn.Flatten, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    return copied(dy, (int(np.ravel_multi_index(index, x.shape)),))


@explain_gradient.register
def folded(layer: nn.Unflatten, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    return copied(dy, tuple(int(i) for i in np.unravel_index(index[0], dy.shape)))


@explain_gradient.register
def shuffled(layer: nn.ChannelShuffle, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    per = len(x) // layer.groups
    return copied(dy, (index[0] % per * layer.groups + index[0] // per, *index[1:]))


@explain_gradient.register
def interleaved(layer: nn.PixelShuffle, x: Array, dy: Array, index: Index, *more: Array) -> Terms:
    (channel, row, column), f = index, layer.upscale_factor
    channel, (down, right) = channel // f**2, divmod(channel % f**2, f)
    return copied(dy, (channel, row * f + down, column * f + right))


@explain_gradient.register
def repeated(layer: nn.Upsample, x: Array, dy: Array, index: Index, *more: Array) -> Terms | None:
    """Σ dy over all places that the value was repeated at."""
    f = whole_factor(layer)
    if f is None:
        return None
    places = grid([index[0]], *(range(r * f, r * f + f) for r in index[1:]))
    return summed("windows", (len(places),), places, at(dy, places), np.ones(len(places)))


def copied(dy: Array, place: Index) -> Terms:
    return summed("copy", (1,), [place], at(dy, np.array([place])), 1.0)


def through(layer: nn.Module, x: Array, dy: Array, index: Index, outputs: Sequence[Index]) -> Terms:
    """Σ over ``outputs`` of dy and of the weight that ``index`` had in each of them."""
    weights = []
    for output in outputs:
        terms = explain_value(layer, x, output)
        assert terms is not None
        weights.append(float(terms.weights[(terms.places == np.array(index)).all(1)].sum()))
    places = np.array(outputs, np.int64).reshape(-1, x.ndim)
    return summed("windows", (len(outputs),), places, at(dy, places), np.array(weights))


def explain_weight(layer: nn.Module, x: Array, dy: Array, name: str, index: Index) -> Terms | None:
    """∂S/∂w at ``index`` of the parameter ``name`` ("weight" or "bias"): Σ dy · ∂y/∂w over all outputs; None where not known.

    The terms stand in dy; ``weights`` are what the weight was multiplied by there.
    """
    if isinstance(layer, nn.Linear) and x.ndim == 1:
        weight = 1.0 if name == "bias" else x[index[1]]
        return summed("products", (1,), [index[:1]], dy[index[0]], weight)
    if isinstance(layer, nn.PReLU):  # Σ dy · x where x is below 0, over the channels that share the slope
        places = grid(range(index[0], len(x), layer.num_parameters), *(range(side) for side in x.shape[1:]))
        return summed("products", (len(places),), places, at(dy, places), np.minimum(at(x, places), 0))
    if not isinstance(layer, CONVOLUTIONS | TRANSPOSED | BATCH_NORMS):
        return None
    sides = range(1, dy.ndim)
    if isinstance(layer, TRANSPOSED) and name == "weight":
        return _of_transposed(layer, x, dy, index)
    places = grid([index[0]], *(range(dy.shape[side]) for side in sides))
    if name == "bias":
        seen = np.ones(len(places))
    elif isinstance(layer, BATCH_NORMS):
        if layer.running_mean is None or layer.running_var is None:
            return None
        channel = index[0]
        mean, variance = layer.running_mean[channel].item(), layer.running_var[channel].item()
        seen = ((x[index[0]] - mean) / np.sqrt(variance + layer.eps)).ravel()
    else:
        if _unconnected(layer, index):
            return None
        window, inputs = Window.of(layer, x.ndim - 1), layer.in_channels // layer.groups
        group = index[0] // (layer.out_channels // layer.groups)
        axes = window.under(index[2:], dy.shape[1:], x.shape[1:])
        seen = at(x, grid([group * inputs + index[1]], *axes))
    return summed("products", dy.shape[1:], places, at(dy, places), seen)


def _unconnected(layer: Any, index: Index) -> bool:
    """Whether LeNet-5's table of connections leaves this kernel out."""
    return hasattr(layer, "table") and not layer.table[index[:2]].any()


def _of_transposed(layer: TRANSPOSED, x: Array, dy: Array, index: Index) -> Terms:
    """Σ x[c, i] · dy[o, i·S + u·D − P]."""
    window, per = Window.of(layer, x.ndim - 1), layer.out_channels // layer.groups
    channel = index[0] // (layer.in_channels // layer.groups) * per + index[1]
    places = grid([channel], *window.under(index[2:], x.shape[1:], dy.shape[1:]))
    return summed("products", x.shape[1:], places, at(dy, places), x[index[0]])
