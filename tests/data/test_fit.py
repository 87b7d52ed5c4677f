"""The plan follows its written rules; fitting keeps type and range; mean and std are those of the pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neocog.data.dataset import ArrayImages, BadImage, Header
from neocog.data.formats.decoding import Decoding
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import LARGEST_SIDE, finish, fit, plan_notes, shape_plan
from neocog.data.scan import scan_images
from neocog.errors import Problems, UserError

RNG = np.random.default_rng(3)


def head(height: int, width: int, channels: int = 3, dtype: str = "uint8") -> Header:
    return Header(height, width, channels, dtype)


def preprocessing(channels: int, size: tuple[int, int], dtype: str = "uint8", how: str = "resize") -> Preprocessing:
    return Preprocessing(channels, size, dtype, (0.0,) * channels, (1.0,) * channels, fit=how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "given_channels", "expected"),
    [([1, 1], None, 1), ([3], None, 3), ([1, 3, 1], None, 3), ([5, 5], None, 5), ([1, 3], 1, 1), ([1], 3, 3)],
)
def test_channels_are_grey_colour_or_the_common_number(
    counts: list[int], given_channels: int | None, expected: int
) -> None:
    plan = shape_plan([head(8, 8, count) for count in counts], given_channels)
    assert plan.channels == len(plan.mean) == len(plan.std) == expected


@pytest.mark.parametrize(
    ("counts", "given_channels"), [([3, 4], None), ([1, 2], None), ([5], 3), ([3], 5), ([1, 3], 4)]
)
def test_channels_that_cannot_be_converted_are_an_error_with_a_table(
    counts: list[int], given_channels: int | None
) -> None:
    with pytest.raises(UserError, match="channels cannot all become") as caught:
        shape_plan([head(8, 8, count) for count in counts], given_channels)
    assert f"1 × (8 × 8, {counts[0]} channel" in caught.value.where


def test_mixed_depths_and_mixed_channels_are_told_together() -> None:
    with pytest.raises(Problems) as caught:
        shape_plan([head(8, 8, 3), head(8, 8, 7, "uint16"), None])
    assert "3 and 7 channels" in str(caught.value)
    assert "pixels of uint16 and uint8 are mixed" in str(caught.value)
    with pytest.raises(UserError, match="uint16 and uint8"):
        shape_plan([head(8, 8, 1), head(8, 8, 1, "uint16")])


def test_the_table_of_shapes_is_cut() -> None:
    with pytest.raises(UserError) as caught:
        shape_plan([head(8 + i, 8, 3 + i % 2) for i in range(30)])
    assert caught.value.where.endswith("; 20 more")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(1500, 2000)] * 2, (1500, 2000)),  # all alike: kept
        ([(20, 30), (22, 30), (90, 30)], (22, 30)),  # the median
        ([(300, 400), (375, 500), (480, 640)], (168, 224)),  # shrunk, in the median's proportions
        ([(1, 1), (1, 9000)], (1, 224)),
    ],
)
def test_the_size_is_the_common_one_or_the_median_with_no_side_above_224(
    sizes: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    heads = [head(*size) for size in sizes]
    assert shape_plan(heads).size == expected
    assert max(expected) <= LARGEST_SIDE or len(set(sizes)) == 1
    assert shape_plan(heads, size=(32, 48)).size == (32, 48)


def test_decoding_is_recorded_and_what_changes_is_noted() -> None:
    heads = [head(8, 8), head(8, 9), head(8, 8, 1), None]
    plan = shape_plan(heads, size=(8, 8), fit="crop", decoding=Decoding(background=(1, 2, 3), frames="first"))
    assert (plan.background, plan.frames, plan.fit) == ((1, 2, 3), "first", "crop")
    assert plan_notes(heads, plan) == (
        "1 of 3 images (2 sizes) are resized and cropped to 8 × 8; see --size",
        "1 of 3 images are made colour: their channel is repeated",
    )
    assert plan_notes([head(8, 8)], shape_plan([head(8, 8)])) == ()


def test_no_readable_image_and_an_empty_size_are_errors() -> None:
    for headers in ([], [None, None]):
        with pytest.raises(UserError, match="no image can be read"):
            shape_plan(headers)
    with pytest.raises(UserError, match="--size 0 4"):
        shape_plan([head(8, 8)], size=(0, 4))


@settings(max_examples=60, deadline=None)
@given(
    stored=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    channels=st.sampled_from([1, 3, 5]),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    how=st.sampled_from(["resize", "pad", "crop"]),
)
def test_fitting_gives_the_recorded_shape_and_type_and_stays_within_the_images_values(
    stored: tuple[int, int], size: tuple[int, int], channels: int, dtype: str, how: str
) -> None:
    scale = {"uint8": 255, "uint16": 65535, "float32": 1e6}[dtype]
    image = (np.random.default_rng(stored[0]).random((*stored, channels)) * scale).astype(dtype)
    fitted = fit(image, preprocessing(channels, size, dtype, how))
    assert fitted.shape == (channels, *size)
    assert fitted.dtype == dtype and fitted.flags.c_contiguous
    slack = 0.1 if dtype == "float32" else 0
    assert fitted.min() >= image.min() - slack and fitted.max() <= image.max() + slack


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_right_size_is_left_bit_for_bit(dtype: str) -> None:
    image = (RNG.random((9, 7, 3)) * 255).astype(dtype)
    for how in ("resize", "pad", "crop"):
        assert np.array_equal(fit(image, preprocessing(3, (9, 7), dtype, how)), image.transpose(2, 0, 1))


def test_deep_pixels_are_resized_as_8_bit_ones_are() -> None:
    image = RNG.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    as_pillow = np.asarray(Image.fromarray(image).resize((17, 13), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert np.array_equal(fit(image, preprocessing(3, (13, 17))), as_pillow)
    for dtype in ("uint16", "float32"):
        fitted = fit(image.astype(dtype), preprocessing(3, (13, 17), dtype))
        assert np.abs(fitted.astype(float) - as_pillow).max() <= 1
    exact = fit(image.astype(np.float32), preprocessing(3, (13, 17), "float32"))
    assert np.array_equal(fit(image.astype(np.uint16), preprocessing(3, (13, 17), "uint16")), np.rint(exact))
    bright = np.full((10, 10, 1), 65535, np.uint16)
    assert (fit(bright, preprocessing(1, (7, 3), "uint16")) == 65535).all()  # no overflow to black


def test_pad_keeps_the_proportions_and_repeats_the_edge_and_crop_shows_the_middle() -> None:
    image = np.repeat(np.array([[10, 200]], np.uint8), 2, axis=0).repeat(4, axis=1)[..., None]  # (2, 8, 1)
    padded = fit(image, preprocessing(1, (8, 8), how="pad"))[0]
    assert np.array_equal(padded, np.repeat(image[:1, :, 0], 8, axis=0))
    cropped = fit(image, preprocessing(1, (2, 4), how="crop"))[0]
    assert np.array_equal(cropped, image[:, 2:6, 0])
    stretched = fit(image, preprocessing(1, (2, 4)))[0]
    assert stretched[0, 0] == 10 and stretched[0, -1] == 200


def test_grey_is_repeated_and_colour_becomes_luma() -> None:
    grey = RNG.integers(0, 256, (6, 5, 1)).astype(np.uint8)
    assert np.array_equal(fit(grey, preprocessing(3, (6, 5))), np.repeat(grey, 3, axis=2).transpose(2, 0, 1))
    colour = RNG.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    luma = np.asarray(Image.fromarray(colour).convert("L"))
    assert np.abs(fit(colour, preprocessing(1, (6, 5)))[0].astype(int) - luma).max() <= 1
    assert np.array_equal(fit(np.repeat(grey, 3, axis=2), preprocessing(1, (6, 5)))[0], grey[..., 0])


def test_an_image_of_another_kind_is_refused_by_name() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(BadImage, match="uint8 pixels, where the training has uint16") as caught:
        fit(image, preprocessing(3, (4, 4), "uint16"), "x.png")
    assert caught.value.where == "x.png"
    with pytest.raises(BadImage, match="3 channels, where 7 are expected"):
        fit(image, preprocessing(7, (4, 4)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_mean_std_low_and_high_are_those_of_the_training_pixels(dtype: str) -> None:
    array = (RNG.random((10, 6, 5, 3)) * [200, 100, 50]).astype(dtype)
    images = ArrayImages(array, [str(index) for index in range(10)])
    plan = shape_plan([images.header(0)])
    train = [0, 2, 3, 7]
    done = finish(plan, scan_images(images, plan).records, train)
    pixels = array[train].astype(float)
    assert np.allclose(done.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
    assert np.allclose(done.std, pixels.std(axis=(0, 1, 2)), rtol=1e-9)
    assert (done.low, done.high) == ((0, 255) if dtype == "uint8" else (pixels.min(), pixels.max()))
    assert done == finish(plan, scan_images(images, plan).records, train[::-1])
