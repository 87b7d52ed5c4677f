"""What is learned: losses are means over samples, tallies add up under any batch size, measures are ratios of sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neocog.data.loader import Batch
from neocog.tasks.classification.objective import Classification, balanced_weights

CLASSES = ("a", "b", "c")


class Identity(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)


def batch(n: int, seed: int = 0, weights: torch.Tensor | None = None) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, 3, 1, 1, generator=generator)
    targets = torch.randint(0, 3, (n,), generator=generator)
    return Batch(logits, targets, weights, np.arange(n), n)


def part(whole: Batch, chosen: slice) -> Batch:
    weights = None if whole.weights is None else whole.weights[chosen]
    return Batch(whole.inputs[chosen], whole.targets[chosen], weights, whole.samples[chosen], whole.total)


def only_loss(task: Classification, b: Batch) -> torch.Tensor:
    ((name, loss),) = task.losses({"model": Identity()}, b)
    assert name == "model"
    return loss


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "mae"])
def test_losses_of_pieces_add_up_to_the_loss_of_the_batch(loss: str) -> None:
    task = Classification(Identity, CLASSES, loss, class_weights=(0.5, 1.5, 1.0))  # type: ignore[arg-type]
    whole = batch(11, weights=torch.rand(11))
    pieces = [part(whole, slice(0, 3)), part(whole, slice(3, 10)), part(whole, slice(10, 11))]
    total = sum(only_loss(task, piece) * len(piece) / 11 for piece in pieces)
    torch.testing.assert_close(total, only_loss(task, whole))


def test_cross_entropy_is_pytorchs_and_of_a_tenth_is_2_3() -> None:
    b = batch(20)
    task = Classification(Identity, CLASSES, label_smoothing=0.1)
    torch.testing.assert_close(only_loss(task, b), F.cross_entropy(b.inputs.flatten(1), b.targets, label_smoothing=0.1))
    ten = Classification(Identity, tuple("0123456789"))
    even = Batch(torch.zeros(4, 10, 1, 1), torch.arange(4), None, np.arange(4), 4)
    assert only_loss(ten, even).item() == pytest.approx(2.302585, abs=1e-6)


def test_mse_and_mae_compare_probabilities_with_the_one_hot_truth() -> None:
    b = Batch(torch.log(torch.tensor([[0.7, 0.2, 0.1]]))[..., None, None], torch.tensor([0]), None, np.arange(1), 1)
    assert only_loss(Classification(Identity, CLASSES, "mse"), b).item() == pytest.approx(0.09 + 0.04 + 0.01)
    assert only_loss(Classification(Identity, CLASSES, "mae"), b).item() == pytest.approx(0.3 + 0.2 + 0.1)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_measures_are_the_same_for_any_batch_size(size: int) -> None:
    task, whole = Classification(Identity, CLASSES), batch(100)
    totals: dict[str, torch.Tensor] = {}
    for start in range(0, 100, size):
        tally = task.tally({"model": Identity()}, part(whole, slice(start, start + size)))
        totals = {name: totals.get(name, 0) + value for name, value in tally.items()}
    measures = task.measures(totals)
    logits = whole.inputs.flatten(1)
    assert measures["accuracy"] == (logits.argmax(1) == whole.targets).double().mean().item()
    assert measures["loss"] == pytest.approx(F.cross_entropy(logits, whole.targets).item(), rel=1e-6)
    assert int(totals["confusion"].sum()) == 100


def test_balanced_weights_make_classes_count_alike_with_mean_one() -> None:
    labels = [0] * 90 + [1] * 9 + [2]
    weights = balanced_weights(labels, 3)
    shares = [90 * weights[0], 9 * weights[1], 1 * weights[2]]
    assert shares == pytest.approx([100 / 3] * 3)
    assert sum(weights[label] for label in labels) == pytest.approx(100)
    assert balanced_weights([0, 0, 2], 3)[0] == pytest.approx(0.75), "an absent class takes no share"
