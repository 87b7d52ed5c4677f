"""Where one number of a layer's output comes from: the window that it saw, the weights, the products, and their sum.

``explain_value(layer, x, index, *more)`` for x (C, …), one sample's input in float64, and the place ``index`` in the output. A
layer that is not known gives None. Letters as in ``terms``.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch import nn

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
    bias_of,
    grid,
    kernel_of,
    mean_window,
    share,
    summed,
)
from neocog.networks.layers import Maxout, MinPool2d

Index = tuple[int, ...]


@singledispatch
def explain_value(layer: nn.Module, x: Array, index: Index, *more: Array) -> Terms | None:
    """The output's value at ``index``, explained; None where such a layer's arithmetic is not known."""
    return None


@explain_value.register
def convolution(layer: CONVOLUTIONS, x: Array, index: Index, *more: Array) -> Terms:
    """y[o, r] = b[o] + Σ w[o, c, u] · x[c, r·S + u·D − P]; beyond the map stands what the padding repeats there."""
    channel, *place = index
    per = layer.in_channels // layer.groups
    first = channel // (layer.out_channels // layer.groups) * per
    window = Window.of(layer, x.ndim - 1)
    places = grid(range(first, first + per), *window.reach(place, x.shape[1:]))
    weight = kernel_of(layer)[channel]
    return summed("products", weight.shape, places, at(x, places), weight, bias_of(layer, channel))


@explain_value.register
def transposed(layer: TRANSPOSED, x: Array, index: Index, *more: Array) -> Terms:
    """y[o, r] = b[o] + Σ w[c, o, u] · x[c, i] over all i·S + u·D − P = r."""
    channel, *place = index
    group, inside = divmod(channel, layer.out_channels // layer.groups)
    per = layer.in_channels // layer.groups
    channels = range(group * per, group * per + per)
    places = grid(channels, *Window.of(layer, x.ndim - 1).seen_by(place, x.shape[1:]))
    weight = kernel_of(layer)[channels.start : channels.stop, inside]
    return summed("products", weight.shape, places, at(x, places), weight, bias_of(layer, channel))


@explain_value.register
def linear(layer: nn.Linear, x: Array, index: Index, *more: Array) -> Terms:
    """y[o] = b[o] + Σ w[o, i] · x[i]."""
    *row, channel = index
    places = grid(*([r] for r in row), range(layer.in_features))
    weight = kernel_of(layer)[channel]
    return summed("products", weight.shape, places, at(x, places), weight, bias_of(layer, channel))


@explain_value.register
def batch_norm(layer: BATCH_NORMS, x: Array, index: Index, *more: Array) -> Terms | None:
    """y = γ (x − μ) / √(σ² + ε) + β, with the running μ and σ² of the channel."""
    if layer.running_mean is None or layer.running_var is None:
        return None
    channel = index[0]
    mean, variance = layer.running_mean[channel].item(), layer.running_var[channel].item()
    gain, shift = (1.0, 0.0) if not layer.affine else (layer.weight[channel].item(), layer.bias[channel].item())
    derivative = gain / np.sqrt(variance + layer.eps)
    facts = {"mean": mean, "variance": variance, "gain": gain, "shift": shift, "eps": layer.eps}
    return summed("scale", (1,), [index], x[index], derivative, shift - mean * derivative, **facts)


def region(
    layer: nn.GroupNorm | nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d, channels: int, at: int
) -> slice:
    """The channels that are standardised together with channel ``at``."""
    per = channels // layer.num_groups if isinstance(layer, nn.GroupNorm) else 1
    return slice(at // per * per, at // per * per + per)


@explain_value.register
def standardised(
    layer: nn.GroupNorm | nn.InstanceNorm1d | nn.InstanceNorm2d | nn.InstanceNorm3d,
    x: Array,
    index: Index,
    *more: Array,
) -> Terms | None:
    """y = γ (x − μ) / √(σ² + ε) + β, with μ and σ² of the sample's own group of channels."""
    if getattr(layer, "track_running_stats", False):
        return None
    channel = index[0]
    together = x[region(layer, len(x), channel)]
    gain, shift = (1.0, 0.0) if layer.weight is None else (layer.weight[channel].item(), layer.bias[channel].item())
    derivative = gain / np.sqrt(together.var() + layer.eps)
    facts = {"mean": float(together.mean()), "variance": float(together.var()), "gain": gain, "shift": shift}
    constant = float(shift - together.mean() * derivative)
    return summed("standardise", (1,), [index], x[index], derivative, constant, eps=layer.eps, **facts)


