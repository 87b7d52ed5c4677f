"""One change, and one patch, for all images: against linear networks, whose best ones are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neocog.attacks.ball import Ball, Norm
from neocog.attacks.patch import laid, patch, places
from neocog.attacks.universal import added, any_enough, universal

SIDE = 6


class Linear(nn.Module):
    """Class 1 leads by w · (x − ½)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.randn(3 * SIDE * SIDE, generator=torch.Generator().manual_seed(3))

    def forward(self, images: Tensor) -> Tensor:
        lead = (images.flatten(1) - 0.5) @ self.weight
        return torch.stack([torch.zeros_like(lead), lead], 1)


def data(count: int = 60) -> tuple[Linear, Tensor, Tensor]:
    """A network, and images of one class."""
    network = Linear()
    images = 0.4 + 0.2 * torch.rand(4 * count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    images = images[network(images).argmax(1) == 1][:count]
    return network, images, torch.ones(len(images), dtype=torch.long)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_of_a_linear_network_the_change_is_against_its_weights_and_fills_the_ball(norm: Norm) -> None:
    network, images, labels = data()
    ball = Ball(norm, 0.02 if norm == "linf" else 0.2)
    change = universal(network, images, labels, ball)
    best = -ball.radius * ball.direction(network.weight.view(1, 3, SIDE, SIDE))
    assert change.shape == (1, 3, SIDE, SIDE)
    torch.testing.assert_close(change, best, atol=0.02 * float(ball.radius), rtol=0.05)


def test_it_turns_images_that_it_was_not_made_from_and_stays_in_the_range() -> None:
    network, images, labels = data()
    ball = Ball("linf", float((network(images)[:, 1] / network.weight.abs().sum()).median()))
    change = universal(network, images[:30], labels[:30], ball)
    turned = network(added(images[30:], change)).argmax(1) == 0
    assert 0.3 < float(turned.float().mean()) < 0.7
    assert added(torch.ones(2, 3, SIDE, SIDE), change.abs()).max() == 1


def test_a_loss_that_is_large_enough_counts_no_further() -> None:
    logits = torch.tensor([[0.0, 20.0], [0.0, 1.0]], requires_grad=True)
    goal = any_enough(torch.zeros(2, dtype=torch.long))
    goal.loss(logits, goal).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and not logits.grad[0].any() and logits.grad[1].any()


def test_a_patch_lies_wholly_in_every_picture_and_hides_nothing_else() -> None:
    _, images, _ = data()
    corners = places(images, 2, 0, torch.arange(len(images)), 0)
    assert corners.min() == 0 and corners.max() == SIDE - 2
    found = laid(images, torch.full((1, 3, 2, 2), 9.0), corners)
    assert (found == 9).flatten(1).sum(1).tolist() == [12] * len(images)
    top, left = corners[5].tolist()
    assert (found[5, :, top : top + 2, left : left + 2] == 9).all()
    assert torch.equal(found[found != 9], images[found != 9])


def test_places_are_of_the_sample_and_its_turn() -> None:
    _, images, _ = data()
    numbers = torch.arange(40, 100)
    first = places(images, 2, 0, numbers, 0)
    assert torch.equal(places(images[7:8], 2, 0, numbers[7:8], 0), first[7:8])
    assert not torch.equal(places(images, 2, 0, numbers, 1), first)


def test_a_patch_turns_wherever_it_lies() -> None:
    network, images, labels = data()
    network.weight = torch.tensor([1.0, 0.6, 0.3]).repeat_interleave(SIDE * SIDE)  # dark red turns most
    bright = images.clamp(min=0.55)
    found = patch(network, bright[:30], labels[:30], 4, range(30), passes=30)
    assert (found[0, 0] < 0.1).all() and found.min() >= 0 and found.max() <= 1
    corners = places(bright[30:], 4, 0, torch.arange(30, 60), 1000)
    covered = network(laid(bright[30:], found, corners))[:, 1]
    assert (covered < network(laid(bright[30:], torch.full_like(found, 0.5), corners))[:, 1]).all()
