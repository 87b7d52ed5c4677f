"""One step does what its settings say, and a bad gradient never reaches a weight."""

from __future__ import annotations

import copy
from typing import Any, get_args

import pytest
import torch
from torch import nn

from neocog.config import Optimizer, TrainConfig
from neocog.engine.schedule import rate
from neocog.engine.seed import mix, seed_step
from neocog.engine.update import NonFinite, apply_update, average_weights, optimizer_for
from neocog.interop.numpy_module import NumpyOptimizer


def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def backward(model: nn.Module) -> None:
    model.zero_grad()
    model(torch.linspace(-1, 1, 15).reshape(5, 3)).square().sum().backward()


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        (
            {"optimizer": "sgd", "momentum": 0.9},
            lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
        ),
        (
            {"optimizer": "sgd", "momentum": 0.8, "nesterov": True},
            lambda p: torch.optim.SGD(p, 0.05, momentum=0.8, nesterov=True),
        ),
        ({"optimizer": "gd"}, lambda p: torch.optim.SGD(p, 0.05)),
        ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, 0.05, betas=(0.9, 0.99))),
        ({"optimizer": "adamw"}, lambda p: torch.optim.Adam(p, 0.05, betas=(0.9, 0.99))),
    ],
)
def test_an_update_is_pytorchs_own(settings: dict[str, object], reference: object) -> None:
    ours, theirs = net(), net()
    config = TrainConfig(weight_decay=0.0, **settings)  # type: ignore[arg-type]
    optimizer, other = optimizer_for(ours, config), reference(theirs.parameters())  # type: ignore[operator]
    for _ in range(5):
        backward(ours)
        apply_update(ours, optimizer, config, lr=0.05)
        backward(theirs)
        other.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-7)


def test_decay_is_adamws_and_spares_biases() -> None:
    ours, theirs = net(), net()
    config = TrainConfig(optimizer="adamw", weight_decay=0.3)
    weights, biases = [p for p in theirs.parameters() if p.ndim > 1], [p for p in theirs.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": 0.3}, {"params": biases, "weight_decay": 0.0}]
    optimizer, other = optimizer_for(ours, config), torch.optim.AdamW(groups, 0.05, betas=(0.9, 0.99))
    for _ in range(5):
        backward(ours)
        apply_update(ours, optimizer, config, lr=0.05)
        backward(theirs)
        other.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "slope"), [("l2", lambda w: w), ("l1", torch.sign)])
def test_penalties_add_their_slope_to_the_weights_gradient(name: str, slope: object) -> None:
    model = net()
    before = copy.deepcopy(model)
    backward(model)
    plain = [p.grad.clone() for p in model.parameters()]  # type: ignore[union-attr]
    config = TrainConfig(optimizer="gd", weight_decay=0.0, **{name: 0.25})  # type: ignore[arg-type]
    apply_update(model, optimizer_for(model, config), config, lr=1.0)
    for after, start, grad in zip(model.parameters(), before.parameters(), plain, strict=True):
        penalty = 0.25 * slope(start) if start.ndim > 1 else 0  # type: ignore[operator]
        torch.testing.assert_close(after, start - grad - penalty)


def test_clipping_bounds_the_step_by_the_norm() -> None:
    model = net()
    before = copy.deepcopy(model)
    backward(model)
    config = TrainConfig(optimizer="gd", weight_decay=0.0, clip=0.01)
    apply_update(model, optimizer_for(model, config), config, lr=1.0)
    moved = torch.cat([(a - b).flatten() for a, b in zip(model.parameters(), before.parameters(), strict=True)])
    assert moved.norm().item() == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_touches_no_weight(value: float) -> None:
    model = net()
    before = copy.deepcopy(model.state_dict())
    backward(model)
    model[2].weight.grad[0, 0] = value  # type: ignore[index, union-attr]
    config = TrainConfig()
    with pytest.raises(NonFinite):
        apply_update(model, optimizer_for(model, config), config, lr=0.1)
    assert all(torch.equal(before[name], after) for name, after in model.state_dict().items())


def test_the_running_mean_moves_by_its_decay_and_copies_counters() -> None:
    model = nn.BatchNorm1d(2)
    mean = copy.deepcopy(model)
    with torch.no_grad():
        model.weight.fill_(3.0)
    model.num_batches_tracked.fill_(7)  # type: ignore[operator]
    average_weights(mean, model, decay=0.75, step=10**6)
    assert mean.weight.tolist() == [1.5, 1.5]
    assert int(mean.num_batches_tracked) == 7  # type: ignore[arg-type]


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing() -> None:
    rates = [rate(step, 200, TrainConfig(lr=0.4)) for step in range(200)]
    assert max(rates) == pytest.approx(0.4, rel=1e-3)
    assert 45 <= rates.index(max(rates)) <= 55
    assert rates[0] < 0.02 and rates[-1] < 0.001
    assert all(r > 0 for r in rates)
    cosine = [rate(step, 200, TrainConfig(lr=0.4, schedule="cosine")) for step in range(200)]
    assert cosine.index(max(cosine)) <= 11
    assert {rate(step, 9, TrainConfig(lr=0.1, schedule="constant")) for step in range(9)} == {0.1}


