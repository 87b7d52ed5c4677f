"""A torch network as a ``neocog.scratch`` one: the same layers, names and weights, which are not copied but shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from neocog import scratch
from neocog.interop.layers import Link, chain, converted, no_counterpart
from neocog.networks.layers import Maxout, MinPool2d
from neocog.networks.lenet5 import TableConv2d

TARGET = "the NumPy engine"
Arguments = dict[str, Any]  # plain values, which JSON can hold
LayerSpec = tuple[type[scratch.Module], Arguments]


def to_scratch(model: nn.Module) -> scratch.Sequential:
    """The same network in NumPy. Its arrays are the torch tensors' own memory: who changes one changes the other.

    ``model`` lies on the CPU. Raises UserError where it is not a chain of layers, or one of them has no counterpart.
    """
    hand = scratch.Sequential({name: kind(**arguments) for name, (kind, arguments) in layer_specs(model).items()})
    share(hand, model)
    return hand


def share(hand: scratch.Sequential, model: nn.Module) -> None:
    """Let the arrays of ``hand`` be the memory of the tensors of the same names."""
    arrays = {name: tensor.detach().numpy() for name, tensor in model.state_dict(keep_vars=True).items()}
    for place, layer in zip(hand.names, hand.layers, strict=True):
        for name, parameter in layer.named_parameters():
            parameter.data = arrays[f"{place}.{name}"]
        for name in layer.buffers:
            setattr(layer, name, arrays[f"{place}.{name}"])


def layer_specs(model: nn.Module) -> dict[str, LayerSpec]:
    """Layer name → class in ``neocog.scratch`` and its arguments. Raises UserError."""
    links = chain(model, TARGET)
    converted(links, KNOWN, TARGET)
    return {link.name: KNOWN[type(link.layer)](link) for link in links if type(link.layer) is not nn.Identity}


def convolution(link: Link) -> LayerSpec:
    layer: Any = link.layer
    if layer.padding_mode != "zeros":
        raise no_counterpart(link, TARGET, f"its border is '{layer.padding_mode}', not zeros")
    arguments = {
        "in_channels": layer.in_channels, "out_channels": layer.out_channels, "kernel_size": layer.kernel_size,
        "stride": layer.stride, "padding": border(link), "dilation": layer.dilation, "groups": layer.groups,
        "bias": layer.bias is not None,
    }  # fmt: skip
    if isinstance(layer, TableConv2d):
        arguments["table"] = layer.table[:, :, 0, 0].int().tolist()
    if isinstance(layer, nn.ConvTranspose2d):
        return scratch.ConvTranspose2d, {**arguments, "output_padding": layer.output_padding}
    return scratch.Conv2d, arguments


def border(link: Link) -> tuple[int, int]:
    """A convolution's padding in numbers, where torch was told "same" or "valid"."""
    layer: Any = link.layer
    if not isinstance(layer.padding, str):
        return layer.padding[0], layer.padding[1]
    if layer.padding == "valid":
        return 0, 0
    both = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(total % 2 for total in both):
        raise no_counterpart(link, TARGET, f"padding 'same' of a kernel {layer.kernel_size} is wider on one side")
    return both[0] // 2, both[1] // 2


def linear(link: Link) -> LayerSpec:
    layer: Any = link.layer
    arguments = {"in_features": layer.in_features, "out_features": layer.out_features, "bias": layer.bias is not None}
    return scratch.Linear, arguments


def extreme(link: Link) -> LayerSpec:
    layer: Any = link.layer
    if layer.return_indices:
        raise no_counterpart(link, TARGET, "return_indices gives a second output")
    kind = scratch.MinPool2d if isinstance(layer, MinPool2d) else scratch.MaxPool2d
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return kind, {name: getattr(layer, name) for name in names}


def mean(link: Link) -> LayerSpec:
    layer: Any = link.layer
    if layer.divisor_override is not None:
        raise no_counterpart(link, TARGET, "it has a divisor_override")
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    return scratch.AvgPool2d, {name: getattr(layer, name) for name in names}


def batch_norm(link: Link) -> LayerSpec:
    layer: Any = link.layer
    if layer.momentum is None or not layer.track_running_stats:
        raise no_counterpart(link, TARGET, "its running statistics have no momentum")
    arguments = {name: getattr(layer, name) for name in ("num_features", "eps", "momentum", "affine")}
    return scratch.BatchNorm2d, arguments


def flatten(link: Link) -> LayerSpec:
    layer: Any = link.layer
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise no_counterpart(link, TARGET, f"it joins the axes {layer.start_dim} to {layer.end_dim}, not 1 to the last")
    return scratch.Flatten, {}


def same_arguments(kind: type[scratch.Module], *names: str) -> Callable[[Link], LayerSpec]:
    """A layer that takes what torch's takes, under the same names."""
    return lambda link: (kind, {name: getattr(link.layer, name) for name in names})


KNOWN: dict[type[nn.Module], Callable[[Link], LayerSpec]] = {
    nn.Conv2d: convolution,
    TableConv2d: convolution,
    nn.ConvTranspose2d: convolution,
    nn.Linear: linear,
    nn.Flatten: flatten,
    nn.Identity: same_arguments(scratch.Module),  # left out of the chain
    nn.MaxPool2d: extreme,
    MinPool2d: extreme,
    nn.AvgPool2d: mean,
    nn.LPPool2d: same_arguments(scratch.LPPool2d, "norm_type", "kernel_size", "stride", "ceil_mode"),
    nn.BatchNorm2d: batch_norm,
    nn.Dropout: same_arguments(scratch.Dropout, "p"),
    nn.Dropout2d: same_arguments(scratch.Dropout2d, "p"),
    nn.Sigmoid: same_arguments(scratch.Sigmoid),
    nn.Tanh: same_arguments(scratch.Tanh),
    nn.ReLU: same_arguments(scratch.ReLU),
    nn.LeakyReLU: same_arguments(scratch.LeakyReLU, "negative_slope"),
    nn.ELU: same_arguments(scratch.ELU, "alpha"),
    nn.Softmax: same_arguments(scratch.Softmax, "dim"),
    Maxout: same_arguments(scratch.Maxout, "pieces"),
}
