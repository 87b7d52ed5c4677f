"""What a range test suggests, of losses as they may be."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.engine.range_test import FIRST, HIGH, LOW, STEPS, RangeTest, lost, rates


def found(losses: np.ndarray) -> RangeTest:
    return RangeTest(tuple(rates(STEPS)[: len(losses)]), tuple(losses.tolist()))


def test_rates_rise_by_the_same_factor_from_the_lowest_to_the_highest() -> None:
    every = np.array(rates(STEPS))
    assert (every[0], every[-1]) == pytest.approx((LOW, HIGH))
    assert np.ptp(np.diff(np.log(every))) < 1e-9


def test_it_is_a_tenth_of_the_rate_where_the_fall_ends() -> None:
    exponents = np.log10(rates(STEPS))
    losses = (
        2.3 - 2 * np.clip((exponents + 4) / 3, 0, 1) + 5 * np.clip(exponents + 1, 0, None)
    )  # falls from 1e-4 to 1e-1
    suggestion = found(losses).suggestion
    assert suggestion is not None and 0.005 < suggestion < 0.03


def test_of_a_loss_that_stays_down_it_is_where_it_has_come_down() -> None:
    exponents = np.log10(rates(STEPS))
    suggestion = found(0.7 - 0.7 * np.clip((exponents + 4) / 2, 0, 1)).suggestion  # 0 from 1e-2 on, up to 10
    assert suggestion is not None and 0.0005 < suggestion < 0.01


@pytest.mark.parametrize("losses", [np.full(STEPS, 2.3), np.linspace(2.3, 9.0, STEPS), np.linspace(2.3, 0.1, FIRST)])
def test_where_nothing_fell_or_too_little_was_seen_there_is_none(losses: np.ndarray) -> None:
    assert found(losses).suggestion is None


def test_a_loss_that_is_far_above_its_best_is_lost() -> None:
    assert not lost([2.0, 1.0, 0.5, 0.6]) and lost([2.0, 1.0, 0.5, *[9.0] * 5])
    assert not lost([0.0004, 0.0027, 0.0025, 0.0044]), "the noise of a loss that a probe has left nothing of"
