"""``sample``: the same seed gives the same images, ways end where they should, editing moves the class, bad wishes are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.facts import sealed
from neocog.run import Run
from neocog.verbs.sample import sample


def bars(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, 12, 12) uint8: a bright bar of some height on the left ("left") or on the right."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 40, (count, 12, 12)).astype(np.uint8)
    for image, label, top in zip(images, labels, rng.integers(0, 6, count), strict=True):
        image[top : top + 6, (1, 8)[label] : (4, 11)[label]] += 200
    return images, labels


def side(image: np.ndarray) -> float:
    """1: all its light is on the right; −1: on the left."""
    light = image.astype(float).clip(60) - 60  # without the noise
    left, right = light[:, :6].sum(), light[:, 6:].sum()
    return float((right - left) / (right + left))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bars")
    for number, (image, label) in enumerate(zip(*bars(200), strict=True)):
        path = root / ("left", "right")[label] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    return root


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings: dict[str, Any] = {"task": "vae", "latent": 3, "widths": "6,8", "hidden": 24, "batch": 16, "lr": 0.004}
    return neocog.train(folder, tmp_path_factory.mktemp("run") / "vae", quiet=True, epochs=40, threads=1, **settings)


def test_a_seed_is_the_same_images_and_the_sheet_is_theirs(run: Run, tmp_path: Path) -> None:
    first = sample(run, 6, tmp_path / "a.png", seed=3, quiet=True)
    again = sample(run, 9, tmp_path / "b.png", seed=3, quiet=True)
    other = sample(run, 6, tmp_path / "c.png", seed=4, quiet=True)
    assert np.array_equal(first.images, again.images[:6]) and not np.array_equal(first.images, other.images)
    assert first.images.shape == (6, 12, 12, 1) and first.images.dtype == np.uint8
    with Image.open(tmp_path / "b.png") as picture:
        sheet = np.asarray(picture)
    factor = sheet.shape[1] // (3 * 13 - 1)
    assert np.array_equal(sheet[::factor, ::factor][:12, :12], again.images[0, :, :, 0])


def test_nothing_is_written_over_and_single_files_are_the_images(run: Run, tmp_path: Path) -> None:
    paths = [sample(run, 2, quiet=True).written[0] for _ in range(2)]
    assert [path.name for path in paths] == ["001.png", "002.png"] and paths[0].parent == run.folder / "samples"
    found = sample(run, 3, tmp_path / "many", single=True, quiet=True)
    assert [path.name for path in found.written] == ["grid.png", "00001.png", "00002.png", "00003.png"]
    with Image.open(found.written[2]) as picture:
        assert np.array_equal(np.asarray(picture), found.images[1, :, :, 0])


def test_ways_end_at_the_seeds_and_at_the_pictures(run: Run, folder: Path, tmp_path: Path) -> None:
    way = sample(run, interpolate=(3, "5"), steps=4, out=tmp_path / "a.png", quiet=True)
    ends = [sample(run, 1, tmp_path / f"{seed}.png", seed=seed, quiet=True).images[0] for seed in (3, 5)]
    assert np.array_equal(way.images[[0, -1]], ends) and way.columns == 4
    pictures = [folder / "left" / "0.png", folder / "right" / "1.png"]
    between = sample(run, interpolate=pictures, steps=5, out=tmp_path / "b.png", quiet=True)
    again = sample(run, reconstruct=pictures, out=tmp_path / "c.png", quiet=True)
    assert np.abs(between.images[[0, -1]].astype(int) - again.images[[1, 3]]).max() <= 1
    assert side(between.images[0]) < -0.5 and side(between.images[-1]) > 0.5


def test_a_reconstruction_is_like_its_picture(run: Run, folder: Path, tmp_path: Path) -> None:
    found = sample(run, reconstruct=[folder / "left"], out=tmp_path / "a.png", quiet=True).images.astype(float)
    picture, again = found[::2], found[1::2]
    assert np.abs(picture - again).mean() < 0.75 * np.abs(picture - again[::-1]).mean()


def test_editing_moves_the_class_and_its_strength_says_how_far(run: Run, tmp_path: Path) -> None:
    Image.fromarray(bars(1, seed=5)[0][0]).save(tmp_path / "left.png")
    wish: dict[str, Any] = {"direction": ("from:left", "to:right"), "apply": [tmp_path / "left.png"], "steps": 6}
    found = sample(run, out=tmp_path / "a.png", quiet=True, **wish)
    assert found.columns == 8 and len(found.images) == 8
    picture, again, *steps = found.images
    assert side(picture) == -1 and side(again) < -0.6 and side(steps[-1]) > 0.6
    sides = [side(step) for step in (again, *steps)]
    assert all(after > before - 0.05 for before, after in pairwise(sides))
    back = sample(run, out=tmp_path / "b.png", strength=-0.5, quiet=True, **wish)
    assert side(back.images[-1]) < -0.6


def test_traverses_have_a_row_for_each_living_dimension(run: Run, tmp_path: Path) -> None:
    alive = json.loads(run.model_json.read_text())["codes"]["alive"]
    found = sample(run, traverse=True, steps=5, out=tmp_path / "a.png", quiet=True)
    assert len(found.images) == 5 * len(alive) and alive
    assert not np.array_equal(found.images[0], found.images[4])


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"n": 0}, "-n 0 is outside 1 to 10,000"),
        ({"n": 10_001}, "-n 10001 is outside"),
        ({"seed": -1}, "--seed -1 is below 0"),
        ({"steps": 1}, "--steps 1 is outside 2 to 100"),
        ({"strength": float("nan")}, "--strength nan is outside"),
        ({"traverse": True, "interpolate": (1, 2)}, "more than one of --interpolate"),
        ({"interpolate": (1, 2, 3)}, "takes two ends, not 3"),
        ({"interpolate": ("1", "gone.png")}, "no such file"),
        ({"direction": ("from:left", "to:right")}, "--direction and --apply go together"),
        ({"apply": ["x.png"]}, "--direction and --apply go together"),
        ({"direction": ("from:left", "to:up"), "apply": ["PICTURE"]}, "no class 'up'"),
        ({"direction": ("left", "right"), "apply": ["PICTURE"]}, "does not say from where to where"),
        ({"direction": ("from:left", "to:right"), "apply": ["BROKEN"]}, "cut short"),
        ({"reconstruct": ["BROKEN"]}, "cut short"),
        ({"out": Path("sheet.jpg")}, "sheet.jpg is not a PNG"),
        ({"out": Path(__file__)}, "exists already"),
    ],
)
def test_what_cannot_be_is_one_clear_error(
    run: Run, folder: Path, tmp_path: Path, wish: dict[str, Any], says: str
) -> None:
    picture = folder / "left" / "0.png"
    (tmp_path / "broken.png").write_bytes(picture.read_bytes()[:50])
    names = {"PICTURE": picture, "BROKEN": tmp_path / "broken.png"}
    for key in ("apply", "reconstruct"):
        if key in wish:
            wish = {**wish, key: [names.get(name, name) for name in wish[key]]}
    with pytest.raises(UserError) as error:
        sample(run, **{"out": tmp_path / "out.png", "quiet": True, **wish})
    assert says in str(error.value)
    assert not (tmp_path / "out.png").exists()


def test_a_run_that_draws_nothing_and_no_run_are_told(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no trained network"):
        sample(tmp_path, quiet=True)
    facts = {**json.loads(run.model_json.read_text()), "task": "classification"}
    other = tmp_path / "other"
    other.mkdir()
    (other / "model.json").write_text(json.dumps(sealed(facts)))
    (other / "weights.safetensors").write_bytes(run.weights.read_bytes())
    with pytest.raises(UserError, match="a run of --task classification, which draws no images"):
        sample(other, quiet=True)


def test_the_command_prints_where_the_sheet_is(run: Run, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "neocog",
        "sample",
        str(run.folder),
        "-n",
        "4",
        "--out",
        str(tmp_path / "x.png"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"images": 4, "written": [str(tmp_path / "x.png")]}
