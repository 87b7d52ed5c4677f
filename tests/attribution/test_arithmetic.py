"""The arithmetic shown for a clicked number is that number: forward, backward and by weight, in every image network there is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import neocog.scratch as scratch
from neocog.attribution.backward import explain_gradient, explain_weight
from neocog.attribution.forward import explain_value, softmax
from neocog.attribution.layers import Layer, traced
from neocog.attribution.receptive import receptive_field
from neocog.networks import DETECTORS, GENERATORS, MODELS, RESTORERS, SEGMENTERS, build, form_of, model_class
from neocog.networks.layers import Maxout, MinPool2d

IMAGES = [name for name in (*MODELS, *SEGMENTERS, "vae") if form_of(name) == "images"]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in IMAGES),
    ("lenet5", {"sparse": True}),
    *(("cnn", {"activation": activation, "widths": (4, 6)}) for activation in ("sigmoid", "tanh", "leaky_relu", "maxout", "elu")),
    *(("cnn", {"pooling": pooling, "activation": "gelu", "widths": (4, 6)}) for pooling in ("mean", "min", "lp")),
    *(("unet", {"norm": norm, "width": 4, "depth": 2}) for norm in ("instance", "group", "none")),
    ("vae", {"norm": "batch", "widths": (4, 6)}),
    ("cnn3d", {}),
    ("resnet3d", {}),
    *((name, {}) for name in (*RESTORERS, *DETECTORS, "johnson")),
]  # fmt: skip
CLOSE = 1e-5


def network_of(name: str, options: dict[str, Any]) -> tuple[nn.Module, torch.Tensor]:
    """The network with running statistics as after a training, and an input of the least size it likes."""
    torch.manual_seed(0)
    side = getattr(model_class(name), "least", 17 if name in ("airbench", "resnet3d") else 16)
    size = (side,) * (3 if form_of(name) == "volumes" else 2)
    outputs = 2 if name in (*RESTORERS, "johnson") else 3  # as many channels as come in
    network = build(name, 2, size, outputs, **options).eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network, torch.randn(1, 2, *size)


def places(shape: tuple[int, ...], count: int = 3) -> Iterator[tuple[int, ...]]:
    """Both corners and some others."""
    rng = np.random.default_rng(sum(shape))
    yield from ((0,) * len(shape), tuple(n - 1 for n in shape))
    yield from (tuple(int(rng.integers(n)) for n in shape) for _ in range(count))


def further(layer: Layer) -> tuple[np.ndarray, ...]:
    """What the arithmetic of a layer needs beside the maps: the places that SegNet's pools noted."""
    return (*(each[0].numpy() for each in layer.given[1:]), np.array(layer.output.shape[2:]))


def near(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= CLOSE * max(1, abs(wanted))


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_every_number_of_every_image_network_adds_up_forward(name: str, options: dict[str, Any]) -> None:
    network, inputs = network_of(name, options)
    with torch.no_grad():
        layers, _ = traced(network, inputs)
    assert len(layers) > 2
    for layer in layers:
        x = layer.given[0][0].double().numpy()
        for place in places(tuple(layer.output.shape[1:])):
            terms = explain_value(layer.module, x, place, *further(layer))
            assert terms is not None, f"{layer.name}, a {layer.kind}, is not explained"
            assert near(terms.value, float(layer.output[0][place])), (layer.name, layer.kind, place)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_every_gradient_of_every_image_network_adds_up_as_autograd_has_it(name: str, options: dict[str, Any]) -> None:
    network, inputs = network_of(name, options)
    with torch.no_grad():
        layers, _ = traced(network, inputs)
    for layer in layers:
        module = copy.deepcopy(layer.module).double().requires_grad_(True)  # what is not learned, too
        given = layer.given[0].double().requires_grad_(True)
        again = module(given.clone(), *layer.given[1:], *([layer.output.shape] if layer.given[1:] else []))
        again = again[0] if isinstance(again, tuple) else again
        dy = torch.randn_like(again)
        own = dict(module.named_parameters(recurse=False))
        wanted, *by_weight = torch.autograd.grad(again, [given, *own.values()], dy)
        x, flow = given[0].detach().double().numpy(), dy[0].double().numpy()
        for place in places(tuple(given.shape[1:])):
            terms = explain_gradient(layer.module, x, flow, place, *further(layer))
            assert terms is not None, f"{layer.name}, a {layer.kind}, is not explained"
            assert near(terms.value, float(wanted[0][place])), (layer.name, layer.kind, place)
        if isinstance(layer.module, nn.GroupNorm | nn.InstanceNorm2d):
            continue
        for (parameter, weight), gradient in zip(own.items(), by_weight, strict=True):
            for place in places(tuple(weight.shape), 2):
                terms = explain_weight(layer.module, x, flow, parameter, place)
                if terms is None:  # a connection that LeNet-5's table leaves out
                    assert float(gradient[place]) == 0
                else:
                    assert near(terms.value, float(gradient[place])), (layer.name, parameter, place)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 2, 2), ((1, 2), (2, 0), (1, 3))])
