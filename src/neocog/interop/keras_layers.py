"""Each of torch's layers in Keras's words: layers of Keras's own alone, so that a saved model holds no code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import nn

from neocog.interop.layers import Link, no_counterpart
from neocog.networks.layers import Maxout, MinPool2d
from neocog.networks.lenet5 import TableConv2d

TARGET = "Keras"
Convert = Callable[[Link, Any, Any], Any]  # a layer, Keras, its input (B, H, W, C) → its output


def label(link: Link) -> str:
    """The layer's name in Keras, where a dot is better left out."""
    return link.name.replace(".", "_")


def convolution(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if layer.padding_mode != "zeros":
        raise no_counterpart(link, TARGET, f"its border is '{layer.padding_mode}', not zeros")
    if max(layer.stride) > 1 and max(layer.dilation) > 1:
        raise no_counterpart(link, TARGET, f"it has both a stride {layer.stride} and a dilation {layer.dilation}")
    padding = layer.padding
    if not isinstance(padding, str):
        padding = "valid"
        if max(layer.padding) > 0:
            window = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
            padding = "same" if is_same(x.shape[1:3], *window) else "valid"
            x = x if padding == "same" else keras.layers.ZeroPadding2D(tuple(layer.padding))(x)
    return keras.layers.Conv2D(
        layer.out_channels, layer.kernel_size, layer.stride, padding, dilation_rate=layer.dilation, groups=layer.groups,
        use_bias=layer.bias is not None, name=label(link),
    )(x)  # fmt: skip


def is_same(size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any = (1, 1)) -> bool:
    """Whether Keras's padding "same", which depends on the size, puts torch's border on either side."""
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        if max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0) != 2 * p:
            return False
    return True


def transposed(link: Link, keras: Any, x: Any) -> Any:
    """Without padding, then cut: what torch calls padding is a border of the output that is left away."""
    layer: Any = link.layer
    if layer.groups > 1:
        raise no_counterpart(link, TARGET, f"it has {layer.groups} groups")
    if max(layer.stride) > 1 and max(layer.dilation) > 1:
        raise no_counterpart(link, TARGET, f"it has both a stride {layer.stride} and a dilation {layer.dilation}")
    y = keras.layers.Conv2DTranspose(
        layer.out_channels, layer.kernel_size, layer.stride, "valid", dilation_rate=layer.dilation,
        use_bias=layer.bias is not None, name=label(link),
    )(x)  # fmt: skip
    cut = []
    for axis, p in enumerate(layer.padding):
        k, s, d, extra = (v[axis] for v in (layer.kernel_size, layer.stride, layer.dilation, layer.output_padding))
        wanted = (x.shape[axis + 1] - 1) * s - 2 * p + d * (k - 1) + extra + 1
        cut.append((p, y.shape[axis + 1] - p - wanted))
    if min(side for pair in cut for side in pair) < 0:
        raise no_counterpart(link, TARGET, f"its output_padding {layer.output_padding} is wider than its padding")
    return y if not any(map(any, cut)) else keras.layers.Cropping2D(tuple(cut))(y)


