"""Attacks that seek the smallest change: of linear networks it is known, and of curved ones it is at most what the plane says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neocog.attacks.ball import Ball, Norm
from neocog.attacks.deepfool import CLASSES, OVERSHOOT, deepfool, leads_of_others, to_nearest
from neocog.attacks.minimum_norm import fmn

NORMS: tuple[Norm, ...] = ("linf", "l2")


class Planes:
    """Logits are linear in the pixels."""

    def __init__(self, classes: int) -> None:
        self.weight = torch.randn(classes, 12, generator=torch.Generator().manual_seed(3))

    def __call__(self, images: Tensor) -> Tensor:
        return (images.flatten(1) - 0.5) @ self.weight.T


def data(count: int, classes: int = 2) -> tuple[Planes, Tensor, Tensor]:
    """A network, images in the middle of the range, and what it answers."""
    network = Planes(classes)
    images = 0.4 + 0.2 * torch.rand(count, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    return network, images, network(images).argmax(1)


def wrong(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    with torch.no_grad():
        return network(images).argmax(1) != labels


def to_any(network: Planes, images: Tensor, labels: Tensor, norm: Norm) -> Tensor:
    """(B,) to the nearest boundary among many planes: |lead| over the dual norm of the difference of weights."""
    logits = network(images).detach()
    leads = (logits - logits.gather(1, labels[:, None])).abs()
    gradients = network.weight[None] - network.weight[labels][:, None]
    away = leads / (gradients.abs().sum(2) if norm == "linf" else gradients.norm(dim=2))
    return away.scatter(1, labels[:, None], torch.inf).amin(1)


@pytest.mark.parametrize("norm", NORMS)
def test_deepfool_goes_to_the_nearest_plane_and_its_overshoot_beyond(norm: Norm) -> None:
    network, images, labels = data(30, classes=5)
    found = deepfool(network, images, labels, norm)
    assert wrong(network, found, labels).all()
    away = to_any(network, images, labels, norm)
    torch.testing.assert_close(Ball(norm, 1).size(found - images), (1 + OVERSHOOT) * away, rtol=1e-3, atol=1e-6)


def test_the_nearest_plane_is_not_that_of_the_least_lead() -> None:
    leads, gradients = torch.tensor([[-1.0, -2.0]]), torch.tensor([[[1.0, 0.0], [3.0, 4.0]]])
    torch.testing.assert_close(to_nearest(leads, gradients, "l2"), torch.tensor([[0.24, 0.32]]))
    torch.testing.assert_close(to_nearest(leads, gradients, "linf"), torch.tensor([[2 / 7, 2 / 7]]))


def test_gradients_are_those_of_the_likeliest_other_classes() -> None:
    network, images, labels = data(4, classes=14)
    leads, gradients = leads_of_others(network, images, labels)
    assert leads.shape == (4, CLASSES - 1) and (leads.diff(dim=1) <= 0).all() and (leads < 0).all()
    logits = network(images).detach()
    second = logits.scatter(1, labels[:, None], -torch.inf).argmax(1)
    torch.testing.assert_close(gradients[:, 0].flatten(1), network.weight[second] - network.weight[labels])


@pytest.mark.parametrize("norm", NORMS)
def test_fmn_closes_in_on_the_nearest_wrong_answer(norm: Norm) -> None:
    network, images, labels = data(30)
    found, nearest = fmn(network, images, labels, norm)
    assert wrong(network, found, labels).all()
    torch.testing.assert_close(nearest, Ball(norm, 1).size(found - images))
    torch.testing.assert_close(nearest, to_any(network, images, labels, norm), rtol=0.01, atol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_fmn_follows_a_boundary_that_bends(norm: Norm) -> None:
    """Wrong outside a ball round grey: the way along the first gradient is not the shortest of the largest change."""

    def network(images: Tensor) -> Tensor:
        far = (images - 0.5).flatten(1).square().sum(1)
        return torch.stack((torch.full_like(far, 0.3), far), 1)

    images = 0.5 + 0.1 * torch.rand(8, 3, 2, 2, generator=torch.Generator().manual_seed(2))
    labels = torch.zeros(8, dtype=torch.int64)
    _, nearest = fmn(network, images, labels, norm)
    middle = (images - 0.5).flatten(1)
    if norm == "l2":
        known = 0.3**0.5 - middle.norm(dim=1)
    else:  # the square of (each pixel + r), summed, is 0.3
        count, first, second = middle.shape[1], middle.sum(1), middle.square().sum(1)
        known = (-first + (first.square() - count * (second - 0.3)).sqrt()) / count
    torch.testing.assert_close(nearest, known, rtol=0.01, atol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_what_is_wrong_as_it_is_needs_no_change(norm: Norm) -> None:
    network, images, labels = data(4)
    found, nearest = fmn(network, images, 1 - labels, norm, 20)
    assert (nearest == 0).all() and torch.equal(found, images)
    assert torch.equal(deepfool(network, images, 1 - labels, norm), images)


@pytest.mark.parametrize("norm", NORMS)
def test_what_cannot_be_turned_is_not_said_to_be(norm: Norm) -> None:
    _, images, _ = data(4)
    found, nearest = fmn(
        lambda each: 0 * each.flatten(1)[:, :2] + torch.eye(2)[0], images, torch.zeros(4).long(), norm, 20
    )
    assert torch.isinf(nearest).all() and torch.equal(found, images)


@pytest.mark.parametrize("norm", NORMS)
def test_changed_images_stay_within_the_range_of_pixels(norm: Norm) -> None:
    network, images, labels = data(20)
    bright = (images + 0.5).clamp(0, 1)  # many pixels have no room upwards
    labels = network(bright).argmax(1)
    for found in (fmn(network, bright, labels, norm)[0], deepfool(network, bright, labels, norm)):
        assert float(found.min()) >= 0 and float(found.max()) <= 1