@explain_value.register
def function(layer: FUNCTIONS, x: Array, index: Index, *more: Array) -> Terms:
    """y = f(x)."""
    value, derivative = at_value(layer, float(x[index]))
    name = type(layer).__name__
    return Terms(
        "function",
        (1,),
        np.array([index]),
        np.array([x[index]]),
        np.array([derivative]),
        value,
        0.0,
        {"function": name},
    )


@explain_value.register
def learned_slope(layer: nn.PReLU, x: Array, index: Index, *more: Array) -> Terms:
    """y = x above 0, below it a[c] · x."""
    factor = layer.weight[index[0] % layer.num_parameters].item()
    derivative = 1.0 if x[index] > 0 else factor
    facts = {"function": "PReLU", "factor": factor}
    given = np.array([x[index]])
    return Terms(
        "function", (1,), np.array([index]), given, np.array([derivative]), derivative * float(x[index]), 0.0, facts
    )


def at_value(layer: nn.Module, value: float) -> tuple[float, float]:
    """f(value) and f′(value) of an activation."""
    with torch.enable_grad():
        given = torch.tensor([[value]], dtype=torch.float64, requires_grad=True)
        found = layer(given.clone())
        (derivative,) = torch.autograd.grad(found.sum(), given)
    return found.item(), derivative.item()


@explain_value.register
def largest(layer: MAX_POOLS, x: Array, index: Index, *more: Array) -> Terms:
    """y = max over the window; the first in reading order among equals."""
    channel, *place = index
    window = Window.of(layer, x.ndim - 1)
    places = grid([channel], *window.reach(place, x.shape[1:]))
    values = at(x, places)
    sign = -1 if isinstance(layer, MinPool2d) else 1
    chosen = np.where((places >= 0).all(1), sign * values, -np.inf).argmax()
    weights = np.arange(len(values)) == chosen
    return summed("largest" if sign > 0 else "smallest", (1, *window.kernel), places, values, weights)


@explain_value.register
def mean(layer: MEAN_POOLS, x: Array, index: Index, *more: Array) -> Terms:
    """y = Σ x / n."""
    channel, *place = index
    window = Window.of(layer, x.ndim - 1)
    reach, count = mean_window(layer, window, place, x.shape[1:])
    places = grid([channel], *reach)
    weights = np.full(len(places), 1 / count)
    return summed("mean", (1, *window.kernel), places, at(x, places), weights, count=count)


@explain_value.register
def adaptive_mean(layer: ADAPTIVE, x: Array, index: Index, *more: Array) -> Terms:
    """y = the mean of a share of the map."""
    channel, *place = index
    outputs: Any = layer.output_size
    sides = x.shape[1:]
    wanted = (outputs,) * len(sides) if isinstance(outputs, int) else tuple(outputs)
    shares = [share((n, o or n), r) for n, o, r in zip(sides, wanted, place, strict=True)]
    places = grid([channel], *shares)
    weights = np.full(len(places), 1 / len(places))
    return summed("mean", (1, *map(len, shares)), places, at(x, places), weights, count=float(len(places)))


@explain_value.register
def powers(layer: nn.LPPool2d, x: Array, index: Index, *more: Array) -> Terms:
    """y = (Σ x^p)^(1/p)."""
    channel, *place = index
    window, p = Window.of(layer, 2), float(layer.norm_type)
    places = grid([channel], *window.reach(place, x.shape[1:]))
    values = at(x, places)
    value = float((values**p).sum() ** (1 / p))
    derivatives = np.zeros_like(values) if value == 0 else (values / value) ** (p - 1)
    return Terms("powers", (1, *window.kernel), places, values, derivatives, value, 0.0, {"power": p})


