"""Intervals hold the truth as often as they say, and know when they know nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from neocog.metrics import (
    Comparison,
    Units,
    classification_measures,
    holm,
    log_softmax,
    macro_auroc,
    mcnemar,
    paired,
    per_class,
    proportion,
)
from neocog.metrics.generation import entropy_measure
from neocog.metrics.intervals import equal_units, interval, jackknife, mean_measures, proportions
from neocog.metrics.regression import regression_measures
from neocog.metrics.segmentation import mean_measure, segmentation_measures
from neocog.records import Measure

RNG = np.random.default_rng(0)


def test_a_proportion_holds_what_it_promises_whatever_its_size() -> None:
    """Exactly, by the binomial distribution: no simulation."""
    for n in (3, 5, 10, 15, 30, 100, 300):
        seen = np.arange(n + 1)
        low, high = proportions(seen, np.full(n + 1, n))
        chances = [stats.binom.pmf(seen, n, p)[(low <= p) & (p <= high)].sum() for p in np.linspace(0.005, 0.995, 199)]
        assert min(chances) >= 0.928, n
        assert np.mean(chances) <= (0.995 if n < 15 else 0.975), n


def test_a_proportion_lies_between_mid_p_and_clopper_and_pearson() -> None:
    for right, n in [(3, 7), (950, 1000), (9, 10)]:
        exact = stats.binomtest(right, n).proportion_ci()
        ours = [float(bound[0]) for bound in proportions(np.array([right]), np.array([n]), 1.0)]
        assert ours == pytest.approx([exact.low, exact.high], abs=1e-9)
        low, high = proportion(right, n)
        assert exact.low < low < right / n < high < exact.high
    assert proportion(0, 10)[0] == 0.0 and proportion(10, 10)[1] == 1.0 and proportion(0, 0) == (0.0, 1.0)
    assert proportion(10, 10)[0] == pytest.approx((0.025 / 0.65) ** 0.1)
    with pytest.raises(ValueError, match="successes of"):
        proportion(5, 4)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    x = RNG.normal(size=50)
    sums = Units.of(None, 50).sums(np.stack([x, np.ones(50)], axis=1))
    value, shares = jackknife(sums, lambda s: s[..., :1] / s[..., 1:])
    assert value[0] == pytest.approx(x.mean())
    assert np.sqrt(np.square(shares).sum()) == pytest.approx(x.std(ddof=1) / np.sqrt(50))


def test_blocks_of_many_units_say_what_all_of_them_say() -> None:
    x = RNG.gamma(2, size=(20_000, 1))
    [blocks] = mean_measures(x, ("any",))
    half = 1.96 * x.std(ddof=1) / np.sqrt(len(x))
    assert (blocks.high - blocks.low) / 2 == pytest.approx(half, rel=0.12)
    assert blocks.value == pytest.approx(x.mean())


def test_units_are_groups_and_a_blank_name_is_one_of_its_own() -> None:
    units = Units.of(["a", "", "a", "", "b"], 5)
    assert units.count == 4 and units.group_count() == 4 and Units.of(None, 5).group_count() is None
    assert sorted(units.sums(np.arange(5.0)[:, None])[:, 0].tolist()) == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="groups of shape"):
        Units.of(["a"], 2)


def test_a_unit_that_holds_most_samples_leaves_few() -> None:
    assert equal_units(np.array([8.0, 8, 8])) == pytest.approx(3)
    assert equal_units(np.array([100.0, 10, 10])) == pytest.approx(1.41, abs=0.01)
    sizes = [100, 10, 10]
    [uneven] = mean_measures(RNG.random((120, 1)), ("share",), np.repeat(list("abc"), sizes))
    assert math.isnan(uneven.low) and uneven.n == 120 and uneven.units == 3


def test_few_units_have_students_interval_and_two_none() -> None:
    low, high = interval(1.0, 0.1, 5)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 4) * 0.1)
    assert math.isnan(interval(1.0, 0.1, 2)[0]) and math.isnan(interval(1.0, 0.0, 5)[0])


def test_scales_keep_what_is_bounded_inside_its_bounds() -> None:
    for scale, value, least, most in [
        ("share", 0.97, 0, 1), ("counts", 0.03, 0, 1), ("correlation", -0.9, -1, 1), ("angle", 175, 0, 180),
        ("brier", 0.05, 0, 2), ("positive", 0.1, 0, math.inf), ("below one", 0.9, -math.inf, 1),
    ]:  # fmt: skip
        low, high = interval(value, 0.2, 6, scale)  # type: ignore[arg-type]
        assert least <= low < value < high <= most, scale


def simulated(rng: np.random.Generator, patients: int = 25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eight images of each patient, who as a whole is easy or hard."""
    n = patients * 8
    labels = rng.integers(3, size=n)
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), labels] += 1.2 + np.repeat(rng.normal(size=patients), 8)
    return logits, labels, np.repeat(np.arange(patients), 8).astype(str)


