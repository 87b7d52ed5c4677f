"""DCGAN: every size and channel from the same latent vector's shape, gradients that stop where they should."""

from __future__ import annotations

import pytest
import torch

from neocog.errors import UserError
from neocog.networks import build
from neocog.networks.dcgan import Discriminator, Generator, frozen, halvings, of_classes


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 32), (30, 45), (64, 64), (100, 75), (128, 128)])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_28_to_128_pixels_grey_or_colour(size: tuple[int, int], channels: int) -> None:
    generator = Generator(channels, size, latent=5, width=2)
    images = generator(torch.randn(3, 5))
    assert images.shape == (3, channels, *size)
    assert float(images.detach().abs().max()) <= 1
    for spectral in (False, True):
        assert Discriminator(channels, size, width=2, spectral=spectral)(images).shape == (3,)


def test_the_maps_that_it_begins_with_have_4_to_7_pixels() -> None:
    assert [halvings((side, side)) for side in (8, 28, 31, 32, 64, 100, 128)] == [1, 2, 2, 3, 4, 4, 5]
    assert Generator(1, (28, 28), width=64).start[1].unflattened_size == (128, 7, 7)
    assert Generator(3, (128, 128), width=4).start[1].unflattened_size == (64, 4, 4)


def test_it_is_built_by_name_and_images_below_8_pixels_are_told() -> None:
    assert build("dcgan", 1, (28, 28), 1, latent=7, width=3)(torch.zeros(2, 7)).shape == (2, 1, 28, 28)
    with pytest.raises(UserError, match="at least 8 × 8"):
        build("dcgan", 1, (7, 9), 1)


def test_spectral_norm_holds_every_layer_below_a_slope_of_one() -> None:
    torch.manual_seed(0)
    net = Discriminator(1, (28, 28), width=4, spectral=True)
    for _ in range(50):  # power iterations
        net(torch.randn(2, 1, 28, 28))
    for layer in net.layers:
        if hasattr(layer, "weight"):
            largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
            assert float(largest) == pytest.approx(1, abs=1e-3)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in net.layers)


def test_a_frozen_network_gets_no_gradient_but_lets_it_through() -> None:
    net = Discriminator(1, (8, 8), width=2)
    images = torch.randn(3, 1, 8, 8, requires_grad=True)
    with frozen(net):
        found = net(images).sum()
    found.backward()
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert images.grad is not None and float(images.grad.abs().sum()) > 0


def test_a_running_mean_of_a_spectral_discriminator_still_has_slopes_of_one() -> None:
    torch.manual_seed(0)
    mean, net = (Discriminator(1, (28, 28), width=4, spectral=True) for _ in range(2))
    for ours, theirs in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        ours.lerp_(theirs, 0.5)  # the singular vectors of two networks: their mean belongs to neither
    for layer in mean.eval().layers:
        if hasattr(layer, "weight"):
            largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
            assert float(largest) == pytest.approx(1, abs=1e-5)
    before = {name: value.clone() for name, value in mean.state_dict().items()}
    mean.train().eval()  # as by a run that was stopped in its evaluation, and goes on with it
    assert all(torch.equal(value, before[name]) for name, value in mean.state_dict().items())


def test_the_largest_of_the_last_numbers_asks_for_a_class_and_nothing_else_of_them_matters() -> None:
    torch.manual_seed(0)
    net, z = Generator(1, (8, 8), latent=3, width=2, classes=4).eval(), torch.randn(9, 7)
    kinds = torch.tensor([0, 1, 2, 3, 3, 2, 1, 0, 1])
    asking = of_classes(z, kinds, 4)
    assert torch.equal(asking[:, 3:].argmax(1), kinds) and torch.equal(asking[:, :3], z[:, :3])
    assert torch.equal(asking[:, 3:].sort(1).values, z[:, 3:].sort(1).values), (
        "still numbers of the normal distribution"
    )
    louder = torch.cat([asking[:, :3], asking[:, 3:] * 5], 1)
    assert torch.equal(net(asking), net(louder))
    other = of_classes(z, (kinds + 1) % 4, 4)
    assert not any(torch.equal(one, two) for one, two in zip(net(asking), net(other), strict=True))


@pytest.mark.parametrize("spectral", [False, True])
def test_a_discriminator_judges_an_image_with_its_class_or_with_the_likeliest(spectral: bool) -> None:
    torch.manual_seed(0)
    net = Discriminator(1, (8, 8), width=2, spectral=spectral, classes=3).eval()
    images = torch.randn(5, 1, 8, 8)
    each = torch.stack([net(images, torch.full((5,), kind)) for kind in range(3)], 1)
    assert len(each[0].unique()) == 3
    assert torch.equal(net(images), each.amax(1))
    if spectral:
        assert net.projection is not None
        largest = torch.linalg.matrix_norm(net.projection.weight.detach(), 2)
        assert float(largest) == pytest.approx(1, abs=1e-5)
