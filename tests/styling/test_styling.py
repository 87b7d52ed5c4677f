"""What sees, what is compared, and what the pictures may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from neocog.errors import Problems, UserError
from neocog.styling.features import Features, maps_of, random_features, smoothed, spread
from neocog.styling.losses import gram, relative, standardised
from neocog.styling.measures import edge_correlation, palette_distance
from neocog.styling.painting import in_proportion, paint, scales
from neocog.styling.palette import in_colours_of
from neocog.styling.pictures import fitted, luminance, matched, opened, recoloured


def picture(path: Path, shape: tuple[int, ...] = (70, 90, 3), seed: int = 0, mode: str | None = None) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return path


def test_a_gram_matrix_is_the_mean_product_and_forgets_places() -> None:
    maps = torch.rand(1, 5, 6, 7)
    flat = maps[0].reshape(5, 42)
    torch.testing.assert_close(gram(maps), flat @ flat.T / 42)
    moved = flat[:, torch.randperm(42)].reshape(1, 5, 6, 7)
    torch.testing.assert_close(gram(moved), gram(maps))
    assert relative(gram(maps), gram(maps)) == 0 and relative(torch.zeros(2), torch.ones(2)) == 1


def test_a_masks_gram_matrix_is_that_of_the_part() -> None:
    maps, mask = torch.rand(1, 4, 8, 8), torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    torch.testing.assert_close(gram(maps, mask), gram(maps[..., :4]))


def test_the_random_network_has_eight_layers_that_its_seed_alone_decides() -> None:
    images = torch.rand(1, 3, 65, 80)
    torch.rand(3)
    one, again, other = (random_features(seed)(images) for seed in (1, 1, 2))
    assert [tuple(each.shape[1:]) for each in one][::2] == [(32, 65, 80), (64, 33, 40), (128, 17, 20), (256, 9, 10)]
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True)) and not torch.equal(one[0], other[0])


def test_smoothed_maps_are_a_softmax_with_mean_one() -> None:
    maps = torch.randn(1, 4, 5, 6) * 3
    torch.testing.assert_close(smoothed(maps).mean(), torch.tensor(1.0))
    torch.testing.assert_close(smoothed(maps).flatten() / maps.numel(), maps.flatten().softmax(0))


def test_maps_of_layers_are_had_before_what_follows_overwrites_them_and_without_the_head() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3), nn.Flatten(), nn.Linear(1, 1)
    )
    images = torch.rand(1, 3, 20, 30)
    first, last = maps_of(network, ("0", "2"), images)
    torch.testing.assert_close(first, network[0](images))
    assert last.shape == (1, 2, 16, 26) and bool((first < 0).any())
    assert len(spread([*range(30)])) == 8  # type: ignore[list-item]


def test_scales_go_from_coarse_to_fine_and_lose_no_step() -> None:
    assert [sides for sides, _ in scales((340, 512))] == [(85, 128), (170, 256), (340, 512)]
    panorama = scales((70, 800))
    assert [sides for sides, _ in panorama] == [(35, 400), (70, 800)]
    assert sum(share for _, share in panorama) == pytest.approx(1)


def test_the_mask_keeps_every_pixel_of_the_photo_outside() -> None:
    drawn = torch.Generator().manual_seed(0)
    photo, painting = (torch.rand(1, 3, 64, 64, generator=drawn) for _ in range(2))
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, :32] = 1
    made = paint(photo, painting * 0.3, random_features(0), 4, lambda _: None, mask=mask)
    torch.testing.assert_close(made.image[:, :, 32:], photo[:, :, 32:])
    assert (made.image[:, :, :32] - photo[:, :, :32]).abs().mean() > 0.01
    assert sum(made.ended) < sum(made.begun)


def test_a_large_weight_is_more_style_and_less_photo() -> None:
    drawn = torch.Generator().manual_seed(0)
    photo, painting = (torch.rand(1, 3, 64, 64, generator=drawn) for _ in range(2))
    little, much = (
        paint(photo, painting * 0.4, random_features(0), 8, lambda _: None, weight=weight) for weight in (0.01, 100.0)
    )
    assert sum(much.ended) < sum(little.ended) and much.rows[-1].content > little.rows[-1].content


def test_kept_colours_change_in_brightness_alone() -> None:
    photo = torch.rand(1, 3, 8, 8) * 0.4 + 0.3
    light = luminance(photo)
    torch.testing.assert_close(recoloured(light, photo), photo)
    brighter = recoloured(light + 0.1, photo)
    torch.testing.assert_close(brighter - photo, torch.full_like(photo, 0.1))
    fitting = matched(torch.rand(1, 1, 30, 30), light)
    torch.testing.assert_close(fitting.mean(), light.mean(), atol=0.02, rtol=0)


def test_measures_know_equal_pictures_and_their_colours() -> None:
    drawn = np.random.default_rng(0)
    one, other = drawn.random((40, 50, 3)), drawn.random((40, 50, 3))
    assert edge_correlation(one, one) == pytest.approx(1) and abs(edge_correlation(one, other)) < 0.2
    assert edge_correlation(one, np.ones_like(one)) == 0
    assert palette_distance(one, one[::-1]) == 0
    assert palette_distance(np.zeros((4, 4, 3)), np.full((4, 4, 3), 0.5)) > 4 * palette_distance(one, other)


def test_pictures_of_every_kind_are_read_and_what_was_made_of_them_is_noted(tmp_path: Path) -> None:
    photo, grey = picture(tmp_path / "a.png"), picture(tmp_path / "g.png", (70, 80))
    alpha = picture(tmp_path / "t.png", (70, 80, 4))
    deep = tmp_path / "d.png"
    Image.fromarray(np.random.default_rng(0).integers(100, 4000, (70, 80)).astype(np.uint16)).save(deep)
    given = opened(photo, grey, None, 512)
    assert given.photo.shape == (1, 3, 70, 90) and "grey" in " ".join(given.notes)
    assert "transparency over background" in " ".join(opened(photo, alpha, None, 512).notes)
    depth = opened(deep, photo, None, 512)
    assert "uint16" in " ".join(depth.notes) and float(depth.photo.min()) == 0 and float(depth.photo.max()) == 1


def test_what_cannot_be_painted_is_told(tmp_path: Path) -> None:
    photo = picture(tmp_path / "a.png")
    small, strip = picture(tmp_path / "s.png", (63, 80, 3)), picture(tmp_path / "p.png", (64, 1100, 3))
    plain, black = tmp_path / "o.png", tmp_path / "m.png"
    Image.new("RGB", (80, 80), (9, 9, 9)).save(plain)
    Image.new("L", (90, 70)).save(black)
    for painting, words in ((small, "too few"), (strip, "a strip"), (plain, "one colour"), (photo, "same picture")):
        with pytest.raises(UserError, match=words):
            opened(photo, painting, None, 512)
    with pytest.raises(UserError, match="nothing would be painted"):
        opened(photo, picture(tmp_path / "b.png", seed=1), black, 512)
    with pytest.raises(UserError, match="the mask is 64 × 1000"):
        opened(picture(tmp_path / "c.png", seed=2), photo, strip_mask(tmp_path), 512)
    with pytest.raises(Problems):
        opened(small, strip, None, 512)
    with pytest.raises(UserError, match="too narrow"):
        fitted((100, 1000), 512, photo)
    assert fitted((100, 200), 512, photo) == (100, 200)


def strip_mask(folder: Path) -> Path:
    path = folder / "w.png"
    Image.new("L", (1000, 64), 255).save(path)
    return path


def test_no_layer_is_asked_of_a_network_that_has_none() -> None:
    assert Features(("a",), lambda images: [images])(torch.ones(1, 1, 2, 2))[0].shape == (1, 3, 2, 2)


def test_the_photo_begins_with_mean_and_covariance_of_the_paintings_colours() -> None:
    drawn = torch.Generator().manual_seed(0)
    photo = torch.rand(1, 3, 30, 30, generator=drawn)
    mixed = torch.tensor([[0.2, 0.05, 0.0], [0.0, 0.2, 0.1], [0.1, 0.0, 0.1]])
    painting = torch.einsum("ij,bjhw->bihw", mixed, torch.rand(1, 3, 20, 40, generator=drawn)) + 0.3
    found = in_colours_of(photo, painting).flatten(2)[0]
    wanted = painting.flatten(2)[0]
    torch.testing.assert_close(found.mean(1), wanted.mean(1), atol=0.01, rtol=0)
    torch.testing.assert_close(found.cov(), wanted.cov(), atol=5e-4, rtol=0)
    assert in_colours_of(torch.full((1, 1, 4, 4), 0.5), painting[:, :1]).isfinite().all()


def test_content_is_where_things_are_not_how_bright() -> None:
    maps = torch.rand(1, 3, 6, 7)
    torch.testing.assert_close(standardised(maps * 3 + 1), standardised(maps), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(standardised(maps.flip(3)), standardised(maps))


def test_a_painting_keeps_its_proportions_and_gets_as_many_pixels_as_the_picture() -> None:
    assert in_proportion(torch.rand(1, 3, 100, 400), (80, 80)).shape == (1, 3, 40, 160)
