"""Restoration without clean images: Noise2Noise learns from two noisy takes, Noise2Void from noisy images alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

import neocog
from neocog.augment.windows import Windows
from neocog.data.degrade import Degradation
from neocog.data.hidden import hidden
from neocog.data.loader import Batch
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.run import Run
from neocog.tasks.restoration.objective import Restoration

SETTINGS: dict[str, Any] = {
    "task": "restoration", "epochs": 24, "threads": 1, "batch": 4, "width": 8, "blocks": 1, "windows": 4, "patch": (16,),
    "quiet": True, "split": (0.5, 0.2, 0.3), "lr": 0.005,
}  # fmt: skip
PLAN = Preprocessing(1, (20, 24), "uint8", (0.0,), (255.0,), "corner")


def scene(seed: int) -> np.ndarray:
    """(36, 36, 1): flat regions with straight edges."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:36, :36]
    found = np.full((36, 36, 1), rng.integers(40, 200), np.uint8)
    for _ in range(5):
        angle, at = rng.uniform(0, np.pi), rng.integers(5, 30)
        found[np.cos(angle) * rows + np.sin(angle) * columns > at] = rng.integers(40, 200)
    return found


def takes(folder: Path, names: tuple[str, ...], count: int = 20, first: int = 0) -> Path:
    """The same scenes in each folder with noise of its own; without noise in clean/."""
    for place, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for index in range(first, first + count):
            noisy = Degradation.of("gauss:25")(scene(index), np.random.default_rng([place, index]), 255.0)
            image = scene(index) if name == "clean" else noisy
            Image.fromarray(image[..., 0]).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def of_takes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("takes")
    data = takes(folder / "data", ("take1", "take2"))
    return neocog.train(data, folder / "run", supervision="noise2noise", **SETTINGS)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("alone")
    data = takes(folder / "data", ("shots",))
    return neocog.train(data / "shots", folder / "run", supervision="noise2void", **{**SETTINGS, "epochs": 40})


def result_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text(encoding="utf-8"))
    return found


