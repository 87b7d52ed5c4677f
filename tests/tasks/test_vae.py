"""The bound against numbers by hand, a known marginal likelihood and Monte Carlo; noise that is a function of the pixels."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neocog.data.loader import Batch
from neocog.networks import build
from neocog.tasks.vae.objective import VAE, divergence, keys_of


class Fixed(nn.Module):
    """Codes of one mean and variance, and pixels that are always the same: numbers that one can compute by hand."""

    def __init__(self, mean: float, log_variance: float, decoded: float, log_scale: float = 0.0) -> None:
        super().__init__()
        self.found, self.decoded = (mean, log_variance), decoded
        self.log_scale = nn.Parameter(torch.tensor(log_scale))

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        one = torch.ones(len(images), 2)
        return one * self.found[0], one * self.found[1]

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return torch.full((len(codes), 1, 2, 2), self.decoded) + 0 * self.log_scale


def batch(images: torch.Tensor, progress: float = 1.0, weights: torch.Tensor | None = None) -> Batch:
    n = len(images)
    return Batch(images, torch.zeros(n), weights, np.arange(n), n, progress)


def loss(task: VAE, net: nn.Module, given: Batch) -> float:
    ((name, value),) = task.losses({"model": net}, given)
    assert name == "model"
    return float(value.detach())


def measured(task: VAE, net: nn.Module, images: torch.Tensor) -> dict[str, float]:
    with torch.no_grad():
        return task.measures(task.tally({"model": net}, batch(images)))


IMAGES = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).expand(3, 1, 2, 2)
# mean 0.5, σ² = 0.25 in two dimensions
KL = 2 * 0.5 * (0.25 + 0.25 - 1 - math.log(0.25))
FIT = 3 * math.log(0.8) + math.log(0.2)  # of the logit log 4, three pixels are 1 and one is 0


def test_the_bernoulli_bound_is_the_one_by_hand() -> None:
    task = VAE(lambda: None)
    net = Fixed(0.5, math.log(0.25), math.log(4))
    measures = measured(task, net, IMAGES)
    assert measures["reconstruction"] == pytest.approx(-FIT, rel=1e-5)
    assert measures["kl"] == pytest.approx(KL, rel=1e-5)
    assert measures["elbo"] == pytest.approx(FIT - KL, rel=1e-5)
    assert next(iter(measures)) == "elbo"
    assert loss(task, net, batch(IMAGES)) == pytest.approx(KL - FIT, rel=1e-5)


def test_the_gaussian_likelihood_is_the_density_by_hand() -> None:
    task, sigma = VAE(lambda: None, "gaussian"), 0.3
    net = Fixed(0.0, 0.0, 0.4, math.log(sigma))
    errors = np.array([0.6, -0.4, 0.6, 0.6])
    by_hand = (-0.5 * (errors / sigma) ** 2 - math.log(sigma) - 0.5 * math.log(2 * math.pi)).sum()
    assert measured(task, net, IMAGES)["elbo"] == pytest.approx(by_hand, rel=1e-5)


def test_beta_rises_with_the_steps_and_free_bits_are_not_paid() -> None:
    net = Fixed(0.5, math.log(0.25), math.log(4))
    warm = VAE(lambda: None, beta=2.0, warmup=0.5)
    assert loss(warm, net, batch(IMAGES, progress=0.0)) == pytest.approx(-FIT, rel=1e-5)
    assert loss(warm, net, batch(IMAGES, progress=0.25)) == pytest.approx(KL - FIT, rel=1e-5)
    assert loss(warm, net, batch(IMAGES, progress=0.75)) == pytest.approx(2 * KL - FIT, rel=1e-5)
    free = VAE(lambda: None, free_bits=1.5)
    assert KL / 2 < 1.5  # of each dimension
    assert loss(free, net, batch(IMAGES)) == pytest.approx(2 * 1.5 - FIT, rel=1e-5)


def test_pieces_of_a_batch_add_up_and_weights_count() -> None:
    images = torch.rand(6, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    task, net = VAE(lambda: None), Fixed(0.5, -60.0, 0.3)  # σ is nothing, so there is no noise
    weights = torch.tensor([0.5, 1.5, 1.0, 0.7, 1.3, 1.0])
    parts = [loss(task, net, batch(images[a:b], weights=weights[a:b])) * (b - a) for a, b in ((0, 2), (2, 6))]
    assert sum(parts) / 6 == pytest.approx(loss(task, net, batch(images, weights=weights)), rel=1e-5)
    assert loss(task, net, batch(images, weights=weights)) != pytest.approx(loss(task, net, batch(images)), rel=1e-5)


def test_the_divergence_is_the_mean_of_the_log_ratio() -> None:
    mean, log_variance = torch.tensor([[0.7, -1.2]]), torch.tensor([[-1.0, 0.4]])
    prior = torch.distributions.Normal(0.0, 1.0)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    torch.manual_seed(0)
    codes = posterior.sample((400_000,))
    found = (posterior.log_prob(codes) - prior.log_prob(codes)).mean(0)
    assert divergence(mean, log_variance) == pytest.approx(found, abs=0.01)


class Linear(nn.Module):
    """x = W z + b + noise: its marginal likelihood is known. The encoder is a little wrong."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weight = torch.randn(2, 12, generator=generator) * 0.3
        self.bias = torch.rand(12, generator=generator)
        self.log_scale = nn.Parameter(torch.tensor(math.log(0.25)))

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        precision = torch.eye(2) + self.weight @ self.weight.T / 0.25**2
        mean = (images.flatten(1) - self.bias) @ self.weight.T / 0.25**2 @ precision.inverse()
        return mean + 0.05, precision.inverse().diagonal().log().expand_as(mean) + 0.8

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return (codes @ self.weight + self.bias).view(-1, 1, 3, 4)