def linear(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if len(x.shape) != 2:
        raise no_counterpart(link, TARGET, "it runs along the rows of an image, not over a vector")
    return keras.layers.Dense(layer.out_features, use_bias=layer.bias is not None, name=label(link))(x)


def flatten(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise no_counterpart(link, TARGET, f"it joins the axes {layer.start_dim} to {layer.end_dim}, not 1 to the last")
    if len(x.shape) == 4:
        x = keras.layers.Permute((3, 1, 2))(x)  # torch's order: channel by channel
    return keras.layers.Flatten(name=label(link))(x)


def maximum(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if layer.return_indices or pairs(layer.dilation) != (1, 1):
        raise no_counterpart(link, TARGET, "it has a dilation or returns indices")
    return keras.layers.MaxPooling2D(*window_of(link, x), name=label(link))(x)


def minimum(link: Link, keras: Any, x: Any) -> Any:
    """−max(−x)."""
    turned_over = keras.layers.Rescaling(-1.0)(x)
    return keras.layers.Rescaling(-1.0)(maximum(link, keras, turned_over))


def mean(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if layer.divisor_override is not None:
        raise no_counterpart(link, TARGET, "it has a divisor_override")
    if layer.count_include_pad and max(pairs(layer.padding)) > 0:
        x = keras.layers.ZeroPadding2D(pairs(layer.padding))(x)
        return keras.layers.AveragePooling2D(*window_of(link, x, padded=True), name=label(link))(x)
    return keras.layers.AveragePooling2D(*window_of(link, x), name=label(link))(x)


def window_of(link: Link, x: Any, padded: bool = False) -> tuple[tuple[int, int], tuple[int, int], str]:
    """A pool's size, stride and padding for Keras, which knows no border but "same"."""
    layer: Any = link.layer
    kernel, stride = pairs(layer.kernel_size), pairs(layer.stride)
    padding = (0, 0) if padded else pairs(layer.padding)
    if layer.ceil_mode and any(
        (n + 2 * p - k) % s for n, k, s, p in zip(x.shape[1:3], kernel, stride, padding, strict=True)
    ):
        raise no_counterpart(link, TARGET, "its last window hangs over the edge (ceil_mode)")
    if padding == (0, 0):
        return kernel, stride, "valid"
    if is_same(x.shape[1:3], kernel, stride, padding):
        return kernel, stride, "same"
    raise no_counterpart(link, TARGET, f"its border {padding} for images of {tuple(x.shape[1:3])}")


def pairs(value: Any) -> tuple[int, int]:
    """3 → (3, 3)."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def batch_norm(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if layer.momentum is None or not layer.track_running_stats:
        raise no_counterpart(link, TARGET, "its running statistics have no momentum")
    momentum = 1 - layer.momentum  # Keras counts the share that stays, torch the share that is new
    return keras.layers.BatchNormalization(
        momentum=momentum, epsilon=layer.eps, center=layer.affine, scale=layer.affine, name=label(link)
    )(x)


def maxout(link: Link, keras: Any, x: Any) -> Any:
    """The largest of neighbouring channels, as a pool along them."""
    layer: Any = link.layer
    *sides, channels = x.shape[1:]
    pool = (1,) * len(sides) + (layer.pieces,)
    kind = {1: keras.layers.MaxPooling1D, 3: keras.layers.MaxPooling3D}[len(pool)]
    apart = keras.layers.Reshape((*sides, channels, 1))(x)
    largest = kind(pool if len(pool) > 1 else pool[0])(apart)
    return keras.layers.Reshape((*sides, channels // layer.pieces), name=label(link))(largest)


def softmax(link: Link, keras: Any, x: Any) -> Any:
    layer: Any = link.layer
    if layer.dim not in (1, 1 - len(x.shape)):
        raise no_counterpart(link, TARGET, f"it runs along axis {layer.dim}, not along the channels")
    return keras.layers.Softmax(name=label(link))(x)


def plain(make: Callable[[Any, Any], Any]) -> Convert:
    """A layer that Keras has under another name: ``make(keras.layers, torch's layer)``."""

    def convert(link: Link, keras: Any, x: Any) -> Any:
        made = make(keras.layers, link.layer)
        made.name = label(link)
        return made(x)

    return convert


KNOWN: dict[type[nn.Module], Convert] = {
    nn.Conv2d: convolution,
    TableConv2d: convolution,
    nn.ConvTranspose2d: transposed,
    nn.Linear: linear,
    nn.Flatten: flatten,
    nn.Identity: lambda _link, _keras, x: x,
    nn.MaxPool2d: maximum,
    MinPool2d: minimum,
    nn.AvgPool2d: mean,
    nn.BatchNorm2d: batch_norm,
    nn.Dropout: plain(lambda layers, ours: layers.Dropout(ours.p)),
    nn.Dropout2d: plain(lambda layers, ours: layers.SpatialDropout2D(ours.p)),
    nn.Sigmoid: plain(lambda layers, _: layers.Activation("sigmoid")),
    nn.Tanh: plain(lambda layers, _: layers.Activation("tanh")),
    nn.ReLU: plain(lambda layers, _: layers.ReLU()),
    nn.LeakyReLU: plain(lambda layers, ours: layers.LeakyReLU(ours.negative_slope)),
    nn.ELU: plain(lambda layers, ours: layers.ELU(ours.alpha)),
    nn.Softmax: softmax,
    Maxout: maxout,
}
