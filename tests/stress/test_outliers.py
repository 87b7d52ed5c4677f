"""Made outliers: each what its name says, stored as its sample is, and the same each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neocog.data.preprocessing import Preprocessing
from neocog.robustness.outliers import OUTLIERS, made, possible

GREY = Preprocessing(1, (9, 8), "uint8", (0.0,), (1.0,))
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 1, 9, 8)).astype(np.uint8)
NUMBERS = np.arange(6) + 40


@pytest.mark.parametrize("name", possible("images"))
def test_outliers_are_stored_as_samples_are_and_the_same_each_time(name: str) -> None:
    found = made(name, PIXELS, NUMBERS, GREY, 3)
    assert found.dtype == np.uint8 and found.shape == PIXELS.shape and not (found == PIXELS).all()
    assert (made(name, PIXELS, NUMBERS, GREY, 3) == found).all()
    if name != "two in one":  # whatever stands beside it in a batch
        assert (made(name, PIXELS[2:4], NUMBERS[2:4], GREY, 3) == found[2:4]).all()


@pytest.mark.parametrize(
    ("dtype", "shape", "high"), [("uint16", (3, 2, 12, 10), 4095.0), ("float32", (3, 1, 6, 8, 8), 1.5)]
)
def test_sixteen_bits_channels_and_volumes(dtype: str, shape: tuple[int, ...], high: float) -> None:
    plan = replace(
        GREY, channels=shape[1], size=shape[2:], dtype=dtype, low=0.5 if dtype == "float32" else 0.0, high=high
    )
    pixels = (plan.low + np.random.default_rng(1).random(shape) * (high - plan.low)).astype(dtype)
    for name in possible("volumes" if len(shape) == 5 else "images"):
        found = made(name, pixels, NUMBERS[:3], plan, 0)
        assert found.dtype == dtype and found.shape == shape
        assert found.min() >= plan.low and found.max() <= high and not np.array_equal(found, pixels)


def test_each_is_what_it_says() -> None:
    assert (made("inverted", PIXELS, NUMBERS, GREY, 0) == 255 - PIXELS).all()
    shuffled = made("shuffled tiles", PIXELS, NUMBERS, GREY, 0)
    assert (np.sort(shuffled.reshape(6, -1), 1) == np.sort(PIXELS.reshape(6, -1), 1)).all()  # the same pixels
    assert (shuffled[..., 8:, :] == PIXELS[..., 8:, :]).all()  # the ninth row is left over
    both = made("two in one", PIXELS, NUMBERS, GREY, 0)
    assert (both[1] == np.minimum(255, PIXELS[0].astype(int) + PIXELS[1])).all()


def test_a_texture_keeps_its_frequencies() -> None:
    grey = (PIXELS.astype(np.float64) / 255 - 0.5) * 0.2 + 0.5  # so that nothing is cut at black or white
    plan = replace(GREY, dtype="float32", high=1.0)
    found = made("same spectrum", grey.astype(np.float32), NUMBERS, plan, 0)
    before, after = (np.abs(np.fft.fft2(each)) for each in (grey, found))
    assert after == pytest.approx(before, abs=1e-4)


def test_sequences_keep_their_length_and_padding() -> None:
    codes = np.array([[[[1, 2, 2, 4, 8, 1, 0, 0]]], [[[1, 1, 1, 1, 0, 0, 0, 0]]]], np.uint8)
    plan = replace(GREY, size=(1, 8), encoding="nucleotides")
    for name in possible("sequences"):
        found = made(name, codes, NUMBERS[:2], plan, 0)
        assert ((found == 0) == (codes == 0)).all() and np.isin(found, (0, 1, 2, 4, 8)).all()
    assert made("backwards", codes, NUMBERS[:2], plan, 0)[0, 0, 0].tolist() == [1, 8, 4, 2, 2, 1, 0, 0]
    assert sorted(made("shuffled letters", codes, NUMBERS[:2], plan, 0)[0, 0, 0].tolist()) == [0, 0, 1, 1, 2, 2, 4, 8]
    assert set(OUTLIERS) == {*possible("images"), *possible("sequences")}