@explain_value.register
def maxout(layer: Maxout, x: Array, index: Index, *more: Array) -> Terms:
    """y[c] = the largest of as many neighbouring channels."""
    channel, *place = index
    places = grid(range(channel * layer.pieces, (channel + 1) * layer.pieces), *([r] for r in place))
    values = at(x, places)
    weights = np.arange(len(values)) == values.argmax()
    return summed("largest", (layer.pieces,), places, values, weights)


@explain_value.register
def unpooled(layer: nn.MaxUnpool2d, x: Array, index: Index, *more: Array) -> Terms:
    """y = x where the pool before found its largest value, else 0; ``more``: the flat places (C, h, w) that it noted, y's sides."""
    found = np.flatnonzero(more[0][index[0]].ravel() == index[1] * int(more[1][1]) + index[2])
    place = (index[0], *np.unravel_index(found[0], x.shape[1:])) if len(found) else (-1,) * 3
    return copied(x, tuple(map(int, place)))


@explain_value.register
def same(layer: SAME, x: Array, index: Index, *more: Array) -> Terms:
    """y = x: dropout does nothing in evaluation."""
    return copied(x, index)


@explain_value.register
def flattened(layer: nn.Flatten, x: Array, index: Index, *more: Array) -> Terms:
    """y[i] = x in reading order, map after map."""
    return copied(x, tuple(int(i) for i in np.unravel_index(index[0], x.shape)))


@explain_value.register
def folded(layer: nn.Unflatten, x: Array, index: Index, *more: Array) -> Terms:
    """y[c, r, s] = x[i]."""
    sizes = tuple(layer.unflattened_size)
    return copied(x, (int(np.ravel_multi_index(index, sizes)),))


@explain_value.register
def shuffled(layer: nn.ChannelShuffle, x: Array, index: Index, *more: Array) -> Terms:
    """Channel c of g groups comes from channel (c mod g) · C/g + c // g."""
    channel, *place = index
    return copied(x, (channel % layer.groups * (len(x) // layer.groups) + channel // layer.groups, *place))


@explain_value.register
def interleaved(layer: nn.PixelShuffle, x: Array, index: Index, *more: Array) -> Terms:
    """y[c, r, s] = x[c·f² + (r mod f)·f + s mod f, r // f, s // f]."""
    (channel, row, column), f = index, layer.upscale_factor
    return copied(x, ((channel * f + row % f) * f + column % f, row // f, column // f))


@explain_value.register
def repeated(layer: nn.Upsample, x: Array, index: Index, *more: Array) -> Terms | None:
    """y[c, r] = x[c, r // f]."""
    f = whole_factor(layer)
    return None if f is None else copied(x, (index[0], *(r // f for r in index[1:])))


def whole_factor(layer: nn.Upsample) -> int | None:
    """How often each value is repeated along each side; None of an enlargement that mixes neighbours."""
    f = layer.scale_factor
    return int(f) if layer.mode == "nearest" and isinstance(f, int | float) and f == int(f) else None


def copied(x: Array, place: Index) -> Terms:
    return summed("copy", (1,), [place], at(x, np.array([place])), 1.0)


def softmax(logits: Array, temperature: float, offsets: Array | None, index: int) -> Terms:
    """p[k] = e^(z[k]/T + o[k]) / Σ e^(z/T + o) of logits (K,): ``values`` are the exponentials over the largest, ``weights`` 1 / Σ
    for the class itself."""
    scaled = np.asarray(logits, np.float64) / temperature + (0.0 if offsets is None else offsets)
    powers = np.exp(scaled - scaled.max())
    weights = np.where(np.arange(len(powers)) == index, 1 / powers.sum(), 0.0)
    places = np.arange(len(powers))[:, None]
    return summed("softmax", powers.shape, places, powers, weights, temperature=temperature, total=float(powers.sum()))
