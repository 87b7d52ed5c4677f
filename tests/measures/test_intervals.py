"""Intervals hold the truth as often as they say, and know when they know nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from neocog.measures import (
    bootstrap,
    classification,
    classification_measures,
    holm,
    log_softmax,
    macro_auroc,
    mcnemar,
    paired_bootstrap,
    per_class,
    wilson,
)


def test_wilson_is_scipys() -> None:
    for right, n in [(0, 10), (10, 10), (3, 7), (950, 1000), (1, 1)]:
        theirs = stats.binomtest(right, n).proportion_ci(method="wilson")
        assert wilson(right, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="5 successes of 4"):
        wilson(5, 4)


def test_a_bootstrap_of_the_mean_has_the_means_standard_error() -> None:
    x = np.random.default_rng(0).normal(size=400)
    draws = bootstrap(lambda w: np.array([w @ x / w.sum()]), 400, seed=1)
    assert draws.shape == (1000, 1)
    assert draws.std() == pytest.approx(x.std() / 20, rel=0.1)
    np.testing.assert_array_equal(draws, bootstrap(lambda w: np.array([w @ x / w.sum()]), 400, seed=1))


def test_groups_are_drawn_whole() -> None:
    groups = np.repeat(["a", "b", "c"], [2, 3, 4])
    draws = bootstrap(lambda w: w, 9, groups, repeats=50)
    for weights in draws:
        assert len(set(weights[:2])) == len(set(weights[2:5])) == len(set(weights[5:])) == 1
        assert weights[0] + weights[2] + weights[5] == 3


def test_blank_groups_are_groups_of_their_own() -> None:
    draws = bootstrap(lambda w: w, 4, ["", "", "x", "x"], repeats=60)
    assert (draws[:, 0] != draws[:, 1]).any() and (draws[:, 2] == draws[:, 3]).all()


def simulated(rng: np.random.Generator, patients: int = 25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eight images of each patient, who as a whole is easy or hard."""
    n = patients * 8
    labels = rng.integers(3, size=n)
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), labels] += 1.2 + np.repeat(rng.normal(size=patients), 8)
    return logits, labels, np.repeat(np.arange(patients), 8).astype(str)


def test_grouped_intervals_hold_the_truth_and_ungrouped_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classification, "REPEATS", 200)
    logits, labels, _ = simulated(np.random.default_rng(99), patients=5_000)
    truth = {name: m.value for name, m in classification_measures(logits, labels).items()}
    rng = np.random.default_rng(0)
    held = {True: np.zeros(3), False: np.zeros(3)}
    names = ["accuracy", "macro_f1", "auroc"]
    for _ in range(40):
        logits, labels, groups = simulated(rng)
        for grouped in held:
            found = classification_measures(logits, labels, groups if grouped else None)
            held[grouped] += [found[name].low <= truth[name] <= found[name].high for name in names]
    assert (held[True] >= 34).all(), held  # 95 % of 40 is 38; 25 groups are few, and the bootstrap knows it a little
    assert (held[False] < held[True]).all(), held


def test_the_auroc_interval_agrees_with_a_bootstrap() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=500)
    logits = rng.normal(size=(500, 4)) + 1.3 * np.eye(4)[labels]
    ours = macro_auroc(logits, labels)
    picks = [rng.integers(500, size=500) for _ in range(500)]
    low, high = np.quantile([macro_auroc(logits[i], labels[i]).value for i in picks], [0.025, 0.975])
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=0.006)
    assert ours.high - ours.low == pytest.approx(high - low, rel=0.15)


def test_every_interval_holds_its_value() -> None:
    rng = np.random.default_rng(0)
    for k in (2, 3, 8):
        labels = rng.integers(k, size=60)
        logits = 3 * rng.normal(size=(60, k)) + 3 * np.eye(k)[labels]
        for groups in (None, rng.integers(9, size=60).astype(str)):
            for name, m in classification_measures(logits, labels, groups, temperature=2.0).items():
                assert m.low <= m.value <= m.high and m.n == 60, (k, name)
            for row in per_class(logits, labels, [str(i) for i in range(k)], groups).values():
                assert not any(m.value < m.low or m.value > m.high for m in row.values())


def test_all_right_is_not_certainty() -> None:
    labels = np.arange(30) % 3
    found = classification_measures(np.eye(3)[labels] * 5, labels)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found[name].value == 1.0 and 0.6 < found[name].low < 0.95, name
    assert per_class(np.eye(3)[labels] * 5, labels, list("abc"))["a"]["f1"].low == pytest.approx(wilson(10, 10)[0])


def test_one_group_gives_no_interval_but_every_value() -> None:
    logits, labels, _ = simulated(np.random.default_rng(0), patients=4)
    for name, m in classification_measures(logits, labels, ["p"] * len(labels)).items():
        assert math.isfinite(m.value) and math.isnan(m.low) and math.isnan(m.high), name


def test_mcnemar_is_the_binomial_test_of_those_that_differ() -> None:
    for b, c in [(0, 0), (5, 0), (3, 9), (40, 40), (4000, 4100)]:
        first = np.repeat([True, True, False, False], [20, b, c, 7])
        second = np.repeat([True, False, True, False], [20, b, c, 7])
        theirs = stats.binomtest(b, b + c).pvalue if b + c else 1.0
        assert mcnemar(first, second) == pytest.approx(theirs, rel=1e-9)
    with pytest.raises(ValueError, match="not the same test set"):
        mcnemar(np.ones(3), np.ones(4))


def test_a_paired_bootstrap_sees_what_is_there_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=300)
    better, same = base + 0.2 + 0.5 * rng.normal(size=300), base + 0.5 * rng.normal(size=300)
    mean = lambda x: lambda w: np.array([w @ x / w.sum()])  # noqa: E731
    [found] = paired_bootstrap(mean(base), mean(better), 300)
    assert found.difference == pytest.approx((better - base).mean())
    assert 0 < found.low < found.difference < found.high and found.p < 0.01
    [none] = paired_bootstrap(mean(base), mean(base), 300)
    assert none.p == 1.0 and none.difference == none.low == none.high == 0.0
    p = [paired_bootstrap(mean(base), mean(base + rng.normal(size=300)), 300, repeats=200)[0].p for _ in range(100)]
    assert 0 <= sum(x < 0.05 for x in p) <= 12
    assert paired_bootstrap(mean(base), mean(same), 300)[0].p > 0.01


def test_holm_is_statistics_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, math.nan, 0.6])[0] == 1.0 and math.isnan(holm([0.5, math.nan, 0.6])[1])
    assert holm([]) == []


def test_extreme_logits_overflow_nothing() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 0.0], [0.0, 1e4]])
    assert np.isfinite(log_softmax(logits)).all()
    found = classification_measures(logits, np.array([0, 1, 1, 0]))
    assert found["log_loss"].value == pytest.approx(5000)
