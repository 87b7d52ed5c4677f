"""Maps of what an answer rests on: against derivatives known in closed form, and against what is planted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neocog.attribution.attribution import class_activation, gradient_input, gradients, saliency
from neocog.networks import build


class Brightness(nn.Module):
    """Class 1 answers to the square of one channel's activation; class 0 to its negative."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        kind = (nn.Conv2d, nn.Conv3d)[dims - 2]
        self.conv = kind(1, 1, 3, padding=1, bias=False)
        nn.init.ones_(self.conv.weight)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        total = self.relu(self.conv(x)).flatten(1).pow(2).sum(1)
        return torch.stack([-total, total], dim=1)


def second(outputs: Tensor) -> Tensor:
    return outputs[:, 1]


def first(outputs: Tensor) -> Tensor:
    return outputs[:, 0]


def test_the_gradient_of_a_linear_network_is_its_weights() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    found = gradients(network, torch.randn(3, 3, 2, 2), second)
    assert torch.allclose(found, network[1].weight[1].reshape(1, 3, 2, 2).expand(3, -1, -1, -1))
    assert network[1].weight.grad is None, "an explanation leaves no gradients in the network"


def test_saliency_is_the_largest_channel_and_each_samples_largest_is_one() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    weight = network[1].weight[1].detach().reshape(3, 2, 2).abs().amax(0)
    found = saliency(network, torch.randn(2, 3, 2, 2), second)
    assert torch.allclose(found, (weight / weight.max()).expand(2, -1, -1))


def test_gradient_times_input_is_nothing_where_the_input_is_nothing() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(40, 2))
    letters = torch.zeros(1, 4, 1, 10)
    letters[0, 2, 0, 3:6] = 1
    found = gradient_input(network, letters, second)
    assert found.shape == (1, 1, 10)
    assert (found[0, 0, [0, 1, 2, 6, 7, 8, 9]] == 0).all()
    assert found.max() == 1


@pytest.mark.parametrize("dims", [2, 3])
def test_grad_cam_points_at_what_the_class_answers_to(dims: int) -> None:
    picture = torch.zeros(1, 1, *[12] * dims)
    picture[(0, 0, *[slice(2, 5)] * dims)] = 1
    found, layer = class_activation(Brightness(dims), picture, second)
    assert layer == "relu"
    assert found.shape == (1, *[12] * dims)
    assert found[(0, *[3] * dims)] == 1
    assert found[(0, *[slice(7, None)] * dims)].max() == 0


def test_grad_cam_leaves_out_what_speaks_against_the_class() -> None:
    picture = torch.zeros(1, 1, 12, 12)
    picture[..., 2:5, 2:5] = 1
    found, _ = class_activation(Brightness(2), picture, first)
    assert found.max() == 0 and found.min() == 0


def test_the_map_is_taken_where_a_network_is_narrowest_but_still_says_where() -> None:
    resnet = build("resnet", 3, (32, 32), 4).eval()
    found, layer = class_activation(resnet, torch.randn(1, 3, 32, 32), lambda out: out[:, 0])
    assert found.shape == (1, 32, 32)
    assert layer.startswith("stage")
    unet = build("unet", 1, (32, 32), 2, width=4, depth=2).eval()
    _, bottleneck = class_activation(unet, torch.randn(1, 1, 32, 32), lambda out: out[:, 1].mean((1, 2)))
    from neocog.attribution.layers import features

    sides = {layer.name: layer.sides for layer in features(unet, torch.zeros(1, 1, 32, 32))}
    assert sides[bottleneck] == (8, 8)


def test_a_network_without_maps_has_no_activation_to_show() -> None:
    found, layer = class_activation(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), torch.ones(1, 1, 4, 4), second)
    assert layer == ""
    assert found.max() == 0