def test_a_convolution_is_scratchs_too(stride: Any, padding: Any, dilation: Any, groups: int) -> None:
    torch.manual_seed(1)
    ours = nn.Conv2d(4, 6, (3, 2), stride, padding, dilation, groups)
    theirs = scratch.Conv2d(4, 6, (3, 2), stride, padding, dilation, groups, dtype=np.float64)
    theirs.weight.data, theirs.bias.data = ours.weight.detach().double().numpy(), ours.bias.detach().double().numpy()
    x = np.random.default_rng(0).normal(size=(1, 4, 11, 12))
    y = theirs(x)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx = theirs.backward(dy)
    for place in places(y.shape[1:]):
        assert near(explain_value(ours, x[0], place).value, y[0][place])
    for place in places(dx.shape[1:]):
        assert near(explain_gradient(ours, x[0], dy[0], place).value, dx[0][place])
    for place in places(theirs.weight.data.shape):
        assert near(explain_weight(ours, x[0], dy[0], "weight", place).value, theirs.weight.grad[place])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (nn.MaxPool2d(3, 2, 1), scratch.MaxPool2d(3, 2, 1)),
        (nn.MaxPool2d(2, 2, ceil_mode=True), scratch.MaxPool2d(2, 2, ceil_mode=True)),
        (MinPool2d(2), scratch.MinPool2d(2)),
        (nn.AvgPool2d(3, 2, 1), scratch.AvgPool2d(3, 2, 1)),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), scratch.AvgPool2d(3, 2, 1, count_include_pad=False)),
        (nn.AvgPool2d(2, 2, ceil_mode=True), scratch.AvgPool2d(2, 2, ceil_mode=True)),
        (nn.LPPool2d(2, 2), scratch.LPPool2d(2, 2)),
        (nn.Tanh(), scratch.Tanh()),
        (nn.ELU(), scratch.ELU()),
        (nn.LeakyReLU(0.1), scratch.LeakyReLU(0.1)),
        (Maxout(), scratch.Maxout()),
    ],
    ids=lambda layer: str(layer) if isinstance(layer, nn.Module) else "scratch",
)
def test_pools_and_activations_are_scratchs_too(ours: nn.Module, theirs: scratch.Module) -> None:
    x = np.random.default_rng(0).normal(size=(1, 2, 7, 9))
    y = theirs(x)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx = theirs.backward(dy)
    for place in places(y.shape[1:], 6):
        assert near(explain_value(ours, x[0], place).value, y[0][place])
    for place in places(dx.shape[1:], 6):
        assert near(explain_gradient(ours, x[0], dy[0], place).value, dx[0][place])


def test_a_maximum_says_where_it_came_from_and_its_gradient_goes_there_alone() -> None:
    x = np.array([[[1.0, 5.0], [5.0, 2.0]]])
    terms = explain_value(nn.MaxPool2d(2), x, (0, 0, 0))
    assert terms.places[terms.weights == 1].tolist() == [[0, 0, 1]]  # the first of two equals
    flow = np.array([[[3.0]]])
    assert [explain_gradient(nn.MaxPool2d(2), x, flow, (0, r, s)).value for r in (0, 1) for s in (0, 1)] == [0, 3, 0, 0]


