"""Each corruption by itself: for every kind of pixels, as a function of (seed, sample), and equal to what its source says."""

from __future__ import annotations

import colorsys
import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from neocog.data.preprocessing import Preprocessing
from neocog.robustness.corruptions import CORRUPTIONS, IMAGENET_C, SEVERITIES, corrupted
from neocog.robustness.corruptions.lot import Lot
from neocog.robustness.corruptions.noise import counts
from neocog.robustness.corruptions.place import deviation_left
from neocog.robustness.corruptions.smooth import gauss_matrix
from neocog.robustness.corruptions.weather import clouds

KINDS = {
    "grey": (1, "uint8", 255.0),
    "colour": (3, "uint8", 255.0),
    "five": (5, "float32", 1.0),
    "16 bits": (1, "uint16", 4000.0),
}


def plan(channels: int, size: tuple[int, ...], dtype: str = "uint8", high: float = 255.0) -> Preprocessing:
    return Preprocessing(channels, size, dtype, (0.0,) * channels, (1.0,) * channels, high=high)


def stored(channels: int, size: tuple[int, ...], dtype: str = "uint8", high: float = 255.0, count: int = 4) -> Tensor:
    """Blocks of grey, which blur, light and place all change; none of JPEG's or of a mosaic."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0.1, 0.9, (count, channels, *(side // 4 for side in size)))
    for axis in range(2, coarse.ndim):
        coarse = np.roll(coarse.repeat(4, axis), 1, axis)
    return torch.from_numpy((coarse * high).astype(dtype))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name, each in CORRUPTIONS.items() if "images" in each.forms])
def test_a_corruption_of_images_grows_with_its_severity_and_keeps_the_kind_of_pixels(name: str, kind: str) -> None:
    channels, dtype, high = KINDS[kind]
    if (CORRUPTIONS[name].colour and channels != 3) or dtype not in CORRUPTIONS[name].depths:
        pytest.skip("not for these")
    pixels, samples = stored(channels, (32, 40), dtype, high), torch.arange(4)
    before, changes = pixels.clone(), []
    for severity in SEVERITIES:
        found = corrupted(pixels, samples, name, severity, plan(channels, (32, 40), dtype, high), 0)
        assert found.shape == pixels.shape and found.dtype == pixels.dtype and found.double().isfinite().all()
        changes.append(float((found.double() - pixels.double()).abs().mean()))
    assert torch.equal(pixels, before) and 0 < changes[0] < changes[-1]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_a_function_of_seed_and_sample_whatever_comes_in_one_batch(name: str) -> None:
    form = CORRUPTIONS[name].forms[0]
    size = {"images": (24, 20), "volumes": (8, 24, 20), "sequences": (1, 60)}[form]
    pixels = stored(3, size)
    preprocessing = plan(3, size, "uint16" if "uint8" not in CORRUPTIONS[name].depths else "uint8")
    if form == "sequences":
        preprocessing = Preprocessing(1, size, "uint8", (0.0,), (1.0,), encoding="nucleotides")
        pixels = 2 ** torch.randint(0, 4, (4, 1, 1, 60), dtype=torch.uint8)
    together = corrupted(pixels, torch.tensor([4, 7, 9, 8]), name, 4, preprocessing, 5)
    assert torch.equal(together[1:2], corrupted(pixels[1:2], torch.tensor([7]), name, 4, preprocessing, 5))
    alike = pixels[:1].expand(12, *pixels.shape[1:]).contiguous()
    first, other = (corrupted(alike, torch.arange(12), name, 4, preprocessing, seed) for seed in (5, 6))
    drawn = not all(torch.equal(first[0], each) for each in first)
    assert drawn != torch.equal(first, other)


def test_the_fifteen_are_those_of_imagenet_c() -> None:
    families = [CORRUPTIONS[name].family for name in IMAGENET_C]
    assert [families.count(each) for each in ("noise", "blur", "weather", "digital")] == [3, 4, 4, 4]


def test_alpha_stays_as_it_was_and_values_beyond_white_are_kept_where_nothing_happens_to_them() -> None:
    pixels = stored(4, (16, 16))
    found = corrupted(pixels, torch.arange(4), "gaussian_noise", 5, plan(4, (16, 16)), 0)
    assert torch.equal(found[:, 3], pixels[:, 3]) and not torch.equal(found[:, :3], pixels[:, :3])
    bright = torch.full((1, 1, 8, 8), 60_000, dtype=torch.int32).to(torch.uint16)
    kept = corrupted(bright, torch.arange(1), "vignetting", 1, plan(1, (8, 8), "uint16", 4000.0), 0)
    assert int(kept.int().max()) > 50_000


def test_lengths_are_in_proportion_to_the_picture_or_the_references_own() -> None:
    pixels = stored(1, (28, 28))
    scaled, reference = (
        corrupted(pixels, torch.arange(4), "defocus_blur", 3, plan(1, (28, 28)), 0, each) for each in (True, False)
    )
    assert float((reference.float() - pixels.float()).abs().mean()) > 2 * float(
        (scaled.float() - pixels.float()).abs().mean()
    )
    large = stored(1, (224, 224), count=1)
    both = [
        corrupted(large, torch.arange(1), "defocus_blur", 3, plan(1, (224, 224)), 0, scaled) for scaled in (True, False)
    ]
    assert torch.equal(*both)


@pytest.mark.parametrize("quality", [0, 4])
def test_jpeg_is_pillows(quality: int) -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)).resize(
        (67, 50), Image.Resampling.BICUBIC
    )
    for image, apart in (
        (smooth, 2.0),
        (smooth.convert("L"), 0.5),
    ):  # Pillow's colours are smoothed in a way of its own
        file = io.BytesIO()
        image.save(file, "JPEG", quality=CORRUPTIONS["jpeg_compression"].levels[quality])
        theirs = np.asarray(Image.open(file)).astype(float).reshape(50, 67, -1)
        pixels = torch.from_numpy(np.array(image).reshape(50, 67, -1)).permute(2, 0, 1)[None]
        ours = corrupted(pixels, torch.arange(1), "jpeg_compression", quality + 1, plan(pixels.shape[1], (50, 67)), 0)
        assert np.abs(ours[0].permute(1, 2, 0).numpy() - theirs).mean() < apart


def test_brightness_raises_the_value_of_hue_saturation_value() -> None:
    colours = [(0.2, 0.5, 0.1), (0.9, 0.9, 0.2), (0.0, 0.0, 0.0)]
    change = CORRUPTIONS["brightness"].change
    found = change(torch.tensor(colours).T.reshape(1, 3, 1, 3), 0.3, Lot(0, torch.arange(1)), 1.0)
    for colour, ours in zip(colours, found[0, :, 0].T.tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*colour)
        assert ours == pytest.approx(colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + 0.3)), abs=1e-6)


@pytest.mark.parametrize("light", [0.0, 0.3, 1.0])
def test_counts_are_poissons(light: float) -> None:
    chance = torch.rand(200_000, generator=torch.Generator().manual_seed(0))
    found = counts(torch.full_like(chance, light), 12.0, chance)
    assert float(found.mean()) == pytest.approx(12 * light, abs=0.04) and float(found.var()) == pytest.approx(
        12 * light, abs=0.1
    )
    between = counts(torch.full_like(chance, 0.3013), 12.0, chance)  # no rate of the table
    assert float(between.mean()) == pytest.approx(12 * 0.3013, abs=0.02)


def test_a_gaussian_of_any_width_keeps_the_light_and_the_deviation_that_is_left_is_known() -> None:
    for width in (0.0, 0.3, 2.0, 40.0):
        assert gauss_matrix(28, width).sum(1).tolist() == pytest.approx([1.0] * 28, abs=1e-5)
    noise = 2 * torch.rand(400, 64, 64, generator=torch.Generator().manual_seed(0)) - 1
    weights = gauss_matrix(64, 1.5)
    left = float((weights @ noise @ weights.T).std())
    assert left == pytest.approx(deviation_left(64, 1.5), rel=0.03)


def test_clouds_fill_their_range_at_any_size() -> None:
    for size in ((7, 30), (64, 64)):
        found = clouds(torch.zeros(3, 1, *size), 2.0, Lot(0, torch.arange(3)), "fog")
        assert found.shape == (3, 1, *size) and float(found.min()) >= 0 and float(found.max()) <= 1
        assert float(found.std()) > 0.1


SEQUENCE = Preprocessing(1, (1, 4000), "uint8", (0.0,), (1.0,), encoding="nucleotides")


def letters(count: int = 3600) -> Tensor:
    codes = 2 ** torch.randint(0, 4, (2, 1, 1, 4000), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    codes[..., count:] = 0
    return codes


@pytest.mark.parametrize(("name", "share"), [("substitutions", 0.1), ("unread_letters", 0.1), ("gap", 0.5)])
def test_as_many_letters_change_as_the_rate_says_and_none_of_the_padding(name: str, share: float) -> None:
    codes = letters()
    found = corrupted(codes, torch.arange(2), name, 5, SEQUENCE, 0)
    other = found != codes
    assert float(other[..., :3600].float().mean()) == pytest.approx(share, abs=0.02) and not found[..., 3600:].any()
    known = {1, 2, 4, 8} if name == "substitutions" else {1, 2, 4, 8, 15}
    assert set(found[..., :3600].flatten().tolist()) == known


def test_what_follows_a_deletion_moves_up() -> None:
    codes = letters()
    found = corrupted(codes, torch.arange(2), "deletions", 5, SEQUENCE, 0)
    lost = 3600 - (found > 0).sum(3).flatten()
    assert lost.tolist() == pytest.approx([360, 360], abs=50)
    first, second = (each[0, 0, 0].tolist() for each in (codes, found))
    at = next(i for i in range(4000) if first[i] != second[i])
    assert second[at : at + 3] != first[at : at + 3] and second[:at] == first[:at]
    remaining: Any = iter(first)
    assert all(letter in remaining for letter in second[: 3600 - int(lost[0])]), "the rest in its order"


def test_thicker_slices_are_means_of_their_neighbours() -> None:
    pixels = stored(1, (8, 12, 12))
    found = corrupted(pixels, torch.arange(4), "slice_thickness", 1, plan(1, (8, 12, 12)), 0)
    mean = pixels.float().view(4, 1, 4, 2, 12, 12).mean(3)
    assert torch.allclose(found[:, :, ::2].float(), mean, atol=0.51) and torch.equal(
        found[:, :, ::2], found[:, :, 1::2]
    )


def test_16_bits_that_were_saved_as_8_have_as_many_levels() -> None:
    pixels = torch.arange(4096, dtype=torch.int32).view(1, 1, 64, 64).to(torch.uint16)
    found = corrupted(pixels, torch.arange(1), "8_bits", 1, plan(1, (64, 64), "uint16", 4095.0), 0)
    assert len(set(found.flatten().tolist())) == 256
