"""Pixels that are hidden so that a network can guess them."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.data.hidden import FAR, SHARE, Along, hidden


def test_a_few_values_of_each_channel_are_replaced_by_near_ones_and_never_by_themselves() -> None:
    image = np.arange(60 * 50 * 2, dtype=np.float32).reshape(60, 50, 2)
    found, which = hidden(image, np.random.default_rng(0))
    assert which.mean() == pytest.approx(SHARE, rel=0.2) and (which[..., 0] != which[..., 1]).any()
    np.testing.assert_array_equal(found[~which], image[~which])
    assert (found[which] != image[which]).all()
    apart = np.abs(np.argwhere(which) - np.column_stack(np.unravel_index(found[which].astype(int), image.shape)))
    assert apart[:, :2].max() == FAR and not apart[:, 2].any()


@pytest.mark.parametrize("along", ["none", "rows"])
def test_the_median_of_near_values_stands_for_a_hidden_one(along: Along) -> None:
    image = np.random.default_rng(1).integers(0, 255, (30, 40, 2)).astype(np.uint8)
    found, which = hidden(image, np.random.default_rng(0), along, "median")
    np.testing.assert_array_equal(which, hidden(image, np.random.default_rng(0), along)[1])
    assert found.dtype == np.uint8 and (found[which] != image[which]).mean() > 0.9
    for row, column, channel in np.argwhere(which).tolist():
        if FAR <= row < 30 - FAR and FAR <= column < 40 - FAR:
            around = image[row - FAR : row + FAR + 1, column - FAR : column + FAR + 1, channel].astype(float)
            around[FAR, slice(None) if along == "rows" else FAR] = np.nan
            near = np.sort(around[~np.isnan(around)])
            assert found[row, column, channel] == near[len(near) // 2]


def test_at_least_one_value_is_hidden_and_tiny_images_do_not_fail() -> None:
    for shape in ((1, 1, 1), (2, 1, 3), (3, 3, 1)):
        for by in ("near", "median"):
            assert hidden(np.zeros(shape, np.uint8), np.random.default_rng(0), by=by)[1].any()  # type: ignore[arg-type]
