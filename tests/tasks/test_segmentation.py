"""Losses of masks against worked values, gradients against differences, and sums that add up however a batch is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neocog.data.loader import Batch
from neocog.records import Measure, Table
from neocog.tasks.segmentation.losses import LOSSES, cross_entropy, dice, focal, tversky
from neocog.tasks.segmentation.objective import Segmentation, confusions, sample_dice
from neocog.tasks.segmentation.report import segmentation_section

CLASSES = ("ground", "sky", "tree")


def sure(targets: Tensor, classes: int) -> Tensor:
    """Logits that say ``targets`` with certainty."""
    return F.one_hot(targets, classes).movedim(-1, 1).double() * 200


def example(classes: int = 3, count: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(classes, (count, 6, 7), generator=generator)
    targets[:, 0, :3] = 255
    return torch.randn(count, classes, 6, 7, generator=generator, dtype=torch.float64), targets


def batch(targets: Tensor, logits: Tensor, weights: Tensor | None = None) -> Batch:
    """A batch whose inputs are the logits: the network is the identity."""
    return Batch(logits, targets, weights, np.arange(len(targets)), len(targets))


def test_dice_and_tversky_of_a_worked_example() -> None:
    truth, said = torch.zeros(1, 4, 5, dtype=torch.long), torch.zeros(1, 4, 5, dtype=torch.long)
    truth[0, 0], said[0, 0, :3], said[0, 1, 0] = 1, 1, 1  # 3 hits, 1 false, 2 missed; smoothed by half a pixel
    assert float(dice(sure(said, 2), truth)) == pytest.approx(1 - 3.5 / (3 + 0.5 * 1 + 0.5 * 2 + 0.5))
    assert float(tversky(sure(said, 2), truth)) == pytest.approx(1 - 3.5 / (3 + 0.3 * 1 + 0.7 * 2 + 0.5))


def test_cross_entropy_and_focal_of_a_worked_example() -> None:
    logits = torch.zeros(1, 2, 1, 3, dtype=torch.float64)
    targets = torch.tensor([[[0, 1, 255]]])
    assert float(cross_entropy(logits, targets)) == pytest.approx(np.log(2))
    assert float(focal(logits, targets)) == pytest.approx(np.log(2) / 4)
    assert float(cross_entropy(logits, targets, torch.tensor([1.0, 3.0]))) == pytest.approx(2 * np.log(2))


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_agree_with_differences(name: str) -> None:
    logits, targets = example(count=2)
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, targets, None), logits.requires_grad_())


@pytest.mark.parametrize("name", LOSSES)
def test_what_does_not_count_changes_nothing(name: str) -> None:
    logits, targets = example()
    other = torch.where((targets == 255)[:, None], torch.tensor(50.0, dtype=torch.float64), logits)
    assert torch.allclose(LOSSES[name](logits, targets, None), LOSSES[name](other, targets, None))
    nothing = LOSSES[name](logits, torch.full_like(targets, 255), None)
    assert torch.equal(nothing, torch.zeros_like(nothing))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [(), (0.5, 1.0, 2.0)])
def test_pieces_of_a_batch_add_up(name: str, weights: tuple[float, ...]) -> None:
    logits, targets = example()
    of_samples = torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0], dtype=torch.float64)
    task = Segmentation(nn.Identity, CLASSES, name, weights)
    nets = task.networks()

    def loss(part: slice) -> float:
        return float(next(task.losses(nets, batch(targets[part], logits[part], of_samples[part])))[1])

    assert loss(slice(None)) == pytest.approx((2 * loss(slice(0, 2)) + 3 * loss(slice(2, 5))) / 5, rel=1e-6)
    whole, parts = task.tally(nets, batch(targets, logits)), []
    for part in (slice(0, 1), slice(1, 5)):
        parts.append(task.tally(nets, batch(targets[part], logits[part])))
    for key, value in whole.items():
        assert torch.allclose(value, parts[0][key] + parts[1][key]), key


def test_a_sample_s_weight_multiplies_its_loss() -> None:
    logits, targets = example(count=2)
    task = Segmentation(nn.Identity, CLASSES)
    each = LOSSES[task.loss](logits.float(), targets, None)
    weights = torch.tensor([0.5, 3.0])
    _, loss = next(task.losses(task.networks(), batch(targets, logits, weights)))
    assert float(loss) == pytest.approx(float((each * weights).mean()), rel=1e-6)


def test_of_two_classes_both_count_unless_one_is_named_as_the_background() -> None:
    totals = {"confusion": torch.tensor([[8.0, 2.0], [1.0, 1.0]]), "dice": torch.zeros(1), "with_dice": torch.zeros(1)}
    totals |= {"loss": torch.zeros(1), "n": torch.ones(1)}
    both, second = 0.5 * (8 / 11 + 1 / 4), 1 / 4
    for classes, expected in ((("water", "land"), both), (("background", "land"), second)):
        found = Segmentation(nn.Identity, classes).measures(totals)
        assert found["iou"] == pytest.approx(expected), classes


def test_a_class_that_is_absent_is_undefined_and_not_zero() -> None:
    empty = torch.zeros(1, 4, 4, dtype=torch.long)
    found = empty.clone()
    found[0, 0, 0] = 1
    assert sample_dice(confusions(empty, empty, 2)).isnan().all()
    assert float(sample_dice(confusions(empty, found, 2))) == 0.0
    task = Segmentation(nn.Identity, ("background", "thing"))
    both = torch.cat([empty, found])
    totals = task.tally(task.networks(), batch(both, sure(both, 2)))
    assert task.measures(totals)["dice"] == 1.0  # of the one image that has something
    task = Segmentation(nn.Identity, CLASSES)
    totals = task.tally(task.networks(), batch(both, sure(both, 3)))
    assert task.measures(totals)["iou"] == 1.0 and float(totals["confusion"].sum()) == 32


def test_confusion_counts_each_pixel_that_counts_once() -> None:
    logits, targets = example()
    each = confusions(targets, logits.argmax(1), 3)
    assert float(each.sum()) == float((targets != 255).sum())
    row = targets[2] == 1
    assert float(each[2, 1, 2]) == float((logits.argmax(1)[2][row] == 2).sum())


@pytest.mark.parametrize(("first", "units"), [("group_dice", "test groups"), ("image_dice", "test images")])
def test_the_report_counts_each_class_in_what_its_interval_is_drawn_from(first: str, units: str) -> None:
    measure = Measure(0.8, 0.7, 0.9, 5)
    section = segmentation_section({"test": {first: measure}}, {"tumour": {"dice": measure, "iou": measure}})
    each = [item for item in section.items if isinstance(item, Table)][1]
    assert each.columns[-1] == units and each.rows[0][-1] == 5
