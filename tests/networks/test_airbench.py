"""The network of the CIFAR-10 speed record: its first layer whitens, its convolutions begin as the identity."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neocog.errors import UserError
from neocog.networks.airbench import Airbench, Whitening, identity


@pytest.fixture(scope="module")
def images() -> Tensor:
    """(40, 3, 9, 9), smooth, of correlated colours."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(40, 1, 11, 11, generator=generator) + 0.3 * torch.randn(40, 3, 11, 11, generator=generator)
    return 10 * nn.functional.avg_pool2d(noise, 3, 1)


def test_the_first_layer_gives_patches_without_correlation(images: Tensor) -> None:
    layer = Whitening(3)
    layer.learn_from(images)
    outputs = layer(images)
    assert outputs.shape == (40, 24, 8, 8)
    half = outputs[:, :12].transpose(0, 1).flatten(1)
    second = half @ half.T / half.shape[1]
    assert torch.allclose(second, torch.diag(second.diag()), atol=2e-3)
    assert second.diag().min() > 0.99 and second.diag().max() < 1.001
    assert torch.corrcoef(nn.functional.unfold(images, 2).transpose(0, 1).flatten(1)).fill_diagonal_(0).max() > 0.5
    torch.testing.assert_close(outputs[:, 12:], -outputs[:, :12])


def test_whitening_does_not_depend_on_the_threads(images: Tensor) -> None:
    layers, threads = [Whitening(3), Whitening(3)], torch.get_num_threads()
    try:
        for number, layer in enumerate(layers, 1):
            torch.set_num_threads(number)
            layer.learn_from(images)
    finally:
        torch.set_num_threads(threads)
    torch.testing.assert_close(layers[0].weight, layers[1].weight, rtol=1e-5, atol=1e-5)


def test_what_is_learned_is_not_the_whitening_and_not_the_scale_of_norms() -> None:
    net = Airbench(3, (32, 32), 10)
    still = {name for name, parameter in net.named_parameters() if not parameter.requires_grad}
    assert still == {"whiten.weight", *(f"stage{i}.{j}.weight" for i in (1, 2, 3) for j in (2, 5))}
    assert sum(p.numel() for p in net.parameters()) == 1_972_792


@pytest.mark.parametrize(("before", "width"), [(3, 5), (5, 3)])
def test_a_convolution_begins_as_the_identity_on_its_channels(before: int, width: int) -> None:
    inputs = torch.randn(2, before, 6, 6)
    shared = min(before, width)
    torch.testing.assert_close(identity(before, width)(inputs)[:, :shared], inputs[:, :shared])


def test_images_that_are_too_small_are_refused() -> None:
    assert Airbench(1, (17, 17), 2)(torch.randn(2, 1, 17, 17)).shape == (2, 2)
    with pytest.raises(UserError, match="17 × 17"):
        Airbench(1, (16, 16), 2)
