"""Values: losses in units of the targets' spread, errors of angles that close over the circle, sums that add up."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from neocog.data.loader import Batch
from neocog.tasks.regression.objective import Regression


def batch(targets: torch.Tensor) -> Batch:
    return Batch(torch.zeros(len(targets), 1), targets, None, np.arange(len(targets)), len(targets))


def task(loss: str, periods: tuple[float, ...] = (0.0, 0.0), outputs: torch.Tensor | None = None) -> Regression:
    class Constant(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert outputs is not None
            return outputs[: len(x)]

    return Regression(Constant, (10.0, -1.0), (2.0, 4.0), loss, periods)  # type: ignore[arg-type]


def loss_of(what: Regression, targets: torch.Tensor) -> float:
    return float(next(what.losses(what.networks(), batch(targets)))[1])


def test_outputs_are_in_standard_deviations_and_predictions_in_the_targets_units() -> None:
    said = task("mse", outputs=torch.tensor([[0.0, 1.0]])).predict(
        task("mse", outputs=torch.tensor([[0.0, 1.0]])).networks(), torch.zeros(1, 1)
    )
    assert said.tolist() == [[10.0, 3.0, 1.0, 1.0]]


@pytest.mark.parametrize(("loss", "expected"), [("mse", (1 + 4) / 2), ("mae", 1.5), ("huber", (0.5 + 1.5) / 2)])
def test_losses_are_those_of_errors_in_standard_deviations(loss: str, expected: float) -> None:
    outputs = torch.zeros(1, 2)
    assert loss_of(task(loss, outputs=outputs), torch.tensor([[12.0, 7.0]])) == pytest.approx(expected)


def test_the_gaussian_loss_is_the_negative_log_density_but_for_a_constant() -> None:
    outputs = torch.tensor([[0.5, -0.5, 0.3, -1.2]])
    truth = torch.tensor([[9.0, 2.0]])
    mean, std = torch.tensor([10.0, -1.0]), torch.tensor([2.0, 4.0])
    spread = (0.5 * outputs[:, 2:]).exp() * std
    density = Normal(outputs[:, :2] * std + mean, spread).log_prob(truth) + std.log() + 0.5 * math.log(2 * math.pi)
    assert loss_of(task("gaussian", outputs=outputs), truth) == pytest.approx(-float(density.mean()), abs=1e-5)


def test_errors_of_angles_go_the_shorter_way_round() -> None:
    what = task("mse", (360.0, 0.0))
    error = what.error(torch.tensor([[359.0, 359.0]]), torch.tensor([[1.0, 1.0]]))
    assert error.tolist() == [[-2.0, 358.0]]


def test_tallies_of_pieces_add_up_to_measures_of_the_whole() -> None:
    torch.manual_seed(0)
    outputs, truth = torch.randn(9, 2), torch.randn(9, 2) * 3
    what = task("mse", outputs=outputs)
    nets = what.networks()
    whole = what.tally(nets, batch(truth))
    values = outputs * torch.tensor([2.0, 4.0]) + torch.tensor([10.0, -1.0])
    measures = what.measures(whole)
    assert measures["mae"] == pytest.approx(float((values - truth).abs().mean()), rel=1e-5)
    expected = 1 - ((values - truth).square().mean(0) / torch.tensor([4.0, 16.0])).mean()
    assert measures["explained"] == pytest.approx(float(expected), rel=1e-5)
