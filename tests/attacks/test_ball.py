"""Changes stay within the ball and the range, whatever they were; what is drawn is each sample's own."""

from __future__ import annotations

import pytest
import torch

from neocog.attacks.ball import Ball, Norm, drawn

BALLS = [Ball("linf", 0.1), Ball("l2", 0.5)]


@pytest.mark.parametrize("ball", BALLS, ids=lambda ball: ball.norm)
def test_projected_images_lie_in_the_ball_and_in_the_range(ball: Ball) -> None:
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(16, 3, 5, 4, generator=generator)
    wild = clean + torch.randn(clean.shape, generator=generator)
    found = ball.project(wild, clean)
    assert float(ball.size(found - clean).max()) <= ball.radius * (1 + 1e-5)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    near = (clean + 1e-3).clamp(0, 1)
    torch.testing.assert_close(ball.project(near, clean), near)


def test_norms_and_steepest_directions_of_a_known_change() -> None:
    change = torch.tensor([[[[3.0, -4.0]]]])
    assert Ball("linf", 1).size(change).tolist() == [4]
    assert Ball("l2", 1).size(change).tolist() == [5]
    assert Ball("linf", 1).direction(change).flatten().tolist() == [1, -1]
    torch.testing.assert_close(Ball("l2", 1).direction(change).flatten(), torch.tensor([0.6, -0.8]))
    torch.testing.assert_close(Ball("l2", 1).direction(change * 0), change * 0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_start_lies_on_the_surface_and_depends_on_the_sample_alone(norm: Norm) -> None:
    clean, ball = torch.full((3, 1, 4, 4), 0.5), Ball(norm, 0.1)
    together = ball.start(clean, 7, [5, 2, 9])
    torch.testing.assert_close(ball.size(together - clean), torch.full((3,), 0.1))
    assert torch.equal(ball.start(clean[:1], 7, [2]), together[1:2])
    assert not torch.equal(ball.start(clean[:1], 8, [2]), together[1:2])


def test_what_is_drawn_is_uniform_or_normal() -> None:
    like = torch.empty(1, 40_000)
    even, bell = drawn(like, 0, [0]), drawn(like, 0, [0], normal=True)
    assert float(even.min()) >= -1
    assert float(even.max()) < 1
    assert float(even.std()) == pytest.approx(3**-0.5, abs=0.01)
    assert float(bell.std()) == pytest.approx(1, abs=0.02)