def test_importance_sampling_finds_the_known_likelihood_and_the_bound_lies_below() -> None:
    net: Any = Linear()
    task, nets = VAE(lambda: None, "gaussian"), {"model": net}
    images = torch.rand(300, 1, 3, 4, generator=torch.Generator().manual_seed(2))
    covariance = net.weight.T @ net.weight + 0.25**2 * torch.eye(12)
    exact = torch.distributions.MultivariateNormal(net.bias, covariance).log_prob(images.flatten(1))
    with torch.no_grad():
        found = task.log_marginal(nets, images, samples=1000, chunk=300)
        fit, divergences, _ = task.bound(nets, images)
    assert (found - exact).abs().max() < 0.4 and (found - exact).mean().abs() < 0.02
    assert (fit - divergences.sum(1)).mean() < exact.mean() - 0.2
    with torch.no_grad():
        again = task.log_marginal(nets, images[[7]], samples=1000, chunk=1000)
    assert again.item() == pytest.approx(found[7].item(), abs=1e-4)  # neither batch nor piece matters


def test_evaluation_draws_the_same_for_the_same_picture_wherever_it_stands() -> None:
    task = VAE(lambda: None, binarise="sampled", seed=4)
    images = torch.rand(5, 1, 9, 7)
    keys = keys_of(images)
    assert len(set(keys.tolist())) == 5
    order = [3, 0, 4]
    assert torch.equal(keys_of(images[order]), keys[order])
    assert torch.equal(task.noise(keys[order], 6), task.noise(keys, 6)[order])
    black_or_white = task.images(images, keys)
    assert torch.equal(task.images(images[order], keys[order]), black_or_white[order])
    assert not torch.equal(task.noise(keys, 6), VAE(lambda: None, seed=5).noise(keys, 6))


@pytest.mark.parametrize("keyed", [True, False])
def test_pixels_are_drawn_with_their_grey_value_as_probability(keyed: bool) -> None:
    images = torch.full((1, 1, 300, 300), 0.3)
    drawn = VAE(lambda: None, binarise="sampled").images(images, keys_of(images) if keyed else None)
    assert set(drawn.unique().tolist()) == {0.0, 1.0} and drawn.mean() == pytest.approx(0.3, abs=0.01)
    threshold = VAE(lambda: None, binarise="threshold").images(torch.tensor([[[[0.3, 0.6]]]]))
    assert threshold.tolist() == [[[[0.0, 1.0]]]]


def test_evaluation_noise_is_normal() -> None:
    noise = VAE(lambda: None).noise(torch.arange(2000), 50)
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.var() == pytest.approx(1, abs=0.02)


def test_a_few_steps_raise_the_bound() -> None:
    torch.manual_seed(0)
    task = VAE(lambda: build("vae", 1, (8, 8), 1, latent=2, widths="8", hidden=16), binarise="threshold")
    nets: Any = task.networks()
    images = (torch.rand(64, 1, 1, 8) > 0.5).float().expand(64, 1, 8, 8)
    assert not nets["model"].log_scale.requires_grad
    before = measured(task, nets["model"], images)["elbo"]
    optimizer = torch.optim.Adam(nets["model"].parameters(), 0.01)
    for _ in range(60):
        ((_, value),) = task.losses(nets, batch(images))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert measured(task, nets["model"], images)["elbo"] > before + 10
    shown = task.predict(nets, images).detach()
    assert shown.shape == images.shape and shown.min() >= 0 and shown.max() <= 1


def test_stray_values_are_cut_to_the_range() -> None:
    assert VAE(lambda: SimpleNamespace()).images(torch.tensor([-0.2, 1.4])).tolist() == [0.0, 1.0]