def numbered(how: Windows, epoch: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of two images in which every pixel has a number of its own, the second one's negative."""
    first = torch.arange(2.0 * 20 * 24).view(2, 1, 20, 24) + 1
    return how(first, -first, torch.tensor([0, 1]), 7, epoch, PLAN)


def windows(supervision: str, **changed: Any) -> Windows:
    given = {"patch": (9, 9), "count": 20, "scale": 1, "sizes": np.array([[20, 24]] * 2), "turned": False, **changed}
    return Windows(**given, supervision=supervision)


def test_two_takes_change_places_at_random_and_not_where_they_are_evaluated() -> None:
    inputs, wanted = numbered(windows("noise2noise"))
    torch.testing.assert_close(inputs, -wanted)
    first = (inputs > 0).flatten(3).all(-1).float().mean()
    assert 0.2 < float(first) < 0.8
    assert (numbered(windows("noise2noise", fixed=True))[0] > 0).all()


def test_both_sides_have_noise_of_their_own_where_it_is_made() -> None:
    how = Degradation.of("gauss:10")
    for fixed in (False, True):
        clean = torch.full((1, 1, 20, 24), 120.0)
        noisy = how(np.full((20, 24, 1), 120.0), np.random.default_rng(0), 255.0)
        given = torch.from_numpy(noisy).permute(2, 0, 1)[None].float()
        made = windows("noise2noise", how=how, fixed=fixed, count=40)
        inputs, wanted = (each - 120 for each in made(given, clean, torch.tensor([0]), 7, 0, PLAN))
        assert float(wanted.std()) == pytest.approx(10, rel=0.15) == float(inputs.std())
        assert abs(float((inputs * wanted).mean())) < 10


def test_hidden_values_alone_are_wanted_and_are_not_in_the_input() -> None:
    for fixed in (False, True):
        inputs, wanted = numbered(windows("noise2void", fixed=fixed))
        known = ~wanted.isnan()
        assert 0.01 < float(known.float().mean()) < 0.06 and known.flatten(3).any(-1).all()
        assert (wanted[known] > 0).all() and (wanted[known] != inputs[known]).all()
    again, other = numbered(windows("noise2void")), numbered(windows("noise2void"), epoch=1)
    torch.testing.assert_close(again[1], numbered(windows("noise2void"))[1], equal_nan=True)
    assert (again[1].isnan() != other[1].isnan()).any()


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_where_noise_runs_along_the_neighbours_are_hidden_too_and_replaced_by_other_rows(along: str) -> None:
    image = np.arange(1, 1 + 2 * 30 * 40, dtype=np.int64).reshape(30, 40, 2)
    found, which = hidden(image, np.random.default_rng(3), along)  # type: ignore[arg-type]
    plain = hidden(image, np.random.default_rng(3))[1]
    np.testing.assert_array_equal(which, plain)  # the same values are guessed
    size = (1, 9, 1) if along == "rows" else (9, 1, 1)
    replaced = ndimage.maximum_filter(which, size, mode="constant")
    np.testing.assert_array_equal(found != image, replaced)
    place = (image - 1) // 80 if along == "rows" else (image - 1) // 2 % 40
    taken = (found - 1) // 80 if along == "rows" else (found - 1) // 2 % 40
    assert (place != taken)[replaced].all() and (found % 2 == image % 2).all()


def test_lines_of_noise_are_taken_away_only_where_they_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    pairs = tmp_path / "pairs"
    for part in ("noisy", "clean"):
        (pairs / part).mkdir(parents=True)
    for index in range(28):
        lines = np.repeat(np.random.default_rng(index).normal(0, 25, (36, 12, 1)), 3, axis=1)
        shot = (scene(index) + lines).clip(0, 255).astype(np.uint8)[..., 0]
        Image.fromarray(shot).save(
            tmp_path / "shots" / f"{index}.png" if index < 20 else pairs / "noisy" / f"{index}.png"
        )
        if index >= 20:
            Image.fromarray(scene(index)[..., 0]).save(pairs / "clean" / f"{index}.png")
    gains = []
    for along in ("none", "rows"):
        own = {"supervision": "noise2void", "noise_along": along}
        run = neocog.train(tmp_path / "shots", tmp_path / along, **{**SETTINGS, "epochs": 30}, **own)
        gains.append(neocog.evaluate(run, pairs, quiet=True)["measures"]["test"]["gain"]["value"])
    assert gains[1] > gains[0] + 0.5, gains


@pytest.mark.parametrize("loss", ["l1", "charbonnier", "mse"])
def test_what_is_not_hidden_has_no_part_in_loss_gradient_and_measures(loss: str) -> None:
    inputs = torch.rand(2, 1, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    wanted = torch.full_like(inputs, torch.nan)
    wanted[:, 0, 1, 2, 3] = 255 * (inputs[:, 0, 1, 2, 3] + torch.tensor([0.1, 0.2]))
    goal = Restoration(lambda: torch.nn.Conv2d(1, 1, 1), 0.0, 255.0, loss)
    nets = goal.networks()
    for weights, value in zip(nets["model"].parameters(), (1.0, 0.0), strict=True):
        torch.nn.init.constant_(weights, value)
    batch = Batch(inputs, wanted, None, np.arange(2), 2)
    ((_, found),) = goal.losses(nets, batch)
    found.backward()
    expected = {"l1": 0.15, "charbonnier": 0.15, "mse": 0.025}[loss]
    assert float(found.detach()) == pytest.approx(expected, rel=1e-3) and all(
        w.grad is not None and w.grad.isfinite().all() for w in nets["model"].parameters()
    )
    with torch.no_grad():
        psnr = goal.measures(goal.tally(nets, batch))["psnr"]
    assert psnr == pytest.approx((20 - 20 * np.log10(2) / 2), abs=1e-3)


def test_two_noisy_takes_teach_what_is_clean(of_takes: Run, tmp_path: Path) -> None:
    found = neocog.evaluate(of_takes, takes(tmp_path / "pairs", ("noisy", "clean"), 8, 100), quiet=True)
    assert found["measures"]["test"]["gain"]["value"] > 4
    page = of_takes.report.read_text(encoding="utf-8")
    assert "their noise counts as error" in page and "Restored pixels are guesses" in page
    assert "whose noise is part of the error" in page and "The residual is the input minus" in page


def test_noisy_images_alone_teach_it_too(alone: Run, tmp_path: Path) -> None:
    result = result_of(alone)
    measures = result["measures"]["test"]
    assert result["baselines"]["identity"]["measures"]["hidden_psnr"]["value"] < 30
    assert "hidden_psnr" in measures and "psnr" not in measures and "ssim" not in measures
    assert set(result["residual"]) == {"right", "below", "image"} and "error_coverage" not in result
    assert all(abs(each["value"]) < 0.35 for each in result["residual"].values())
    page = alone.report.read_text(encoding="utf-8")
    assert "There are no clean images to compare with" in page and "PSNR of hidden pixels" in page
    again = neocog.evaluate(alone, quiet=True)["measures"]["test"]
    assert again["hidden_psnr"]["value"] == measures["hidden_psnr"]["value"]
    found = neocog.evaluate(alone, takes(tmp_path / "pairs", ("noisy", "clean"), 8, 100), quiet=True)
    assert found["measures"]["test"]["psnr"]["value"] > found["baselines"]["identity"]["measures"]["psnr"].value + 3


def test_the_clean_images_that_noise_is_added_to_are_never_learned_from(tmp_path: Path) -> None:
    """Nor looked at to choose an epoch: with other clean images of the same noisy ones every weight is the same."""
    data = takes(tmp_path / "data", ("noisy", "clean"), 12)
    other = takes(tmp_path / "other", ("noisy",), 12)
    (other / "clean").mkdir()
    for index in range(12):
        Image.fromarray(255 - scene(index)[..., 0]).save(other / "clean" / f"{index}.png")
    settings = {**SETTINGS, "epochs": 3, "supervision": "noise2void"}
    runs = [neocog.train(folder, tmp_path / f"run-{folder.name}", **settings) for folder in (data, other)]
    assert runs[0].weights.read_bytes() == runs[1].weights.read_bytes()


def test_what_stands_for_hidden_pixels_does_so_in_training_and_where_it_is_measured(tmp_path: Path) -> None:
    data = takes(tmp_path / "data", ("shots",), 10)
    settings = {**SETTINGS, "epochs": 1, "supervision": "noise2void"}
    runs = [neocog.train(data / "shots", tmp_path / by, replace_by=by, **settings) for by in ("near", "median")]
    assert runs[0].weights.read_bytes() != runs[1].weights.read_bytes()
    found = [result_of(run)["baselines"]["identity"]["measures"]["hidden_psnr"]["value"] for run in runs]
    assert found[1] > found[0] + 1  # the median is nearer to a noisy value than another noisy one
    assert neocog.evaluate(runs[1], quiet=True)["baselines"]["identity"]["measures"]["hidden_psnr"].value == found[1]


def test_a_preview_shows_what_is_hidden(tmp_path: Path) -> None:
    data = takes(tmp_path / "data", ("shots",), 6)
    settings = {"task": "restoration", "supervision": "noise2void", "windows": 2, "patch": (12,), "batch": 2}
    assert neocog.preview(data / "shots", tmp_path / "sheet.png", n=2, draws=2, **settings).is_file()


def test_made_noise_can_be_learned_from_noise(tmp_path: Path) -> None:
    data = takes(tmp_path / "data", ("clean",), 12)
    settings = {**SETTINGS, "epochs": 2, "degrade": "poisson:40"}
    for supervision in ("noise2noise", "noise2void"):
        made = [
            neocog.train(data / "clean", tmp_path / f"{supervision}-{k}", supervision=supervision, **settings)
            for k in "ab"
        ]
        digests = {hashlib.sha256(run.weights.read_bytes()).hexdigest() for run in made}
        assert len(digests) == 1 and result_of(made[0])["measures"]["test"]["psnr"]["n"] > 2


BAD: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "two takes without saying so": (("take1", "take2"), {}, "two noisy takes"),
    "one take": (("shots",), {"supervision": "noise2noise"}, "no pairs of images"),
    "no noise": (("clean",), {"supervision": "noise2void", "degrade": "blur:1"}, "is none whose mean is 0"),
    "biased noise": (("clean",), {"supervision": "noise2noise", "degrade": "salt:0.1"}, "is none whose mean is 0"),
    "along": (("take1", "take2"), {"supervision": "noise2noise", "noise_along": "rows"}, "--noise-along has no effect"),
    "median": (
        ("take1", "take2"),
        {"supervision": "noise2noise", "replace_by": "median"},
        "--replace-by has no effect",
    ),
    "unknown": (("shots",), {"supervision": "noise2moon"}, "noise2moon"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_meant_is_one_clear_error(name: str, tmp_path: Path) -> None:
    folders, given, words = BAD[name]
    data = takes(tmp_path / "data", folders, 6)
    with pytest.raises(UserError) as error:
        neocog.train(data if len(folders) > 1 else data / folders[0], tmp_path / "run", **{**SETTINGS, **given})
    assert words in str(error.value) and not (tmp_path / "run").exists()
