"""Whether groups differ: as often as promised where they do not, named where one does, over what repeats inside them."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.metrics import by_group
from neocog.metrics.by_group import group_difference, right_by_group


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_group, "DRAWN", 300)


def test_groups_that_are_alike_are_told_apart_no_more_often_than_promised() -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(120):
        scores, member = (rng.random(90) < 0.8).astype(float), rng.integers(0, 4, 90)
        found.append(group_difference(scores, member))
    assert np.mean([each.p < 0.05 for each in found]) == pytest.approx(0.05, abs=0.05)
    assert np.mean([each.each.min() < 0.05 for each in found]) < 0.11, "Holm's holds for all groups together"


def test_the_group_that_differs_is_named_and_the_others_are_not() -> None:
    rng = np.random.default_rng(1)
    member = np.repeat(np.arange(5), 80)
    scores = (rng.random(400) < np.where(member == 3, 0.5, 0.9)).astype(float)
    scores[:4] = np.nan
    found = group_difference(scores, member)
    assert found.p < 0.01 and found.each[3] < 0.05 and found.above[3] < -0.3
    assert found.each.argmin() == 3 and found.each[2] > 0.05
    rest = scores[(member != 3) & ~np.isnan(scores)].mean()
    assert found.above[3] == pytest.approx(scores[member == 3].mean() - rest)


def test_patients_who_differ_do_not_make_their_sites_differ() -> None:
    rng = np.random.default_rng(2)
    patient = np.repeat(np.arange(8), 50)
    scores, site = rng.normal(np.array([0, 4, 1, 3, 4, 0, 3, 2])[patient], 1), patient // 4
    scores[site == 1] += 0.6
    assert group_difference(scores, site).p < 0.05
    assert group_difference(scores, site, patient.astype(str)).p > 0.2
    across = (np.arange(400) % 7).astype(str)  # units that lie in both sites cannot be dealt out
    assert group_difference(scores, site, across).p == group_difference(scores, site).p


def test_the_class_is_told_by_the_group_where_they_go_together_and_not_where_they_do_not() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    assert right_by_group(labels, labels * 7 % 11).mean() == 1
    assert right_by_group(labels, np.zeros(200, np.int64)).mean() == pytest.approx(0.5)
    assert right_by_group(labels, rng.integers(0, 4, 200)).mean() == pytest.approx(0.5, abs=0.1)
    assert right_by_group(labels, np.arange(200)).mean() == pytest.approx(0.5)  # of a group of one: the commonest class
