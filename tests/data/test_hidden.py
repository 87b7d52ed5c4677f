"""Pixels that are hidden so that a network can guess them."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.data.hidden import FAR, SHARE, hidden


def test_a_few_values_of_each_channel_are_replaced_by_near_ones_and_never_by_themselves() -> None:
    image = np.arange(60 * 50 * 2, dtype=np.float32).reshape(60, 50, 2)
    found, which = hidden(image, np.random.default_rng(0))
    assert which.mean() == pytest.approx(SHARE, rel=0.2) and (which[..., 0] != which[..., 1]).any()
    np.testing.assert_array_equal(found[~which], image[~which])
    assert (found[which] != image[which]).all()
    apart = np.abs(np.argwhere(which) - np.column_stack(np.unravel_index(found[which].astype(int), image.shape)))
    assert apart[:, :2].max() == FAR and not apart[:, 2].any()


def test_at_least_one_value_is_hidden_and_tiny_images_do_not_fail() -> None:
    for shape in ((1, 1, 1), (2, 1, 3), (3, 3, 1)):
        assert hidden(np.zeros(shape, np.uint8), np.random.default_rng(0))[1].any()
