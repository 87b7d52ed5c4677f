"""Attacks against linear networks, whose nearest wrong answer is known; and what AutoAttack runs, in which order, on whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from neocog.attacks import autoattack as standard
from neocog.attacks.apgd import apgd, looks_after
from neocog.attacks.autoattack import ATTACKS, autoattack
from neocog.attacks.ball import Ball, Norm
from neocog.attacks.boundary import fab, to_plane
from neocog.attacks.goal import Goal, any_other, any_towards, never, only
from neocog.attacks.gradient import fgsm, pgd, uphill
from neocog.attacks.square import square

Attack = Callable[[nn.Module, Tensor, Goal, Ball], Tensor]
PIXELS = 12


class Linear(nn.Module):
    """Class 1 leads by w · x − b: the nearest wrong answer is |w · x − b| / ‖w‖ away (dual norm)."""

    def __init__(self, classes: int = 2, bias: float = 0.4) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = torch.randn(classes, PIXELS, generator=generator)
        self.weight[0] = 0
        self.bias = bias

    def forward(self, images: Tensor) -> Tensor:
        return (images.flatten(1) - 0.5) @ self.weight.T + self.bias * torch.eye(len(self.weight))[0]


def data(count: int = 6, classes: int = 2) -> tuple[Linear, Tensor, Tensor]:
    """A network, images in the middle of the range, and what it answers."""
    network = Linear(classes)
    images = 0.4 + 0.2 * torch.rand(count, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    return network, images, network(images).argmax(1)


def distance(network: Linear, images: Tensor, norm: Norm) -> Tensor:
    """(B,) to the boundary between two classes."""
    lead = (network(images)[:, 1] - network(images)[:, 0]).abs()
    weight = network.weight[1]
    return lead / (weight.abs().sum() if norm == "linf" else weight.norm())


GRADIENT: dict[str, Attack] = {
    "fgsm": fgsm,
    "pgd": lambda network, images, goal, ball: pgd(network, images, goal, ball, range(len(images))),
    "apgd": lambda network, images, goal, ball: apgd(network, images, goal, ball, range(len(images)), 30),
}


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("attack", GRADIENT.values(), ids=GRADIENT)
def test_a_linear_network_is_turned_where_its_boundary_lies_in_the_ball_and_nowhere_else(
    attack: Attack, norm: Norm
) -> None:
    network, images, labels = data(40)
    away = distance(network, images, norm)
    ball = Ball(norm, float(away.median()) * 1.0001)
    found = attack(network, images, any_other(labels), ball)
    assert float(ball.size(found - images).max()) <= ball.radius * (1 + 1e-5)
    turned = network(found).argmax(1) != labels
    clear = (away - ball.radius).abs() > 0.02 * ball.radius
    assert torch.equal(turned[clear], (away < ball.radius)[clear])
    assert 0 < int(turned[clear].sum()) < int(clear.sum())


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_fab_finds_the_nearest_wrong_answer(norm: Norm) -> None:
    network, images, labels = data()
    ball = Ball(norm, 1.0)
    found = fab(network, images, any_towards(labels, 1 - labels), ball, 20)
    assert (network(found).argmax(1) != labels).all()
    torch.testing.assert_close(ball.size(found - images), distance(network, images, norm), rtol=0.1, atol=0)


def test_the_way_to_a_plane_by_hand() -> None:
    points, normal = torch.tensor([[[0.5, 0.9]]]), torch.tensor([[[1.0, 2.0]]])
    found = to_plane(points, normal, torch.tensor([0.5]), Ball("linf", 1))
    torch.testing.assert_close(found, torch.tensor([[[0.3, 0.1]]]))  # the second pixel ends at 1, the first goes on
    found = to_plane(points, normal, torch.tensor([-0.5]), Ball("l2", 1))
    torch.testing.assert_close(found, torch.tensor([[[-0.1, -0.2]]]))
    beyond = to_plane(points, normal, torch.tensor([9.0]), Ball("linf", 1))
    torch.testing.assert_close(points + beyond, torch.ones_like(points))


def test_square_sees_no_gradient_and_turns_what_can_be_turned() -> None:
    network, images, labels = data(40)
    away = distance(network, images, "linf")
    ball = Ball("linf", float(away.median()) * 1.2)
    with torch.no_grad():
        found = square(network, images, labels, ball, range(40), 300)
    assert float(ball.size(found - images).max()) <= ball.radius * (1 + 1e-5)
    turned = network(found).argmax(1) != labels
    assert turned[away < ball.radius / 1.2].all()
    assert not turned[away > ball.radius].any()


def test_only_the_wanted_class_ends_an_attack_that_names_it() -> None:
    network, images, labels = data(20, classes=4)
    target = torch.where(labels == 3, 2, 3)
    found = pgd(network, images, only(labels, target), Ball("linf", 0.5), range(20))
    assert (network(found).argmax(1) == target).all()
    nearer = pgd(network, images, any_other(labels), Ball("linf", 0.5), range(20))
    assert (network(nearer).argmax(1) != labels).all()
    assert (network(nearer).argmax(1) != target).any()


def test_a_goal_without_an_end_is_driven_to_the_largest_loss() -> None:
    network, images, labels = data()
    goal, ball = Goal(labels, any_other(labels).loss, never), Ball("linf", 0.1)
    clean = uphill(network, images, goal)[0]
    best = uphill(network, fgsm(network, images, goal, ball), goal)[0]  # of a linear network one step is the best
    for found in (pgd(network, images, goal, ball, range(6)), apgd(network, images, goal, ball, range(6), 20)):
        loss = uphill(network, found, goal)[0]
        assert (loss > clean).all()
        torch.testing.assert_close(loss, best, rtol=1e-3, atol=1e-4)


def test_a_samples_outcome_does_not_depend_on_its_neighbours() -> None:
    network, images, labels = data(8)
    ball, numbers = Ball("linf", float(distance(network, images, "linf").median())), range(100, 108)
    together = pgd(network, images, any_other(labels), ball, numbers)
    alone = pgd(network, images[5:6], any_other(labels[5:6]), ball, [105])
    torch.testing.assert_close(alone, together[5:6])
    together = square(network, images, labels, ball, numbers, 50)
    torch.testing.assert_close(square(network, images[5:6], labels[5:6], ball, [105], 50), together[5:6])


@pytest.mark.parametrize("classes", [2, 3, 4, 12])
def test_autoattack_is_defined_for_every_number_of_classes(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, images, labels = data(5, classes)
    calls: list[tuple[str, int]] = []

    def noted(name: str) -> None:
        sound = getattr(standard, name)

        def call(*args: object, **kwargs: object) -> object:
            calls.append((name, args[2].target is not None if isinstance(args[2], Goal) else False))
            return sound(*args, **kwargs)

        monkeypatch.setattr(standard, name, call)

    for name in ("apgd", "fab", "square"):
        noted(name)
    found = list(autoattack(network, images, labels, Ball("linf", 1e-4), range(5), steps=5, queries=5))
    assert [attack for attack, _, _ in found] == list(ATTACKS)
    assert all(withstands.all() for _, _, withstands in found)
    others = min(9, classes - 1)
    assert calls == [("apgd", False), *[("apgd", True)] * others, *[("fab", True)] * others, ("square", False)]


def test_autoattack_goes_on_with_what_withstood_and_counts_what_was_wrong_before() -> None:
    network, images, labels = data(12, classes=3)
    labels[0] = (labels[0] + 1) % 3
    ball = Ball("linf", 0.03)
    before = torch.ones(12, dtype=torch.bool)
    for _, changed, withstands in autoattack(network, images, labels, ball, range(12), steps=10, queries=20):
        assert not (withstands & ~before).any()
        assert not withstands[0]
        assert torch.equal(network(changed).argmax(1) == labels, withstands)
        assert torch.equal(changed[withstands], images[withstands])
        assert float(ball.size(changed - images).max()) <= ball.radius * (1 + 1e-5)
        before = withstands
    assert 0 < int(before.sum()) < 11


@pytest.mark.parametrize("radius", [1e-4, 1 / 1020, 1 / 255])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_small_changes_of_bright_images_are_not_lost_to_rounding(norm: Norm, radius: float) -> None:
    images = 0.9 + 0.09 * torch.rand(200, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    network = Linear()
    network.bias = 0.0
    with torch.no_grad():
        lead = (network(images)[:, 1] - network(images)[:, 0]).abs()
    network.bias = float(lead.median())
    labels = network(images).argmax(1)
    away = distance(network, images, norm)
    *_, (_, changed, withstands) = autoattack(
        network, images, labels, Ball(norm, radius), range(200), steps=20, queries=20
    )
    assert not withstands[away < 0.95 * radius].any()
    assert withstands[away > 1.05 * radius].all()
    near = int((away < 0.95 * radius).sum())
    assert near == 0 or Ball(norm, radius).holds(changed - images).all()


def test_with_euclidean_changes_square_is_left_out() -> None:
    network, images, labels = data(3)
    found = list(autoattack(network, images, labels, Ball("l2", 0.01), range(3), steps=2))
    assert [attack for attack, _, _ in found] == list(ATTACKS[:3])


def test_auto_pgd_looks_ever_sooner_also_in_few_steps() -> None:
    assert list(looks_after(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(looks_after(3)) == [1, 2, 3]
    assert sum(looks_after(40).values()) == max(looks_after(40))
