"""Pictures of activations and weights: every form of layer, and what is left out is said."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.attribution.pictures import activations, kernels, over, sheet, strongest_slices


@pytest.mark.parametrize("shape", [(10,), (200,), (5, 1, 1), (3, 8, 8), (100, 4, 4), (6, 1, 30), (4, 5, 6, 7)])
def test_activations_of_every_form_are_a_picture(shape: tuple[int, ...]) -> None:
    picture, told = activations(np.random.default_rng(0).normal(size=shape))
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.dtype == np.uint8
    assert told == ("the first 64 of 100 channels" if shape[0] == 100 else "")


@pytest.mark.parametrize(
    "shape", [(4, 6), (4, 6, 1, 1), (8, 3, 5, 5), (8, 1, 5, 5), (5, 4, 1, 9), (30, 7, 3, 3), (3, 2, 3, 3, 3)]
)
def test_weights_of_every_form_are_a_picture(shape: tuple[int, ...]) -> None:
    picture, told = kernels(np.random.default_rng(0).normal(size=shape))
    assert picture.shape[2] == 3
    assert told == ("the first 24 of 30 outputs" if shape[0] == 30 else "")


def test_signs_of_weights_are_seen() -> None:
    picture, _ = kernels(np.array([[-1.0, 0.0, 1.0]]))
    left, middle, right = (picture[0, int(x * picture.shape[1])].astype(int) for x in (0.1, 0.5, 0.9))
    assert left[2] > left[0]
    assert right[0] > right[2]
    assert middle.min() > 240


def test_the_strongest_place_is_redder_and_the_rest_stays_grey() -> None:
    picture, strength = np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.float32)
    strength[1, 2] = 1
    shown = over(picture, strength)
    assert (shown[0, 0] == 100).all()
    assert shown[1, 2, 0] > 200 > shown[1, 2, 2]


def test_slices_go_through_the_strongest_place() -> None:
    volume, strength = np.zeros((5, 6, 7, 3), np.uint8), np.zeros((5, 6, 7), np.float32)
    volume[1, 4, 2], strength[1, 4, 2] = 200, 1
    picture, found = strongest_slices(volume, strength)
    assert picture.shape[:2] == found.shape
    assert (found == 1).sum() == 3
    assert (picture[found == 1] == 200).all()


def test_a_sheet_holds_all_its_tiles() -> None:
    tiles = [np.full((3, 3, 3), value, np.uint8) for value in (10, 20, 30, 40, 50)]
    assert {10, 20, 30, 40, 50} <= set(sheet(tiles).reshape(-1).tolist())
