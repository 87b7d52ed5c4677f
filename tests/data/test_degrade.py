"""Clean images made worse, and MATLAB's bicubic resizing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neocog.data.dataset import ArrayImages
from neocog.data.degrade import KINDS, Cropped, Degradation, Degraded, own_generator, white_of
from neocog.data.imresize import resized
from neocog.errors import UserError
from neocog.metrics.restoration import luma, psnr

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).parents[3] / "shared/data")) / "sr"


def image(seed: int = 0, shape: tuple[int, ...] = (24, 30, 3), dtype: str = "uint8") -> np.ndarray:
    values = np.random.default_rng(seed).random(shape)
    return (values * (255 if dtype == "uint8" else 4000)).astype(dtype)


@pytest.mark.skipif(not (DATA / "set5").is_dir(), reason=f"no {DATA}/set5")
@pytest.mark.parametrize(("scale", "published"), [(2, 33.67), (3, 30.40), (4, 28.43)])
def test_bicubic_on_set5_is_what_is_published(scale: int, published: float) -> None:
    found = []
    for file in sorted((DATA / "set5").glob("*.png")):
        clean = np.asarray(Image.open(file))
        height, width = (side // scale * scale for side in clean.shape[:2])
        clean = clean[:height, :width]
        large = resized(resized(clean, (height // scale, width // scale)), (height, width))
        inner = slice(scale, -scale)
        found.append(psnr(luma(clean)[inner, inner], luma(large)[inner, inner], 255))
    assert len(found) == 5 and np.mean(found) == pytest.approx(published, abs=0.05)


def test_resizing_keeps_what_is_even_and_the_type() -> None:
    for dtype in ("uint8", "uint16", "float32"):
        even = np.full((12, 18, 2), 37, dtype)
        for size in ((6, 9), (24, 36), (7, 25)):
            found = resized(even, size)
            assert found.dtype == even.dtype and found.shape == (*size, 2)
            np.testing.assert_allclose(found, 37, rtol=1e-6)


def test_resizing_a_ramp_keeps_it_straight_away_from_the_borders() -> None:
    ramp = np.arange(64, dtype=np.float32)[None, :, None] * np.ones((64, 1, 1), np.float32)
    half = resized(ramp, (32, 32))[16, 4:-4, 0]
    np.testing.assert_allclose(half, 2 * np.arange(4, 28) + 0.5, atol=1e-4)


@pytest.mark.parametrize("text", [example for example, *_ in KINDS.values()])
def test_every_kind_keeps_the_type_and_range_and_changes_something(text: str) -> None:
    how = Degradation.of(text)
    for dtype in ("uint8",) if how.kind == "jpeg" else ("uint8", "uint16", "float32"):
        clean = image(dtype=dtype)
        found = how(clean, own_generator(clean), white_of(clean))
        assert found.dtype == clean.dtype
        assert found.shape == (24 // how.scale, 30 // how.scale, 3)
        if how.scale == 1:
            assert (found != clean).any()


def test_noise_is_as_large_as_it_is_asked_for() -> None:
    clean = np.full((200, 200, 1), 100, np.float32)
    rng = np.random.default_rng(0)
    assert np.std(Degradation.of("gauss:25")(clean, rng, 255.0)) == pytest.approx(25, rel=0.02)
    poisson = Degradation.of("poisson:30")(clean, rng, 255.0)  # 100 / 255 · 30 photons
    assert np.mean(poisson) == pytest.approx(100, rel=0.02)
    assert np.std(poisson) == pytest.approx(255 / 30 * (100 / 255 * 30) ** 0.5, rel=0.02)
    salt = Degradation.of("salt:0.05")(clean, rng, 255.0)
    assert np.mean(salt != clean) == pytest.approx(0.05, rel=0.1) and set(np.unique(salt)) == {0, 100, 255}


def test_the_noise_of_an_image_is_its_own_whatever_stands_around_it() -> None:
    array = np.stack([image(seed) for seed in range(3)])

    def worse(chosen: list[int]) -> Degraded:
        names = [f"{index}" for index in chosen]
        clean = Cropped(ArrayImages(array[chosen], names), names, 1)
        return Degraded(clean, names, Degradation.of("gauss:25"))

    np.testing.assert_array_equal(worse([0, 1, 2]).read(2), worse([2]).read(0))
    assert (worse([0, 1, 2]).read(1) != worse([0, 1, 2]).read(2)).any()


def test_a_clean_image_is_cut_so_that_a_coarse_pixel_is_a_whole_number_of_its_own() -> None:
    names = ["a"]
    clean = Cropped(ArrayImages(image(shape=(1, 25, 31, 3)), names), names, 3)
    worse = Degraded(clean, names, Degradation.of("bicubic:3"))
    assert clean.read(0).shape == (24, 30, 3) == (clean.header(0).height, clean.header(0).width, 3)
    assert worse.read(0).shape == (8, 10, 3) and worse.header(0).size == (8, 10)
    assert worse.digest(0) == clean.digest(0)


@pytest.mark.parametrize(
    "text", ["", "gauss", "gauss:0", "gauss:x", "gaus:25", "bicubic:5", "bicubic:2.5", "jpeg:0", "salt:2"]
)
def test_what_is_no_degradation_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="--degrade") as error:
        Degradation.of(text)
    assert ":" in error.value.fix


def test_jpeg_is_refused_for_what_it_cannot_hold() -> None:
    clean = image(dtype="uint16")
    with pytest.raises(UserError, match="8-bit"):
        Degradation.of("jpeg:40")(clean, own_generator(clean), 1.0)
