"""Losses, penalties and optimizers of the NumPy engine are PyTorch's, in float64, to 1e-10."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neocog import scratch

EXACT = {"rtol": 1e-10, "atol": 1e-10}
THOROUGH = settings(max_examples=40, deadline=None, derandomize=True)


@THOROUGH
@given(
    n=st.integers(1, 6),
    k=st.integers(1, 7),
    weighted=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    reduction=st.sampled_from(["mean", "sum"]),
    seed=st.integers(0, 1000),
)
def test_cross_entropy_is_that_of_pytorch(
    n: int, k: int, weighted: bool, smoothing: float, reduction: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = 30 * rng.standard_normal((n, k)), rng.integers(0, k, n)
    weight = rng.uniform(0.5, 2, k) if weighted else None
    ours = scratch.CrossEntropyLoss(weight, reduction, smoothing)
    theirs = nn.CrossEntropyLoss(
        None if weight is None else torch.tensor(weight), reduction=reduction, label_smoothing=smoothing
    )
    tx = torch.tensor(x, requires_grad=True)
    loss = theirs(tx, torch.tensor(y))
    loss.backward()
    np.testing.assert_allclose(ours(x, y), loss.item(), **EXACT)
    np.testing.assert_allclose(ours.backward(), tx.grad.numpy(), **EXACT)


def test_cross_entropy_with_sample_weights_is_the_weighted_mean() -> None:
    rng = np.random.default_rng(0)
    x, y, v = rng.standard_normal((5, 3)), rng.integers(0, 3, 5), rng.uniform(0, 2, 5)
    tx = torch.tensor(x, requires_grad=True)
    each = nn.functional.cross_entropy(tx, torch.tensor(y), reduction="none", label_smoothing=0.1)
    loss = (each * torch.tensor(v)).sum() / v.sum()
    loss.backward()
    ours = scratch.CrossEntropyLoss(label_smoothing=0.1)
    np.testing.assert_allclose(ours(x, y, v), loss.item(), **EXACT)
    np.testing.assert_allclose(ours.backward(), tx.grad.numpy(), **EXACT)


def test_cross_entropy_of_ten_equal_scores_is_log_ten() -> None:
    assert scratch.CrossEntropyLoss()(np.zeros((4, 10)), np.arange(4)) == pytest.approx(2.302585)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("ours", "theirs"), [(scratch.MSELoss, nn.MSELoss), (scratch.L1Loss, nn.L1Loss)])
def test_distances_are_those_of_pytorch(ours: Any, theirs: Any, reduction: str) -> None:
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((2, 4, 3, 5))
    tx = torch.tensor(x, requires_grad=True)
    loss = theirs(reduction=reduction)(tx, torch.tensor(t))
    loss.backward()
    criterion = ours(reduction)
    np.testing.assert_allclose(criterion(x, t), loss.item(), **EXACT)
    np.testing.assert_allclose(criterion.backward(), tx.grad.numpy(), **EXACT)


@pytest.mark.parametrize("criterion", [scratch.CrossEntropyLoss(), scratch.MSELoss(), scratch.L1Loss()])
def test_gradients_of_losses_are_central_differences(criterion: Any) -> None:
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    target = np.array([0, 2, 1, 1]) if isinstance(criterion, scratch.CrossEntropyLoss) else rng.standard_normal((4, 3))
    criterion(x, target)
    slope = (criterion.backward() * v).sum()
    h = 1e-6
    difference = (criterion(x + h * v, target) - criterion(x - h * v, target)) / (2 * h)
    assert slope == pytest.approx(difference, abs=1e-8)


@pytest.mark.parametrize(
    ("target", "message"), [(np.array([0, 3]), "0 … 2; these are (2,), 0 … 3"), (np.array([0]), "2 class numbers")]
)
def test_targets_that_are_no_classes_are_refused(target: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError) as error:
        scratch.CrossEntropyLoss()(np.zeros((2, 3)), target)
    assert message in str(error.value)


def test_shapes_that_would_be_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(4, 1\), the target \(4,\)"):
        scratch.MSELoss()(np.zeros((4, 1)), np.zeros(4))


OPTIMIZERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "gradient descent": (scratch.SGD, torch.optim.SGD, {"lr": 0.05}),
    "momentum": (scratch.SGD, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "dampening": 0.3}),
    "Nesterov and decay": (
        scratch.SGD,
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "RMSprop": (scratch.RMSprop, torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "weight_decay": 0.1}),
    "RMSprop with momentum": (scratch.RMSprop, torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.8}),
    "Adam": (scratch.Adam, torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1, "betas": (0.8, 0.95)}),
    "AdamW": (scratch.AdamW, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}


def twins(seed: int = 0) -> tuple[scratch.Sequential, nn.Sequential, np.ndarray, np.ndarray]:
    theirs = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    ours = scratch.Sequential(scratch.Linear(6, 5), scratch.Tanh(), scratch.Linear(5, 3)).to(np.float64)
    ours.load_state_dict(theirs.state_dict())
    rng = np.random.default_rng(seed)
    return ours, theirs, rng.standard_normal((8, 6)), rng.integers(0, 3, 8)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_end_in_the_weights_of_pytorch(name: str) -> None:
    make_ours, make_theirs, how = OPTIMIZERS[name]
    ours, theirs, x, y = twins()
    criterion, their_criterion = scratch.CrossEntropyLoss(), nn.CrossEntropyLoss()
    optimizer, their_optimizer = make_ours(ours.parameters(), **how), make_theirs(theirs.parameters(), **how)
    for step in range(20):
        rate = how["lr"] * (1 - step / 40)
        optimizer.zero_grad(), their_optimizer.zero_grad()
        loss, their_loss = criterion(ours(x), y), their_criterion(theirs(torch.tensor(x)), torch.tensor(y))
        ours.backward(criterion.backward()), their_loss.backward()
        optimizer.step(lr=rate)
        their_optimizer.param_groups[0]["lr"] = rate
        their_optimizer.step()
        assert loss == pytest.approx(their_loss.item(), abs=1e-10)
    for key, tensor in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key], tensor.numpy(), **EXACT, err_msg=key)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_bit_for_bit_from_its_saved_state(name: str) -> None:
    make, _, how = OPTIMIZERS[name]

    def steps(model: scratch.Sequential, optimizer: Any, count: int) -> None:
        criterion = scratch.CrossEntropyLoss()
        for _ in range(count):
            optimizer.zero_grad(), criterion(model(x), y), model.backward(criterion.backward()), optimizer.step()

    model, _, x, y = twins()
    optimizer = make(model.parameters(), **how)
    steps(model, optimizer, 3)
    weights, memory = model.state_dict(), optimizer.state_dict()
    steps(model, optimizer, 3)
    again, *_ = twins(seed=1)
    again.load_state_dict(weights)
    resumed = make(again.parameters(), **how)
    resumed.load_state_dict(memory)
    steps(again, resumed, 3)
    for key, value in model.state_dict().items():
        assert np.array_equal(value, again.state_dict()[key]), key


def test_a_state_of_other_parameters_is_refused_whole() -> None:
    model, *_ = twins()
    optimizer = scratch.SGD(model.parameters(), momentum=0.9)
    with pytest.raises(ValueError, match=r"'1.momentum_buffer' is \(4,\), its parameter \(5,\)"):
        optimizer.load_state_dict({"0.momentum_buffer": np.zeros((5, 6)), "1.momentum_buffer": np.zeros(4)})
    assert optimizer.state_dict() == {}
    with pytest.raises(ValueError, match=r"'9.step' has no parameter: there are 4"):
        optimizer.load_state_dict({"9.step": np.zeros(())})


@pytest.mark.parametrize(
    ("penalty", "option"), [(scratch.L2(0.05), {"weight_decay": 0.1}), (scratch.L1(0.05), {"l1": 0.05})]
)
def test_a_penalty_in_the_loss_is_the_same_as_in_the_optimizer(penalty: Any, option: dict[str, float]) -> None:
    ends = []
    for with_penalty in (True, False):
        model, _, x, y = twins()
        model.load_state_dict({name: np.full_like(value, 0.3) for name, value in model.state_dict().items()})
        optimizer = scratch.SGD(model.parameters(), lr=0.1, **({} if with_penalty else option))
        criterion = scratch.CrossEntropyLoss()
        for _ in range(3):
            optimizer.zero_grad()
            criterion(model(x), y)
            model.backward(criterion.backward())
            if with_penalty:
                penalty(model.parameters())
                penalty.backward()
            optimizer.step()
        ends.append(model.state_dict())
    for key in ends[0]:
        np.testing.assert_allclose(ends[0][key], ends[1][key], rtol=1e-12, err_msg=key)


def test_penalties_are_sums_over_all_weights() -> None:
    parameters = [scratch.Parameter(np.array([3.0, -4.0])), scratch.Parameter(np.array([1.0]))]
    assert scratch.L1(0.5)(parameters) == 4.0
    assert scratch.L2(0.5)(parameters) == 13.0


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(ValueError, match="momentum > 0"):
        scratch.SGD([], nesterov=True)
