"""What restoration learns from and what it says: windows of pairs, networks that enlarge, tiles, and what needs no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from neocog.augment.windows import TURNS, Windows, turned
from neocog.data.degrade import Degradation
from neocog.data.loader import Batch
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.metrics.restoration import luma, psnr
from neocog.networks import RESTORERS, build
from neocog.predictor import Predictor
from neocog.tasks.restoration.baselines import baselines, best_amounts, noise_of, non_local_means
from neocog.tasks.restoration.objective import Restoration
from neocog.tasks.restoration.report import worst_place
from neocog.tasks.restoration.whole import restored, through

PLAN = Preprocessing(3, (40, 50), "uint8", (0.0,) * 3, (255.0,) * 3, "corner")


def numbered(count: int, height: int, width: int, scale: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs in which every pixel has a number of its own, and wanted images that repeat it."""
    first = torch.arange(count * height * width, dtype=torch.float32).view(count, 1, height, width)
    return first, first.repeat_interleave(scale, -1).repeat_interleave(scale, -2)


def windows(**changed: Any) -> Windows:
    given = {"patch": (6, 6), "count": 5, "scale": 2, "sizes": np.array([[20, 24], [12, 16]]), **changed}
    return Windows(**given)


def drawn(how: Windows, samples: list[int], epoch: int = 0, scale: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, wanted = numbered(2, 20, 24, scale)
    chosen = torch.tensor(samples)
    return how(inputs[chosen], wanted[chosen], chosen, 7, epoch, PLAN)


def test_both_windows_of_a_pair_are_of_one_place_and_turned_alike() -> None:
    inputs, wanted = drawn(windows(count=40), [0, 1])
    assert inputs.shape == (2, 1, 40, 6, 6) and wanted.shape == (2, 1, 40, 12, 12)
    torch.testing.assert_close(wanted, inputs.repeat_interleave(2, -1).repeat_interleave(2, -2))
    assert (inputs[0, 0, :, 0, 0] - inputs[0, 0, :, 0, 1]).unique().tolist() == [-24, -1, 1, 24]  # all ways around


def test_windows_are_a_function_of_seed_epoch_and_sample_and_lie_in_the_image() -> None:
    both, (alone, _) = drawn(windows(), [0, 1])[0], drawn(windows(), [1])
    torch.testing.assert_close(both[1], alone[0])
    assert (drawn(windows(), [1], epoch=1)[0] != alone).any()
    places = drawn(windows(count=200), [1])[0] - 20 * 24
    assert (places // 24).max() < 12 and (places % 24).max() < 16


def test_what_a_network_is_judged_on_while_it_learns_stays_the_same() -> None:
    fixed = windows(fixed=True, count=40)
    first, second = (drawn(fixed, [0, 1], epoch)[0] for epoch in (0, 5))
    torch.testing.assert_close(first, second)
    assert (first[..., 0, 1] - first[..., 0, 0] == 1).all()  # and is not turned


def test_noise_is_drawn_anew_in_training_and_only_there() -> None:
    how = Degradation.of("gauss:25")
    noisy = windows(scale=1, how=how, turned=False)
    inputs, wanted = drawn(noisy, [0], scale=1)
    assert float((inputs - wanted).std()) == pytest.approx(25, rel=0.15)
    again, other = drawn(noisy, [0], scale=1)[0], drawn(noisy, [0], 1, scale=1)
    torch.testing.assert_close(inputs, again)
    assert ((other[0] - other[1])[0, 0, 0] != (inputs - wanted)[0, 0, 0]).any()
    fixed = drawn(replace(noisy, fixed=True), [0], scale=1)
    torch.testing.assert_close(*fixed)  # the given input is taken as it is


def test_eight_turns_are_eight_different_images() -> None:
    image = torch.arange(9.0).view(1, 3, 3)
    assert len({tuple(turned(image, turn).flatten().tolist()) for turn in range(TURNS)}) == TURNS
    assert turned(torch.zeros(1, 2, 3), 1).shape == (1, 2, 3)


@pytest.mark.parametrize("name", RESTORERS)
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_an_untrained_network_gives_the_enlarged_input(name: str, scale: int) -> None:
    if name == "dncnn" and scale > 1:
        with pytest.raises(UserError, match="scale of 1"):
            build(name, 1, (8, 8), 1, scale=scale)
        return
    network = build(name, 3, (8, 8), 3, scale=scale).eval()
    inputs = torch.rand(2, 3, 9, 11)
    wanted = inputs if scale == 1 else torch.nn.functional.interpolate(inputs, scale_factor=scale, mode="bicubic")
    torch.testing.assert_close(network(inputs), wanted)


def shaken(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.randn(weights.shape, generator=generator) * 0.05)
    return network.eval()


@pytest.mark.parametrize("name", RESTORERS)
def test_a_network_sees_no_farther_than_it_says(name: str) -> None:
    scale = 1 if name == "dncnn" else 2
    options = {"depth": 5} if name == "dncnn" else {}
    network = shaken(build(name, 1, (8, 8), 1, scale=scale, **options)).double()
    side = 2 * network.reach + 9
    inputs = torch.rand(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    middle = scale * (side // 2)
    network(inputs)[..., middle : middle + scale, middle : middle + scale].sum().backward()
    assert inputs.grad is not None
    seen = (inputs.grad[0, 0].nonzero() - side // 2).abs().max()
    assert 0 < seen <= network.reach


@pytest.mark.parametrize("name", ["edsr", "fsrcnn"])
def test_brightness_alone_moves_all_colours_by_the_same(name: str) -> None:
    network = shaken(build(name, 3, (8, 8), 3, scale=2, luma=True))
    inputs = torch.rand(1, 3, 8, 8)
    added = network(inputs) - torch.nn.functional.interpolate(inputs, scale_factor=2, mode="bicubic")
    torch.testing.assert_close(added[:, :1].expand_as(added), added)
    assert added.abs().max() > 1e-3
    with pytest.raises(UserError, match="three colours"):
        build(name, 1, (8, 8), 1, luma=True)


def predictor(scale: int = 2, channels: int = 3, **changed: Any) -> Predictor:
    torch.manual_seed(0)
    network = shaken(build("edsr", channels, (8, 8), channels, scale=scale, width=4, blocks=2))
    plan = replace(PLAN, channels=channels, mean=(0.0,) * channels, std=(255.0,) * channels, **changed)
    return Predictor(network, plan, (), task="restoration", facts={"scale": scale})


@pytest.mark.parametrize("scale", [1, 3])
def test_tiles_give_the_image_that_the_whole_gives(scale: int) -> None:
    given = predictor(scale)
    pixels = torch.randint(0, 256, (3, 37, 53), dtype=torch.uint8)
    whole = given.of_pixels(pixels[None])[0]
    for tile in (8, 16, 40):
        np.testing.assert_allclose(through(given, pixels, tile), whole, atol=1e-5)


def test_what_comes_out_has_the_type_range_and_channels_of_what_went_in() -> None:
    rng = np.random.default_rng(0)
    for channels, dtype, high in ((3, "uint8", 255), (1, "uint16", 4000), (1, "float32", 2.5)):
        given = predictor(2, channels, dtype=dtype, low=0.0, high=float(high))
        given = replace(given, preprocessing=replace(given.preprocessing, std=(float(high),) * channels))
        stored = (rng.random((12, 10, channels)) * high).astype(dtype)
        found = restored(given, stored, "a")
        assert found.shape == (24, 20, channels) and found.dtype == stored.dtype
        assert psnr(found, np.repeat(np.repeat(stored, 2, 0), 2, 1), high) > 10
    colours = (rng.random((12, 10, 4)) * 2.5).astype("float32")
    found = restored(given, colours, "a")
    np.testing.assert_array_equal(found[..., 2:3], restored(given, colours[..., 2:3], "a"))
    grey = restored(predictor(2), colours[..., :1].astype("uint8"), "a")
    assert grey.shape == (24, 20, 1)


def batch(inputs: torch.Tensor, wanted: torch.Tensor) -> Batch:
    return Batch(inputs, wanted, None, np.arange(len(inputs)), len(inputs))


@pytest.mark.parametrize("loss", ["l1", "charbonnier", "mse"])
def test_losses_and_psnr_are_those_of_the_images(loss: str) -> None:
    rng = torch.Generator().manual_seed(0)
    inputs = torch.rand(2, 3, 4, 6, 6, generator=rng)
    wanted = (inputs * 255 + torch.randn(inputs.shape, generator=rng) * 9).clamp(0, 255)
    goal = Restoration(torch.nn.Identity, 0.0, 255.0, loss, pictures=True)
    nets = goal.networks()
    apart = (inputs - wanted / 255).double()
    expected = {"l1": apart.abs(), "charbonnier": (apart**2 + 1e-6).sqrt(), "mse": apart**2}[loss].mean()
    ((_, found),) = goal.losses(nets, batch(inputs, wanted))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    totals = goal.tally(nets, batch(inputs, wanted))
    each = []
    for image, truth in zip(inputs.movedim(1, -1).numpy() * 255, wanted.movedim(1, -1).numpy(), strict=True):
        each.append(psnr(luma(truth), luma(image), 255))
    assert goal.measures(totals)["psnr"] == pytest.approx(np.mean(each), abs=1e-4)


@pytest.mark.parametrize("luma", [True, False])
def test_a_batch_may_hold_a_single_image(luma: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    inputs, wanted = torch.rand(2, 3, 4, 6, 6, generator=rng), torch.rand(2, 3, 4, 6, 6, generator=rng) * 255
    goal = Restoration(torch.nn.Identity, 0.0, 255.0, luma=luma)
    both, *alone = (goal.tally({"model": torch.nn.Identity()}, batch(inputs[k], wanted[k])) for k in np.s_[:, :1, 1:])
    for name in ("psnr", "loss"):
        torch.testing.assert_close(both[name], alone[0][name] + alone[1][name])


def scene(side: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    return np.where((rows // 16 + columns // 16) % 2, 190, 60).astype(np.uint8)[..., None]


def test_baselines_take_noise_away_and_the_best_amounts_are_found() -> None:
    clean = scene()
    rng = np.random.default_rng(0)
    noisy = Degradation.of("gauss:20")(clean, rng, 255.0)
    assert noise_of(noisy) == pytest.approx(20, rel=0.1) and noise_of(clean) == 0
    amounts = best_amounts([(noisy, clean)], 255)
    found = {name: psnr(clean, apply(noisy), 255) for name, apply in baselines(1, amounts).items()}
    assert next(iter(found)) == "identity" and found["identity"] == psnr(clean, noisy, 255)
    assert found["non_local_means"] > found["gaussian"] > found["identity"] < found["median"]
    np.testing.assert_array_equal(non_local_means(clean, 0.8), clean)
    large = baselines(3, {})["bicubic"](noisy)
    assert large.shape == (192, 192, 1) and large.dtype == np.uint8


def test_the_worst_place_is_where_the_error_is() -> None:
    truth = np.zeros((90, 100, 1), np.uint8)
    found = truth.copy()
    found[60:70, 30:42] = 200
    top, left, height, width = worst_place(truth, found, 3, 32)
    assert top % 3 == left % 3 == 0 and height == width == 30
    assert top <= 60 and top + height >= 70 and left <= 30 and left + width >= 42
