"""Losses by hand, also with the two and three classes for which AutoAttack's are not defined."""

from __future__ import annotations

import math

import pytest
import torch

from neocog.attacks.goal import (
    any_other,
    any_towards,
    cross_entropy,
    likeliest,
    logit_ratio,
    margin,
    never,
    only,
    targeted_logit_ratio,
    towards,
)

LOGITS = torch.tensor([[5.0, 1.0, 3.0, 0.0], [0.0, 4.0, 2.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 0])
TARGET = torch.tensor([2, 3])


def test_margins_are_the_lead_of_the_best_other_class() -> None:
    assert margin(LOGITS, LABELS).tolist() == [-2, 4]


def test_the_logit_ratio_divides_by_the_first_less_the_third() -> None:
    assert logit_ratio(LOGITS, any_other(LABELS)).tolist() == pytest.approx([-2 / (5 - 1), 4 / (4 - 1)])
    assert logit_ratio(LOGITS * 1000, any_other(LABELS)).tolist() == pytest.approx([-0.5, 4 / 3])


def test_the_targeted_ratio_divides_by_the_first_less_the_mean_of_third_and_fourth() -> None:
    found = targeted_logit_ratio(LOGITS, any_towards(LABELS, TARGET))
    assert found.tolist() == pytest.approx([(3 - 5) / (5 - 0.5), (1 - 0) / (4 - 0.5)])


def test_with_three_classes_the_third_stands_for_the_mean() -> None:
    logits = LOGITS[:, :3]
    found = targeted_logit_ratio(logits, any_towards(LABELS, torch.tensor([2, 2])))
    assert found.tolist() == pytest.approx([(3 - 5) / (5 - 1), (2 - 0) / (4 - 0)])
    assert logit_ratio(logits, any_other(LABELS)).tolist() == pytest.approx([-2 / 4, 4 / 4])


def test_with_two_classes_both_are_the_plain_difference() -> None:
    logits, target = LOGITS[:, :2], torch.tensor([1, 1])
    assert logit_ratio(logits, any_other(LABELS)).tolist() == [-4, 4]
    assert targeted_logit_ratio(logits, any_towards(LABELS, target)).tolist() == [-4, 4]


def test_cross_entropy_is_of_the_label_and_towards_of_the_target() -> None:
    logits, goal = torch.zeros(2, 4), only(LABELS, TARGET)
    assert cross_entropy(logits, goal).tolist() == pytest.approx([math.log(4)] * 2)
    assert towards(LOGITS, goal).tolist() == pytest.approx(LOGITS.log_softmax(1)[[0, 1], TARGET].tolist())


def test_when_a_goal_is_reached() -> None:
    assert any_other(LABELS).reached(LOGITS, any_other(LABELS)).tolist() == [False, True]
    wanted = only(LABELS, torch.tensor([0, 3]))
    assert wanted.reached(LOGITS, wanted).tolist() == [True, False]
    assert never(LOGITS, wanted).tolist() == [False, False]
    part = wanted.of(torch.tensor([1]))
    assert (part.truth.tolist(), part.target is not None and part.target.tolist()) == ([0], [3])


def test_the_likeliest_others_in_their_order() -> None:
    found = [likeliest(LOGITS, LABELS, rank).tolist() for rank in range(3)]
    assert found == [[2, 1], [1, 2], [3, 3]]
