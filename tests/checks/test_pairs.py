"""What is wrong with images and the images wanted of them is found, and nothing is said of sound pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from neocog.checks.pairs import doubtful_pairs, repeated_takes, shift_of
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
    apart, alike = shift_of(ndimage.shift(image, moved, order=3, mode="reflect"), image)
    assert apart == pytest.approx(np.hypot(*moved), abs=0.3) and alike > 0.8