@pytest.mark.parametrize("patients", [3, 5, 8, 15])
def test_grouped_intervals_hold_the_truth_and_ungrouped_ones_do_not(patients: int) -> None:
    """Of 300 repeats 95 % are 285; 0.93 less two standard deviations of the count are 270."""
    logits, labels, _ = simulated(np.random.default_rng(99), patients=5_000)
    names = ["accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss"]
    truth = {name: m.value for name, m in classification_measures(logits, labels).items()}
    rng, held, loose = np.random.default_rng(0), np.zeros(5), np.zeros(5)
    for _ in range(300):
        logits, labels, groups = simulated(rng, patients)
        found = classification_measures(logits, labels, groups)
        held += [found[name].low <= truth[name] <= found[name].high for name in names]
        alone = classification_measures(logits, labels)
        loose += [alone[name].low <= truth[name] <= alone[name].high for name in names]
    assert (held >= 270).all(), held
    assert (loose[[0, 2]] < 265).all(), loose


@pytest.mark.parametrize("n", [3, 5, 10, 15, 30])
def test_the_mean_of_skewed_dice_holds_the_truth(n: int) -> None:
    """Beta(8, 1.5); of 600 repeats 0.93 less two standard deviations are 545, and no more than 0.99 hold."""
    rng = np.random.default_rng(n)
    found = [mean_measure(rng.beta(8, 1.5, n)) for _ in range(600)]
    held = sum(m.low <= 8 / 9.5 <= m.high for m in found)
    assert 545 <= held <= 595


def test_errors_with_heavy_tails_hold_the_truth() -> None:
    rng = np.random.default_rng(3)
    mae, rmse = 1.0, math.sqrt(2)  # of Student's t with 4 degrees of freedom: E |t| = 1, E t² = 2
    for n in (5, 15, 50):
        found = [regression_measures(rng.standard_t(4, n), rng.normal(size=n)) for _ in range(300)]
        assert sum(m["mae"].low <= mae <= m["mae"].high for m in found) >= 270, n
        assert sum(m["rmse"].low <= rmse <= m["rmse"].high for m in found) >= 270, n


def test_a_network_that_was_always_right_may_be_wrong_the_next_time() -> None:
    """Ten confident right answers: their log loss says little of that of answers of which one in a hundred is wrong."""
    labels = np.arange(10) % 2
    found = classification_measures(8 * np.eye(2)[labels], labels)
    assert found["log_loss"].value < 0.001 and found["log_loss"].high > 0.08
    assert found["brier"].value < 0.001 and found["brier"].high > 0.02


def test_fifteen_bins_of_few_samples_give_no_interval() -> None:
    logits, labels, _ = simulated(np.random.default_rng(0), 2)
    assert math.isnan(classification_measures(logits, labels)["ece"].low)
    logits, labels, _ = simulated(np.random.default_rng(0), 40)
    assert math.isfinite(classification_measures(logits, labels)["ece"].low)


def test_entropy_knows_that_few_samples_miss_classes() -> None:
    rng, shares = np.random.default_rng(0), np.array([0.4, 0.3, 0.2, 0.08, 0.02])
    truth = -(shares * np.log(shares)).sum()
    found = [entropy_measure(rng.multinomial(40, shares)) for _ in range(300)]
    assert 270 <= sum(m.low <= truth <= m.high for m in found) <= 299
    assert np.mean([m.value for m in found]) < truth
    assert math.isnan(entropy_measure(np.array([2, 2, 2])).low)


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
                assert not (m.value < m.low or m.value > m.high) and m.n == 60, (k, name)
                assert m.units == (None if groups is None else 9), name
            for row in per_class(logits, labels, [str(i) for i in range(k)], groups).values():
                assert not any(m.value < m.low or m.value > m.high for m in row.values())


def test_all_right_is_not_certainty() -> None:
    labels = np.arange(30) % 3
    found = classification_measures(np.eye(3)[labels] * 5, labels)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found[name].value == 1.0 and 0.6 < found[name].low < 0.95, name
    assert per_class(np.eye(3)[labels] * 5, labels, list("abc"))["a"]["recall"].low == pytest.approx(
        proportion(10, 10)[0]
    )