@pytest.mark.parametrize("staircase", [False, True])
def test_the_exponential_schedule_is_keras(staircase: bool) -> None:
    """ExponentialDecay(0.01, 10_000, 0.98), the lecture's, in its own formula."""
    config = TrainConfig(lr=0.01, schedule="exponential", staircase=staircase)
    for step in (0, 1, 9_999, 10_000, 25_000):
        times = step // 10_000 if staircase else step / 10_000
        assert rate(step, 30_000, config) == pytest.approx(0.01 * 0.98**times, rel=1e-12)


def test_each_optimizer_is_the_one_that_is_named_with_its_own_settings() -> None:
    def made(**settings: Any) -> torch.optim.Optimizer:
        return optimizer_for(
            nn.Sequential(*(nn.Linear(2, 2) for _ in range(3))),
            TrainConfig(lr=0.3, alpha=0.8, momentum=0.7, betas=(0.6, 0.5), **settings),
        )

    groups = {name: made(optimizer=name).param_groups[0] for name in get_args(Optimizer)}
    kinds = {name: type(made(optimizer=name)).__name__ for name in groups}
    assert kinds.pop("muon") == "Muon"
    assert kinds == {"adamw": "AdamW", "adam": "Adam", "rmsprop": "RMSprop", "sgd": "SGD", "gd": "SGD"}
    assert all(group["lr"] == 0.3 and group["weight_decay"] == 0 for group in groups.values())
    assert groups["rmsprop"]["alpha"] == 0.8 and groups["rmsprop"]["momentum"] == 0
    assert groups["sgd"]["momentum"] == 0.7 and groups["gd"]["momentum"] == 0
    assert groups["adam"]["betas"] == groups["adamw"]["betas"] == (0.6, 0.5)
    assert made(optimizer="sgd", nesterov=True).param_groups[0]["nesterov"]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_biases_and_norms_learn_at_a_rate_of_their_own(optimizer: Any) -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1), nn.Flatten(), nn.Linear(8, 2))
    config = TrainConfig(optimizer=optimizer, lr=0.1, bias_lr=64.0)
    groups = [{"params": [*net[0].parameters()], "factor": 0.5}, {"params": [*net[1:].parameters()]}]
    for given in ([], groups):
        made = optimizer_for(net, config, given)
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        apply_update(net, made, config, 0.1)
        rates = {id(p): group["lr"] for group in made.param_groups for p in group["params"]}
        assert len(rates) == len(list(net.parameters()))
        for parameter in net.parameters():
            first = bool(given) and any(parameter is p for p in net[0].parameters())
            assert rates[id(parameter)] == pytest.approx(
                0.1 * (1 if parameter.ndim > 1 else 64) * (0.5 if first else 1)
            )


def test_the_numpy_engine_gives_biases_their_own_rate() -> None:
    net = nn.Linear(3, 2)
    config = TrainConfig(optimizer="sgd", momentum=0.0, weight_decay=0.0, lr=0.1, bias_lr=8.0)
    made = NumpyOptimizer.like(optimizer_for(net, config))
    before = [p.detach().clone() for p in net.parameters()]
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    apply_update(net, made, config, 0.1)
    for parameter, old, step in zip(net.parameters(), before, (0.1, 0.8), strict=True):
        torch.testing.assert_close(parameter.detach(), old - step)


def test_noise_is_a_function_of_seed_step_and_rank() -> None:
    def draw(seed: int, step: int, rank: int) -> float:
        seed_step(seed, step, rank)
        return float(torch.rand(()))

    assert draw(1, 2, 3) == draw(1, 2, 3)
    assert len({draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(2, 1, 3)}) == 5
    assert len({mix(a, b) for a in range(60) for b in range(60)}) == 3600


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_gradient_in_another_memory_order_is_not_taken_for_its_neighbours(optimizer: str) -> None:
    config = TrainConfig(optimizer=optimizer, weight_decay=0.0, lr=0.1)  # type: ignore[arg-type]
    plain, last = nn.Conv2d(4, 8, 3), nn.Conv2d(4, 8, 3)
    last.load_state_dict(plain.state_dict())
    last.to(memory_format=torch.channels_last)
    gradient = torch.randn(8, 4, 3, 3)
    for net in (plain, last):
        steps = optimizer_for(net, config)
        for _ in range(3):
            net.weight.grad = gradient.clone()  # its channels first, whatever the weight's order
            apply_update(net, steps, config, 0.1)
    assert last.weight.stride() != plain.weight.stride()
    torch.testing.assert_close(last.weight, plain.weight)
