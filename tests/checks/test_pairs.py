"""What is wrong with images and the images wanted of them is found, and nothing is said of sound pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from neocog.checks.pairs import doubtful_pairs, kinds_of, repeated_takes, shift_of
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.degrade import Degradation
from neocog.data.imresize import resized

SIDE = 96


def clean(seed: int = 0) -> np.ndarray:
    """(96, 96, 1) uint8: discs of many sizes, so that there are details of all sizes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    found = np.full((SIDE, SIDE), 60.0)
    for _ in range(60):
        (y, x), radius = rng.uniform(0, SIDE, 2), rng.uniform(1, 14)
        found[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = rng.integers(30, 220)
    return found.astype(np.uint8)[..., None]


def noisy(image: np.ndarray, seed: int) -> np.ndarray:
    return Degradation.of("gauss:25")(image, np.random.default_rng(seed), 255.0)


def data(inputs: list[np.ndarray], wanted: list[np.ndarray], scale: int = 1, truth: Any = "clean") -> Dataset:
    names = [f"{index}.png" for index in range(len(inputs))]
    first, second = (ArrayImages(np.stack(each), names) for each in (inputs, wanted))
    labels = np.zeros(len(names), np.int64)
    return Dataset("test", None, names, labels, (), first, pairs=second, scale=scale, truth=truth)


def found(*given: Any, **more: Any) -> list[tuple[str, str]]:
    return [(finding.severity, finding.what) for finding in doubtful_pairs(data(*given, **more), None)]  # type: ignore[arg-type]


IMAGES = [clean(seed) for seed in range(4)]
NOISY = [noisy(image, seed) for seed, image in enumerate(IMAGES)]
JPEG = [Degradation.of("jpeg:20")(image, np.random.default_rng(0), 255.0) for image in IMAGES]
LARGE = [resized(image[:48, :48], (SIDE, SIDE)) for image in IMAGES]
WHITE = [np.where(image > 180, 255, image) for image in IMAGES]
SHIFTED = [ndimage.shift(image.astype(float), (0, 1, 0), order=3, mode="reflect").clip(0, 255) for image in IMAGES]
CASES: dict[str, tuple[list[np.ndarray], list[np.ndarray], str]] = {
    "same": (IMAGES, IMAGES, "the target image is the input itself"),
    "shifted": (NOISY, [image.astype(np.uint8) for image in SHIFTED], "shifted by more than 0.5 pixels"),
    "mirrored": (NOISY, [image[:, ::-1] for image in IMAGES], "is a mirror image"),
    "upside down": (NOISY, [image[::-1] for image in IMAGES], "is a mirror image"),
    "flat": (NOISY, [np.full_like(image, 7) for image in IMAGES], "the target image is of one value"),
    "jpeg": ([noisy(image, 9) for image in JPEG], JPEG, "compressed by JPEG"),
    "enlarged": ([noisy(image, 9) for image in LARGE], LARGE, "as if it had been enlarged"),
    "full": ([noisy(image, 9) for image in WHITE], WHITE, "is at the highest value"),
    "bits": ([noisy(image, 9).astype(np.uint16) for image in IMAGES], [image.astype(np.uint16) * 8 for image in IMAGES],
             "at most 12 are used"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_found_in_every_pair_that_has_it(case: str) -> None:
    inputs, wanted, words = CASES[case]
    said = found(inputs, wanted)
    assert [what for _, what in said if words in what] == [what for _, what in said], said
    assert said[0][1].startswith("4 pairs")


@pytest.mark.parametrize("truth", ["clean", "noisy", "itself"])
def test_nothing_is_said_of_sound_pairs(truth: str) -> None:
    wanted = {"clean": IMAGES, "noisy": [noisy(image, 50) for image in IMAGES], "itself": NOISY}[truth]
    assert not found(NOISY, wanted, truth=truth)
    low = [resized(image, (SIDE // 2, SIDE // 2)) for image in IMAGES]
    assert truth != "clean" or not found(low, IMAGES, scale=2)


def test_a_frame_that_stands_for_both_takes_is_an_error() -> None:
    """Noise2Noise would learn the noise."""
    ((severity, what),) = found(NOISY, [NOISY[0], *(noisy(image, 50) for image in IMAGES[1:])], truth="noisy")
    assert severity == "error" and what.startswith("1 pair")


def test_a_frame_that_is_repeated_in_a_noisy_stack_is_an_error() -> None:
    """The second take of one scene is the first of another one: no pair of its own is suspicious."""
    takes = [noisy(image, 50 + seed) for seed, image in enumerate(IMAGES)]
    assert not list(repeated_takes(data(NOISY, takes, truth="noisy"), None))  # type: ignore[arg-type]
    (finding,) = repeated_takes(data(NOISY, [NOISY[1], *takes[1:]], truth="noisy"), None)  # type: ignore[arg-type]
    assert finding.severity == "error" and finding.samples == ("1.png", "0.png") and "1 frame " in finding.what
    assert not list(repeated_takes(data(NOISY, [IMAGES[0]] * 4), None))  # type: ignore[arg-type]  # many takes, one clean image


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("truth", ["clean", "noisy"])
def test_images_of_one_value_are_told_without_a_false_alarm_or_a_warning_of_numpy(truth: str, dtype: Any) -> None:
    flat, grainy = np.full((SIDE, SIDE, 1), 90, dtype), noisy(clean(), 1).astype(dtype)
    said = [what for pair in ((flat, grainy), (grainy, flat)) for _, what in found([pair[0]], [pair[1]], truth=truth)]
    assert sum("of one value" in what for what in said) == 1, said
    assert all("at most 12" in what or "of one value" in what for what in said), said


@pytest.mark.parametrize("moved", [(0.0, 0.0), (2.0, -3.0), (0.5, 0.0)])
def test_a_shift_is_measured_to_a_fraction_of_a_pixel(moved: tuple[float, float]) -> None:
    image = ndimage.gaussian_filter(clean()[..., 0].astype(float), 1.5)
    offset, alike = shift_of(ndimage.shift(image, moved, order=3, mode="reflect"), image)
    assert offset == pytest.approx(moved, abs=0.3) and alike > 0.8


def takes(picture: np.ndarray, moved: int, noise: str, sigma: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy takes (H - 10, W - 10, 1) of a picture (H, W), the second ``moved`` pixels to the right of the first."""
    rng, made = np.random.default_rng(seed), []
    for right in (0, moved):
        place = picture[5:-5, 5 + right : picture.shape[1] - 5 + right]
        lines = (1,) if noise == "rows" else ()
        grain = rng.normal(0, sigma, (len(place), *(lines or place.shape[1:])))
        if noise == "smooth":
            grain = 3.5 * ndimage.gaussian_filter(grain, 1.0)
        made.append((place + grain).astype(np.float32)[..., None])
    return made[0], made[1]


TAKES = data(NOISY, NOISY, truth="noisy")
SMOOTH = [ndimage.gaussian_filter(image[..., 0].astype(float), 4.0) for image in IMAGES]
EMPTY = [np.full((side, side), 90.0) for side in (26, 42, 106)]
GRADIENT = [np.add.outer(np.linspace(30, 220, SIDE), np.linspace(0, slope, SIDE)) for slope in (0.0, 30.0)]


@pytest.mark.parametrize("noise", ["white", "smooth", "rows"])
@pytest.mark.parametrize("sigma", [25, 50])
def test_noise_is_no_shift(noise: str, sigma: float) -> None:
    """Under noise the correlation of smooth or empty takes is highest a pixel or more beside its true place."""
    pairs = [takes(picture, 0, noise, sigma, seed) for seed in range(12) for picture in (*SMOOTH, *EMPTY, *GRADIENT)]
    beside = [
        pair
        for pair in pairs
        if np.hypot(*shift_of(pair[0][..., 0].astype(float), pair[1][..., 0].astype(float))[0]) > 1
    ]
    assert len(beside) > 20  # the trap is there
    assert not [kind for pair in pairs for kind in kinds_of(*pair, TAKES)]


@pytest.mark.parametrize("moved", [1, 2, 5, -3])
def test_a_true_shift_is_found_under_noise(moved: int) -> None:
    pictures = [image[..., 0].astype(float) for image in IMAGES]
    pairs = [
        takes(picture, moved, noise, 25, seed)
        for seed in range(5)
        for picture in pictures
        for noise in ("white", "smooth")
    ]
    assert [list(kinds_of(*pair, TAKES)) for pair in pairs] == [["shifted"]] * len(pairs)


def test_noisy_takes_of_real_pictures_are_shifted_where_they_are_and_nowhere_else(
    real_data: Callable[[str], Path],
) -> None:
    files = sorted((real_data("sr") / "t91").glob("*.png"))[:24]
    pictures = [np.asarray(Image.open(file).convert("L"), float)[:140, :140] for file in files]
    for sigma, moved, least in ((50, 0, 0), (25, 0, 0), (25, 1, 20), (25, 2, 22), (25, 5, 22)):
        pairs = [takes(picture, moved, "white", sigma, seed) for seed, picture in enumerate(pictures)]
        told = [kind for pair in pairs for kind in kinds_of(*pair, TAKES)]
        assert set(told) <= {"shifted"} and (len(told) >= least if moved else not told), (sigma, moved, len(told))