def test_f1_rests_on_the_share_of_hits() -> None:
    labels, guess = (
        np.repeat([0, 1], [20, 30]),
        np.r_[np.zeros(16, int), np.ones(4, int), np.zeros(6, int), np.ones(24, int)],
    )
    m = per_class(np.eye(2)[guess], labels, "ab")["a"]["f1"]
    low, high = proportion(16, 20 + 22 - 16)
    assert (m.value, m.low, m.high) == pytest.approx((32 / 42, 2 * low / (1 + low), 2 * high / (1 + high)))


def test_one_group_gives_no_interval_but_every_value() -> None:
    logits, labels, _ = simulated(np.random.default_rng(0), patients=4)
    for name, m in classification_measures(logits, labels, ["p"] * len(labels)).items():
        assert math.isfinite(m.value) and math.isnan(m.low) and math.isnan(m.high), name
    confusions = RNG.integers(1, 50, (12, 3, 3))
    assert math.isnan(segmentation_measures(confusions, "abc", ["p", "q"] * 6)["mean_iou"].low)


def test_what_a_measure_rests_on_is_said_in_images_and_groups() -> None:
    assert Measure(0.8, 0.5, 0.9, 120, 3).counted("test images") == "120 test images of 3 groups"
    assert Measure(0.8, 0.5, 0.9, 1200).counted("test images") == "1,200 test images"
    assert Measure(0.8, math.nan, math.nan, 2, 1).counted() == "2 of 1 group"
    assert Measure(0.8, math.nan, math.nan, 2).interval == "too few for an interval"


def test_mcnemar_is_the_binomial_test_of_those_that_differ() -> None:
    for b, c in [(0, 0), (5, 0), (3, 9), (40, 40), (4000, 4100)]:
        first = np.repeat([True, True, False, False], [20, b, c, 7])
        second = np.repeat([True, False, True, False], [20, b, c, 7])
        theirs = stats.binomtest(b, b + c).pvalue if b + c else 1.0
        assert mcnemar(first, second) == pytest.approx(theirs, rel=1e-9)
    with pytest.raises(ValueError, match="not the same test set"):
        mcnemar(np.ones(3), np.ones(4))


def compared(first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None) -> Comparison:
    """The paired test of two means."""
    units = Units.of(groups, len(first))
    sums = [units.sums(np.stack([x, np.ones(len(x))], axis=1)) for x in (first, second)]
    return paired(sums[0], sums[1], lambda s: s[..., :1] / s[..., 1:], units)[0]


def test_a_paired_test_sees_what_is_there_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=300)
    found = compared(base, better := base + 0.2 + 0.5 * rng.normal(size=300))
    assert found.difference == pytest.approx((better - base).mean())
    assert 0 < found.low < found.difference < found.high and found.p < 0.01
    none = compared(base, base)
    assert none.p == 1.0 and none.difference == 0 and math.isnan(none.low)


@pytest.mark.parametrize("groups", [6, 10, 20])
def test_a_paired_test_over_groups_rejects_what_is_true_in_5_of_100(groups: int) -> None:
    """400 repeats: 20 are expected, and 29 are two standard deviations more."""
    rng, rejected = np.random.default_rng(groups), 0
    names = np.repeat(np.arange(groups), 8)
    for _ in range(400):
        one, other = (rng.normal(size=groups)[names] + rng.normal(size=8 * groups) for _ in range(2))
        rejected += compared(one, other, names.astype(str)).p < 0.05
    assert rejected <= 29


def test_six_groups_can_tell_and_five_cannot() -> None:
    for groups, least in ((5, math.nan), (6, 2 / 64)):
        names = np.repeat(np.arange(groups), 4).astype(str)
        found = compared(np.zeros(4 * groups), 1 + RNG.random(4 * groups), names)
        assert found.p == pytest.approx(least, nan_ok=True)


def test_holm_is_statistics_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, math.nan, 0.6])[0] == 1.0 and math.isnan(holm([0.5, math.nan, 0.6])[1])
    assert holm([]) == []


def test_extreme_logits_overflow_nothing() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 0.0], [0.0, 1e4]])
    assert np.isfinite(log_softmax(logits)).all()
    found = classification_measures(logits, np.array([0, 1, 1, 0]))
    assert found["log_loss"].value == pytest.approx(5000)


def test_an_error_of_nearly_0_has_bounds_of_its_own_size() -> None:
    """A log loss of nearly 0 in a few samples had an upper bound of 10²⁹⁴."""
    low, high = interval(1e-6, 0.02, 5, "positive")
    assert low == 0 and 0.02 < high < 0.1
    low, high = interval(0.1, 0.2, 6, "positive")
    assert 0 < low < 0.1 < high
