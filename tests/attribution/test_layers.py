"""Layers as they run: named, in order, with what they made before anything overwrote it."""

from __future__ import annotations

import torch
from torch import nn

from neocog.attribution.layers import features, traced, weights
from neocog.networks import build


def test_outputs_are_kept_as_they_were_before_the_next_layer_worked_in_place() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True)).eval()
    inputs = torch.randn(1, 1, 6, 6)
    found = features(network, inputs)
    assert [layer.name for layer in found] == ["0", "1"]
    assert torch.equal(found[0].output, network[0](inputs))
    assert (found[0].output < 0).any()
    assert (found[1].output >= 0).all()


def test_a_layer_that_is_called_twice_is_told_apart() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.conv(x))

    assert [layer.name for layer in features(Twice(), torch.ones(1, 1, 5, 5))] == ["conv", "conv (2)"]


def test_looking_changes_nothing_and_leaves_no_hook_behind() -> None:
    network = build("resnet", 3, (16, 16), 4).eval()
    inputs = torch.randn(2, 3, 16, 16)
    before = network(inputs)
    layers, outputs = traced(network, inputs)
    assert torch.equal(outputs, before)
    assert len(layers) > 10
    assert not any(module._forward_hooks for module in network.modules())


def test_weights_are_kernels_and_matrices_without_biases() -> None:
    found = weights(build("lenet5", 1, (28, 28), 10))
    assert len(found) == 5
    assert all(value.ndim >= 2 for value in found.values())
