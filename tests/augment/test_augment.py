"""Augmentation: a function of (seed, epoch, sample); each kind does what its name says; masks follow their images."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

from neocog.augment import Augmentation, Draw, apply, apply_masks, draw
from neocog.augment.draw import ImageStreams
from neocog.augment.policy import KINDS
from neocog.augment.random_streams import RandomStreams
from neocog.data.preprocessing import Preprocessing
from neocog.errors import Problems, UserError

EVERYTHING = Augmentation(
    flip=0.5, flip_vertical=0.5, turn=20, scale=0.2, stretch=0.2, shear=10, translate=0.1, crop=3, blur=1.0, erase=0.5,
    noise=0.05, salt_pepper=0.05, brightness=0.2, contrast=0.3, saturation=0.5,
    tint=0.2, cutout=0.3,
)  # fmt: skip
GEOMETRIC = ("flip", "flip_vertical", "turn", "scale", "stretch", "shear", "translate", "crop")


def plan(
    channels: int = 3, size: tuple[int, int] = (24, 20), dtype: str = "uint8", low: float = 0, high: float = 255
) -> Preprocessing:
    return Preprocessing(channels, size, dtype, (0.0,) * channels, (1.0,) * channels, low=low, high=high)


def pictures(count: int = 12, channels: int = 3, size: tuple[int, int] = (24, 20)) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, *size), generator=generator, dtype=torch.uint8)


def drawn(
    policy: Augmentation, count: int = 12, seed: int = 0, epoch: int = 0, size: tuple[int, int] = (24, 20)
) -> Draw:
    return draw(policy, seed, epoch, torch.arange(count), plan(size=size))


def only(name: str, value: float | None = None) -> Augmentation:
    return Augmentation(**{name: KINDS[name][0] if value is None else value})


# --- a function of (seed, epoch, sample)


@pytest.mark.parametrize("name", [*KINDS, "everything", "mirror"])
def test_a_sample_is_the_same_in_any_batch(name: str) -> None:
    policy = {"everything": EVERYTHING, "mirror": replace(EVERYTHING, fill="mirror")}.get(name) or only(name)
    images, samples = pictures(37), torch.arange(100, 137)
    whole = apply(draw(policy, 5, 3, samples, plan()), images)
    for chosen in ([8], [30, 2, 17], list(range(36, -1, -1)), list(range(11))):
        part = apply(draw(policy, 5, 3, samples[chosen], plan()), images[chosen])
        assert torch.equal(part, whole[chosen])


@pytest.mark.parametrize("name", KINDS)
def test_epochs_seeds_and_samples_differ(name: str) -> None:
    policy, images = only(name), pictures(1).expand(40, -1, -1, -1)
    first = apply(drawn(policy, 40), images)
    assert len({tuple(image.flatten().tolist()) for image in first}) > 1
    assert not torch.equal(apply(drawn(policy, 40, epoch=1), images), first)
    assert not torch.equal(apply(drawn(policy, 40, seed=1), images), first)
    assert torch.equal(apply(drawn(policy, 40), images), first)


def test_turning_one_kind_on_does_not_change_another() -> None:
    grey = torch.full((12, 3, 24, 20), 77.0)
    alone, together = (
        apply(drawn(only("erase")), grey),
        apply(drawn(Augmentation(erase=0.25, flip=1, noise=1e-9)), grey),
    )
    assert torch.allclose(together, alone, atol=1e-3) and not torch.equal(alone, grey)


def test_values_are_changed_in_the_order_of_the_fields() -> None:
    """Salt and pepper come last, so that nothing blurs or lights them: black and white stay so."""
    policy = Augmentation(blur=1, brightness=0.4, noise=0.2, salt_pepper=0.2)
    names = [name for _, amounts in policy.pixel_changes() for name in amounts]
    assert names == ["blur", "brightness", "contrast", "noise", "salt_pepper"]
    result = apply(drawn(policy, 40), torch.full((40, 3, 24, 20), 127.0))
    extreme = ((result == 0) | (result == 255)).all(1).float().mean(dim=(1, 2))
    share = ImageStreams(0, 0, torch.arange(40)).between("salt_pepper", 0, 0.2).float()
    assert (extreme > share - 0.05).all()


def test_random_numbers_of_a_stream_that_no_list_has_are_its_own() -> None:
    streams = ImageStreams(0, 0, torch.arange(2000))
    known = {tuple(streams.bits(name)[:4].tolist()) for name in ImageStreams.streams}
    assert len(known) == len(ImageStreams.streams) and tuple(streams.bits("fade")[:4].tolist()) not in known
    assert not torch.equal(streams.bits("fade"), streams.bits("bloom"))
    assert torch.equal(streams.between("fade", 0, 2), RandomStreams(0, 0, torch.arange(2000)).between("fade", 0, 2))
    assert abs(streams.between("fade", 0, 2).mean().item() - 1) < 0.05


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
def test_off_is_the_identity(dtype: torch.dtype) -> None:
    images = pictures().to(dtype)
    result = apply(drawn(Augmentation()), images)
    assert result.dtype == torch.float32
    assert torch.equal(result, images.float())
    masks = torch.randint(0, 9, (12, 24, 20))
    assert torch.equal(apply_masks(drawn(Augmentation()), masks), masks)


@pytest.mark.parametrize("name", KINDS)
def test_the_images_that_are_given_stay_as_they_are(name: str) -> None:
    images = pictures().float()
    before = images.clone()
    apply(drawn(only(name)), images)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("low", "high", "dtype"), [(0, 255, torch.uint8), (0, 65535, torch.uint16), (-1, 1, torch.float32)]
)
@pytest.mark.parametrize("fill", ["edge", "mirror"])
def test_values_stay_in_range(low: float, high: float, dtype: torch.dtype, fill: str) -> None:
    values = torch.rand(30, 3, 24, 20, generator=torch.Generator().manual_seed(0)) * (high - low) + low
    for epoch in range(4):
        result = apply(
            draw(replace(EVERYTHING, fill=fill), 0, epoch, torch.arange(30), plan(low=low, high=high)),  # type: ignore[arg-type]
            values.to(dtype),
        )
        assert result.dtype == torch.float32 and torch.isfinite(result).all()
        assert low <= result.min() and result.max() <= high
    assert result.std() > 0.1 * (high - low)


@pytest.mark.parametrize("name", ["brightness", "contrast", "tint", "noise"])
def test_values_stay_in_range_where_no_pixel_moves(name: str) -> None:
    result = apply(drawn(only(name, KINDS[name][1])), pictures())
    assert result.min() == 0 and result.max() == 255


def test_uint16_and_float_take_the_same_way_as_uint8() -> None:
    images = pictures()
    for policy in (EVERYTHING, only("crop"), only("flip")):
        result = apply(drawn(policy), images)
        assert torch.equal(apply(drawn(policy), images.to(torch.uint16)), result)
        assert torch.equal(apply(drawn(policy), images.float()), result)


# --- what each kind does, on images whose geometry is known


def spot(size: tuple[int, int] = (41, 41), row: int = 20, column: int = 30) -> Tensor:
    """A white pixel at (row, column): about the centre (20, 20) it lies 10 to the right."""
    image = torch.zeros(1, 1, *size)
    image[0, 0, row, column] = 255
    return image


def centre_of_mass(image: Tensor) -> tuple[float, float]:
    """(row, column) of one image (H, W)."""
    rows, columns = torch.arange(image.shape[0]), torch.arange(image.shape[1])
    return float((image.sum(1) * rows).sum() / image.sum()), float((image.sum(0) * columns).sum() / image.sum())


def fixed(**changes: Tensor) -> Draw:
    return Draw(size=(41, 41), low=0, high=255, fill="edge", **changes)


def amounts(policy: Augmentation, count: int = 2000, size: tuple[int, int] = (41, 41)) -> Draw:
    return draw(policy, 0, 0, torch.arange(count), plan(1, size))


def test_flip_mirrors_left_and_right_with_its_probability() -> None:
    images = pictures(2000)
    result = apply(drawn(Augmentation(flip=0.25), 2000), images).byte()
    flipped = (result == images.flip(3)).flatten(1).all(1)
    same = (result == images).flatten(1).all(1)
    assert (flipped ^ same).all()
    assert abs(flipped.float().mean().item() - 0.25) < 0.05


def test_alternate_flips_show_each_image_from_both_sides_in_any_two_epochs() -> None:
    images, policy = pictures(400), Augmentation(flip=0.5, flips="alternate")
    epochs = [apply(drawn(policy, 400, epoch=epoch), images).byte() for epoch in range(4)]
    mirrored = [(result == images.flip(3)).flatten(1).all(1) for result in epochs]
    assert abs(mirrored[0].float().mean().item() - 0.5) < 0.1
    for earlier, later in itertools.pairwise(mirrored):
        assert torch.equal(earlier, ~later)
    assert not torch.equal(mirrored[0], drawn(policy, 400, seed=1).flips[:, 1])  # type: ignore[index]


def test_other_words_for_flips_are_told() -> None:
    with pytest.raises(UserError, match="flips=often is unknown"):
        Augmentation(flip=0.5).changed(["flips=often"])


def test_flip_vertical_mirrors_top_and_bottom() -> None:
    images = pictures()
    assert torch.equal(apply(drawn(Augmentation(flip_vertical=1)), images).byte(), images.flip(2))


def test_turn_is_counter_clockwise_and_bounded() -> None:
    # The spot stands 10 pixels to the right of the centre; found again at (20 − 10 sin θ, 20 + 10 cos θ).
    found = amounts(Augmentation(turn=90), 300)
    turned = apply(found, spot().expand(300, -1, -1, -1))
    angles = []
    for image in turned[:, 0]:
        row, column = centre_of_mass(image)
        assert abs((row - 20) ** 2 + (column - 20) ** 2 - 100) < 8
        angles.append(torch.rad2deg(torch.atan2(torch.tensor(20 - row), torch.tensor(column - 20))).item())
    assert -92 < min(angles) < -80 and 80 < max(angles) < 92
    quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])  # the way back of a quarter turn
    assert torch.equal(apply(fixed(matrix=quarter), spot())[0, 0].round().byte(), spot()[0, 0].rot90().byte())


def test_scale_enlarges_and_shrinks_alike() -> None:
    found = amounts(Augmentation(scale=0.25))
    assert found.matrix is not None
    factors = 1 / found.matrix[:, 0, 0]
    assert torch.equal(found.matrix[:, 0, 0], found.matrix[:, 1, 1])
    assert 0.8 <= factors.min() < 0.81 and 1.24 < factors.max() <= 1.25001
    assert abs((factors > 1).float().mean().item() - 0.5) < 0.05
    for index in range(20):
        row, column = centre_of_mass(
            apply(amounts(Augmentation(scale=0.25), 20), spot().expand(20, -1, -1, -1))[index, 0]
        )
        assert row == pytest.approx(20, abs=0.01) and column - 20 == pytest.approx(10 * factors[index].item(), abs=0.6)


def test_stretch_keeps_the_area_and_changes_the_sides() -> None:
    found = amounts(Augmentation(stretch=0.44))
    assert found.matrix is not None
    wide, high = 1 / found.matrix[:, 0, 0], 1 / found.matrix[:, 1, 1]
    torch.testing.assert_close(wide * high, torch.ones(2000))
    assert (wide / high).max() == pytest.approx(1.44, abs=0.01)
    assert (wide / high).min() == pytest.approx(1 / 1.44, abs=0.01)


def test_shear_moves_rows_sideways_by_their_height() -> None:
    found = amounts(Augmentation(shear=30), 200)
    shifts = []
    for image in apply(found, spot(row=30, column=20).expand(200, -1, -1, -1))[:, 0]:
        row, column = centre_of_mass(image)
        assert row == pytest.approx(30, abs=0.01)
        shifts.append(column - 20)
    limit = 10 * torch.tan(torch.deg2rad(torch.tensor(30.0))).item()
    assert max(map(abs, shifts)) <= limit + 0.5 and max(shifts) > limit - 1 and min(shifts) < 1 - limit


def test_translate_shifts_both_ways_by_the_fraction() -> None:
    moved = apply(amounts(Augmentation(translate=0.25), 300), spot(column=20).expand(300, -1, -1, -1))[:, 0]
    places = torch.tensor([centre_of_mass(image) for image in moved]) - 20
    assert places.abs().max() <= 0.25 * 41 + 0.5
    assert (places.max(0).values > 9).all() and (places.min(0).values < -9).all()


def test_a_known_matrix_moves_right_and_down() -> None:
    moved = torch.tensor([[[1.0, 0.0, -3.0], [0.0, 1.0, -5.0]]])
    assert centre_of_mass(apply(fixed(matrix=moved), spot())[0, 0]) == pytest.approx((25, 33), abs=1e-4)


def test_crop_takes_every_shift_alike_and_copies_pixels() -> None:
    images = spot(column=20).expand(5000, -1, -1, -1)
    moved = apply(amounts(Augmentation(crop=2), 5000), images)[:, 0]
    places = moved.flatten(1).argmax(1)
    shifts = torch.stack([places // 41 - 20, places % 41 - 20], 1)
    values, counts = shifts.unique(dim=0, return_counts=True)
    assert len(values) == 25 and values.min() == -2 and values.max() == 2
    assert counts.min() > 140 and counts.max() < 260  # 200 expected
    assert set(moved.unique().tolist()) == {0.0, 255.0}


def test_all_kinds_together_are_stretch_and_scale_then_shear_then_turn_then_translate() -> None:
    together = amounts(Augmentation(turn=40, scale=0.3, stretch=0.2, shear=20, translate=0.1), 50)
    streams = ImageStreams(0, 0, torch.arange(50))
    assert together.matrix is not None
    for k, way_back in enumerate(together.matrix.double()):
        theta, phi = streams.between("turn", -40, 40)[k].deg2rad(), streams.between("shear", -20, 20)[k].deg2rad()
        scale, stretch = streams.factor("scale", 0.3)[k], streams.factor("stretch", 0.2)[k].sqrt()
        turn = torch.tensor([[theta.cos(), theta.sin()], [-theta.sin(), theta.cos()]])  # y points down
        shear = torch.tensor([[1, phi.tan()], [0, 1]])
        forward = turn.double() @ shear.double() @ torch.diag(torch.stack([scale * stretch, scale / stretch]))
        moved = torch.stack([streams.between(name, -0.1, 0.1)[k] * 41 for name in ("right", "down")])
        torch.testing.assert_close(way_back[:, :2] @ forward, torch.eye(2).double(), rtol=0, atol=1e-5)
        torch.testing.assert_close(way_back[:, :2] @ moved + way_back[:, 2], torch.zeros(2).double(), rtol=0, atol=1e-5)


def test_whole_pixel_shifts_go_the_same_way_with_and_without_a_matrix() -> None:
    shift, identity = torch.tensor([[2, 5]]), torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    for found in (fixed(shift=shift), fixed(shift=shift, matrix=identity)):
        assert centre_of_mass(apply(found, spot())[0, 0]) == pytest.approx((22, 35), abs=1e-4)
        assert centre_of_mass(apply_masks(found, spot()[:, 0])[0]) == (22, 35)


@pytest.mark.parametrize("flip", ["flip", "flip_vertical"])
def test_flips_come_before_all_other_moves(flip: str) -> None:
    images = pictures()
    moving = Augmentation(turn=20, shear=10, translate=0.1, crop=2)
    flipped = images.flip(3 if flip == "flip" else 2)
    result = apply(drawn(replace(moving, **{flip: 1.0})), images)  # type: ignore[arg-type]
    torch.testing.assert_close(result, apply(drawn(moving), flipped), rtol=0, atol=0.02)
    masks = images[:, 0]
    moved = apply_masks(drawn(replace(moving, **{flip: 1.0})), masks)  # type: ignore[arg-type]
    assert (moved == apply_masks(drawn(moving), flipped[:, 0])).float().mean() > 0.999


@pytest.mark.parametrize(("fill", "row"), [("edge", [0, 0, 0, 1, 2]), ("mirror", [1, 0, 0, 1, 2])])
def test_fill_draws_the_edge_out_or_mirrors_it(fill: str, row: list[int]) -> None:
    image = torch.arange(5.0).expand(1, 1, 5, 5)
    whole = Draw(size=(5, 5), low=0, high=9, fill=fill, shift=torch.tensor([[0, 2]]))
    assert apply(whole, image)[0, 0, 0].tolist() == row
    matrix = torch.tensor([[[1.0, 0.0, -2.0], [0.0, 1.0, 0.0]]])
    between = Draw(size=(5, 5), low=0, high=9, fill=fill, matrix=matrix)
    assert apply(between, image)[0, 0, 0].tolist() == pytest.approx(row, abs=1e-5)


def test_crop_larger_than_the_image_still_works() -> None:
    for fill in ("edge", "mirror"):
        result = apply(drawn(Augmentation(crop=70, fill=fill)), pictures())  # type: ignore[arg-type]
        assert result.shape == (12, 3, 24, 20)


def test_blur_spreads_half_of_the_samples_and_keeps_their_sum() -> None:
    result = apply(amounts(Augmentation(blur=2), 400), spot(column=20).expand(400, -1, -1, -1))[:, 0]
    assert result.sum((1, 2)) == pytest.approx(255, abs=0.1)
    sharp = result[:, 20, 20] > 254.9
    assert 0.4 < sharp.float().mean() < 0.65
    rows = torch.arange(41) - 20.0
    spread = ((result.sum(2) * rows**2).sum(1) / 255).sqrt()
    assert 1.7 < spread.max() < 2.0
    assert torch.allclose(result, result.transpose(1, 2), atol=1e-3)


def test_erase_fills_one_rectangle_with_its_probability() -> None:
    images = torch.full((600, 3, 24, 20), 77.5)
    result = apply(drawn(Augmentation(erase=0.3), 600), images)
    gone = (result != 77.5).all(1)  # (B, H, W)
    share = gone.flatten(1).float().mean(1)
    assert abs((share > 0).float().mean().item() - 0.3) < 0.07
    hit = share > 0
    assert 0.01 < share[hit].min() < 0.06 and 0.27 < share[hit].max() < 0.37
    for mask, image in zip(gone[hit], result[hit], strict=True):
        rows, columns = mask.any(1), mask.any(0)
        assert mask.sum() == rows.sum() * columns.sum()  # a rectangle
        assert len(image[:, mask].unique()) == 1  # of one grey


def test_cutout_fills_a_square_about_any_pixel_with_the_mean() -> None:
    images, preprocessing = torch.full((600, 3, 24, 20), 77.5), replace(plan(), mean=(1.0, 2.0, 3.0))
    result = apply(draw(Augmentation(cutout=0.25), 0, 0, torch.arange(600), preprocessing), images)
    gone = (result != 77.5).all(1)  # (B, H, W)
    rows, columns = gone.any(2).sum(1), gone.any(1).sum(1)
    assert torch.equal(rows * columns, gone.flatten(1).sum(1))  # a rectangle
    assert rows.max() == columns.max() == 5 and rows.min() < 5 and columns.min() < 5  # cut off at the edges alone
    assert gone.any(0).all()  # every pixel is hidden somewhere
    assert torch.equal(result[:, :, 0, 0][gone[:, 0, 0]].unique(dim=0), torch.tensor([[1.0, 2.0, 3.0]]))


def test_noise_has_the_drawn_spread() -> None:
    found = draw(Augmentation(noise=0.1), 0, 0, torch.arange(200), plan(3, (40, 40)))
    result = apply(found, torch.full((200, 3, 40, 40), 127.5)) - 127.5
    spread = 255 * ImageStreams(0, 0, torch.arange(200)).between("noise", 0, 0.1).float()
    torch.testing.assert_close(result.flatten(1).std(1), spread, rtol=0.08, atol=0.05)
    assert spread.min() < 1 and 24.5 < spread.max() <= 25.5


def test_salt_and_pepper_take_their_share_alike() -> None:
    found = draw(Augmentation(salt_pepper=0.2), 0, 0, torch.arange(200), plan(3, (40, 40)))
    result = apply(found, torch.full((200, 3, 40, 40), 100.0))
    salt, pepper = (result == 255).all(1), (result == 0).all(1)
    assert torch.equal(salt | pepper | (result == 100).all(1), torch.ones_like(salt))
    share = ImageStreams(0, 0, torch.arange(200)).between("salt_pepper", 0, 0.2).float()
    torch.testing.assert_close((salt | pepper).flatten(1).float().mean(1), share, rtol=0.3, atol=0.02)
    assert salt.float().mean().item() == pytest.approx(pepper.float().mean().item(), rel=0.1)


def test_brightness_adds_and_contrast_multiplies_about_the_middle() -> None:
    grey = torch.full((500, 3, 24, 20), 127.5)
    assert torch.allclose(apply(drawn(Augmentation(contrast=0.5), 500), grey), grey)
    lit = apply(drawn(Augmentation(brightness=0.2), 500), grey)[:, 0, 0, 0] - 127.5
    assert -51 <= lit.min() < -48 and 48 < lit.max() <= 51
    two = torch.tensor([100.0, 150.0]).repeat(500, 3, 24, 10)
    difference = apply(drawn(Augmentation(contrast=0.5), 500), two).diff(dim=3)[:, 0, 0, 0] / 50
    assert 0.66 < difference.min() < 0.68 and 1.48 < difference.max() < 1.501


def test_saturation_draws_colours_away_from_their_own_grey() -> None:
    colours = torch.tensor([120.0, 90.0, 60.0]).view(1, 3, 1, 1).expand(500, 3, 24, 20)
    result = apply(drawn(Augmentation(saturation=1), 500), colours)[:, :, 0, 0]
    factor = (result[:, 0] - 90) / 30
    assert torch.allclose(result[:, 1], torch.tensor(90.0)) and torch.allclose(result.mean(1), torch.tensor(90.0))
    assert 0.5 <= factor.min() < 0.51 and 1.97 < factor.max() <= 2.001
    assert 0.45 < (factor > 1).float().mean() < 0.55  # as often stronger as paler
    grey = pictures(9, 1)
    assert torch.equal(apply(draw(Augmentation(saturation=1), 0, 0, torch.arange(9), plan(1)), grey), grey.float())


def test_tint_multiplies_each_channel_by_a_factor_of_its_own() -> None:
    white = torch.full((500, 3, 24, 20), 100.0)
    result = apply(drawn(Augmentation(tint=0.25), 500), white)
    assert torch.equal(result, result[:, :, :1, :1].expand_as(result))  # the same at every place
    factors = result[:, :, 0, 0] / 100
    assert 0.8 <= factors.min() < 0.803 and 1.245 < factors.max() <= 1.2501
    assert torch.corrcoef(factors.T).fill_diagonal_(0).abs().max() < 0.15  # channels do not follow each other
    dark = plan(3, dtype="float32", low=-1, high=1)
    assert torch.equal(  # black stays black
        apply(draw(Augmentation(tint=0.25), 0, 0, torch.arange(5), dark), torch.full((5, 3, 24, 20), -1.0)),
        torch.full((5, 3, 24, 20), -1.0),
    )


def test_colours_change_and_alpha_does_not() -> None:
    policy, images = Augmentation(saturation=0.5, tint=0.2), pictures(12, 4)
    result = apply(draw(policy, 0, 0, torch.arange(12), plan(4)), images)
    assert torch.equal(result[:, 3], images[:, 3].float())
    assert torch.equal(result[:, :3], apply(drawn(policy), images[:, :3]))


# --- masks


@pytest.mark.parametrize("name", [*GEOMETRIC, "everything"])
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.uint16, torch.int64])
def test_masks_keep_their_type_and_labels(name: str, dtype: torch.dtype) -> None:
    policy = EVERYTHING if name == "everything" else only(name)
    labels = torch.tensor([0, 3, 200, 255]) if dtype != torch.bool else torch.tensor([0, 1])
    if dtype in (torch.uint16, torch.int64):
        labels = torch.tensor([0, 3, 40_000, 65_535])
    masks = labels[torch.randint(0, len(labels), (12, 24, 20), generator=torch.Generator().manual_seed(1))].to(dtype)
    result = apply_masks(drawn(policy), masks)
    assert result.dtype == dtype and result.shape == masks.shape
    assert set(result.long().unique().tolist()) <= set(labels.tolist())
    assert not torch.equal(result.long(), masks.long())


@pytest.mark.parametrize("fill", ["edge", "mirror"])
@pytest.mark.parametrize("name", [*GEOMETRIC, "everything"])
def test_masks_follow_their_images(name: str, fill: str) -> None:
    policy = replace(EVERYTHING if name == "everything" else only(name), fill=fill)  # type: ignore[arg-type]
    policy = replace(policy, blur=0, erase=0, cutout=0, noise=0, salt_pepper=0, brightness=0, contrast=0, tint=0)
    rows, columns = torch.meshgrid(torch.arange(48), torch.arange(40), indexing="ij")
    masks = ((rows - 20) ** 2 / 200 + (columns - 24) ** 2 / 80 < 1).long()[None].expand(12, -1, -1)
    found = drawn(policy, size=(48, 40))
    images = apply(found, (masks * 255).byte()[:, None].expand(-1, 3, -1, -1))[:, 0]
    moved = apply_masks(found, masks)
    sure = (images < 60) | (images > 195)  # pixels between the two are on the edge
    assert sure.float().mean() > 0.9
    assert torch.equal((images > 127)[sure], moved.bool()[sure])


@pytest.mark.parametrize(
    "name", ["blur", "erase", "cutout", "noise", "salt_pepper", "brightness", "contrast", "saturation", "tint"]
)
def test_what_changes_values_leaves_masks_alone(name: str) -> None:
    masks = torch.randint(0, 9, (12, 24, 20))
    assert torch.equal(apply_masks(drawn(only(name)), masks), masks)


# --- the policy


def test_digits_are_not_mirrored_by_default_and_pictures_are() -> None:
    digits = Augmentation.default(plan(1, (28, 28)), mirror=False)
    assert digits.flip == 0 and digits.turn > 0 and digits.translate > 0 and digits.scale > 0
    cifar = Augmentation.default(plan(3, (32, 32)), mirror=True)
    assert cifar == Augmentation(flip=0.5, crop=4, fill="mirror")
    photos = Augmentation.default(plan(3, (224, 224)), mirror=True)
    assert photos.flip == 0.5 and photos.scale > 0 and photos.brightness > 0 and photos.crop == 0
    for channels, size in [(1, (1, 1)), (3, (8, 8)), (5, (3, 900))]:
        for mirror in (True, False):
            policy = Augmentation.default(plan(channels, size), mirror)
            found = draw(policy, 0, 0, torch.arange(3), plan(channels, size))
            assert apply(found, pictures(3, channels, size)).shape == (3, channels, *size)


@pytest.mark.parametrize(("channels", "dtype"), [(7, "uint8"), (1, "uint16"), (3, "uint16"), (1, "float32")])
def test_what_was_measured_keeps_its_values(channels: int, dtype: str) -> None:
    """A tenth of the range of 12-bit fluorescence is as much as its nuclei are brighter than what lies between them."""
    policy = Augmentation.default(plan(channels, (224, 224), dtype, high=4095), mirror=True)
    assert policy.flip == 0.5 and policy.scale > 0 and policy.brightness == policy.contrast == 0


def test_edits_change_the_policy() -> None:
    policy = Augmentation.default(plan(3, (32, 32)), mirror=True)
    assert policy.changed([]) == policy
    assert policy.changed(["turn=15", "flip=off"]) == replace(policy, turn=15, flip=0)
    assert policy.changed(["noise=on", "salt-pepper"]) == replace(policy, noise=0.05, salt_pepper=0.02)
    assert policy.changed(["turn=15,flip=off fill=edge"]) == replace(policy, turn=15, flip=0, fill="edge")
    assert policy.changed(["off"]) == replace(Augmentation(), fill="mirror") and not policy.changed(["off"]).is_on()
    assert policy.changed(["off", "crop=2"]) == Augmentation(crop=2, fill="mirror")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("trun=15", "no augmentation 'trun'\n.*did you mean 'turn'"),
        ("turn=a lot", "no augmentation 'lot'|turn=a is not a number"),
        ("turn=nan", "turn=nan is outside 0 … 180"),
        ("turn=-3", "turn=-3 is outside 0 … 180"),
        ("flip=2", "flip=2 is outside 0 … 1"),
        ("crop=1.5", "crop=1.5 is not a whole number"),
        ("fill=black", "fill=black is unknown"),
        ("mixup", "no augmentation 'mixup'"),
    ],
)
def test_a_wrong_edit_is_told(edit: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        Augmentation().changed([edit])
    import re

    assert re.search(message, str(caught.value), re.DOTALL)


def test_all_wrong_edits_are_told_at_once() -> None:
    with pytest.raises(Problems) as caught:
        Augmentation().changed(["trun=15", "flip=many"])
    assert len(caught.value.errors) == 2
    with pytest.raises(Problems) as caught:
        Augmentation(turn=-1, flip=3)
    assert len(caught.value.errors) == 2


def test_every_field_has_its_bounds() -> None:
    assert [field.name for field in fields(Augmentation)] == [*KINDS, "fill", "flips"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("policy", [EVERYTHING, only("crop"), only("noise")], ids=["everything", "crop", "noise"])
def test_the_gpu_gives_the_same(policy: Augmentation) -> None:
    images, samples = pictures(), torch.arange(12)
    here = apply(draw(policy, 0, 0, samples, plan()), images)
    there = apply(draw(policy, 0, 0, samples.cuda(), plan()), images.cuda())
    assert there.is_cuda
    torch.testing.assert_close(there.cpu(), here, rtol=1e-4, atol=0.05)
    masks = torch.randint(0, 9, (12, 24, 20))
    same = apply_masks(draw(policy, 0, 0, samples.cuda(), plan()), masks.cuda()).cpu() == apply_masks(
        draw(policy, 0, 0, samples, plan()), masks
    )
    assert same.float().mean() > 0.999