def test_softmax_with_temperature_and_offsets_is_the_calibrated_probability() -> None:
    logits, offsets = np.array([2.0, -1.0, 0.5]), np.array([0.1, 0.0, -0.3])
    wanted = torch.softmax(torch.tensor(logits / 0.7 + offsets), 0)
    assert all(near(softmax(logits, 0.7, offsets, k).value, float(wanted[k])) for k in range(3))


def test_a_layer_that_is_not_known_is_not_explained() -> None:
    x = np.ones((4, 3))
    assert explain_value(nn.LSTM(3, 2), x, (0, 0)) is None and explain_gradient(nn.LSTM(3, 2), x, x, (0, 0)) is None
    mixing = nn.Upsample(scale_factor=2, mode="bilinear")
    assert explain_value(mixing, np.ones((1, 4, 4)), (0, 0, 0)) is None


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 2), padding_mode="reflect", groups=2),
        nn.Conv2d(4, 2, 3, 1, 2, 2, padding_mode="reflect"),
        nn.Conv2d(4, 2, 3, padding=1, padding_mode="replicate"),
        nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular"),
        nn.PixelShuffle(2),
        nn.Upsample(scale_factor=2),
    ],
    ids=str,
)
def test_borders_that_repeat_the_map_and_enlargements_add_up_as_autograd_has_them(layer: nn.Module) -> None:
    layer = layer.double()
    x = torch.randn(1, 4, 7, 6, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    dy = torch.randn_like(y)
    own = [each for name, each in layer.named_parameters() if name == "weight"]
    wanted, *by_weight = torch.autograd.grad(y, [x, *own], dy)
    given, flow = x[0].detach().numpy(), dy[0].numpy()
    for place in np.ndindex(*y.shape[1:]):
        assert near(explain_value(layer, given, place).value, float(y[0][place].detach())), place
    for place in np.ndindex(*given.shape):
        assert near(explain_gradient(layer, given, flow, place).value, float(wanted[0][place])), place
    for gradient in by_weight:
        for place in np.ndindex(*gradient.shape):
            assert near(explain_weight(layer, given, flow, "weight", place).value, float(gradient[place])), place


@pytest.mark.parametrize("name", ["lenet5", "cnn", "cifarcnn", "resnet", "shufflenet", "darknet19"])
def test_nothing_outside_the_receptive_field_changes_a_value_and_its_edges_do(name: str) -> None:
    network, inputs = network_of(name, {})
    for module in network.modules():  # so that everything that can matter does
        for weight in module.parameters(recurse=False):
            nn.init.uniform_(weight, 0.01, 0.02)
    asked = inputs.abs().requires_grad_(True)
    layers, _ = traced(network, asked)
    sides = tuple(inputs.shape[2:])
    assert layers[0].sources == (-1,)
    chosen = [
        n for n, layer in enumerate(layers) if len(layer.sides) == 2 and not isinstance(layer.module, nn.MaxPool2d)
    ]
    first_pool = next((n for n, layer in enumerate(layers) if isinstance(layer.module, nn.MaxPool2d)), len(layers))
    for number in chosen[:: max(1, len(chosen) // 6)]:
        place = tuple(n // 2 for n in layers[number].sides)
        (gradient,) = torch.autograd.grad(layers[number].output[0][(0, *place)], asked, retain_graph=True)
        hit = gradient[0].abs().amax(0).nonzero()
        box = receptive_field(layers, number, place, sides)
        for side, (first, last) in enumerate(box):
            low, high = int(hit[:, side].min()), int(hit[:, side].max())
            assert first <= low and high <= last, (layers[number].name, box, low, high)
            if number < first_pool and name not in ("resnet", "shufflenet"):  # a maximum sees all and takes one
                assert (first, last) == (low, high), layers[number].name


def test_generators_draw_and_are_not_asked_what_they_saw() -> None:
    assert set(GENERATORS) == {"vae", "dcgan"}  # the vae is walked through above; dcgan's input is a code
