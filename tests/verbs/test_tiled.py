"""``predict --tiled``: samples larger than those of the training are judged in blocks, at the training's scale."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from neocog.cli.main import main
from neocog.config import Config, changed
from neocog.errors import UserError
from neocog.tasks.classification.blocks import blocks
from neocog.verbs.predict import predict
from neocog.verbs.train import start

SIDE = 12


def volume(kind: int, seed: int, side: int = SIDE) -> np.ndarray:
    """A bar along the first axis, or along the last, in noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 40, (side, side, side), np.uint8)
    a, b = rng.integers(1, side * 2 // 3, 2)
    wide = side // 4
    if kind:
        pixels[:, a : a + wide, b : b + wide] = 220
    else:
        pixels[a : a + wide, b : b + wide] = 220
    return pixels


def trained(folder: Path, side: int, **more: object) -> Path:
    volumes = np.stack([volume(number % 2, number, side) for number in range(100)])
    np.savez(folder / "data.npz", X=volumes, y=np.array(["across", "along"])[np.arange(100) % 2])
    settings = {"data": str(folder / "data.npz"), "model": "cnn3d", "options": {"widths": "8,16", "hidden": 16}}
    settings |= {"epochs": 12, "batch": 16, "threads": 1, "augment": ("off",), **more}
    return start(changed(Config(), settings), folder / "run", True, "test").folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("bars"), SIDE)


def stack(path: Path, pixels: np.ndarray) -> Path:
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


def test_blocks_say_where_in_a_large_volume_each_class_lies(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two training volumes end to end: shrunk they are a mixture, in blocks each is recognised where it lies."""
    monkeypatch.chdir(tmp_path)
    large = stack(tmp_path / "large one.tif", np.concatenate([volume(0, 1000), volume(1, 1001)], axis=2))
    main(["predict", str(run), str(large), "--tiled", "--out", "found.csv", "--quiet"])
    with Path("found-blocks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["from column"], row["to column"]) for row in rows] == [("0", "12"), ("6", "18"), ("12", "24")]
    assert [rows[0]["label"], rows[2]["label"]] == ["across", "along"]
    with Path("found.csv").open() as file:
        (row,) = csv.DictReader(file)
    mean = np.mean([float(found["p:across"]) for found in rows])
    said = float(row["probability"]) if row["label"] == "across" else 1 - float(row["probability"])
    assert said == pytest.approx(mean, abs=1e-4)
    assert row["blocks"] == "3"


def test_a_sample_of_the_usual_size_is_one_block_and_judged_as_ever(run: Path, tmp_path: Path) -> None:
    files = [stack(tmp_path / f"{seed}.tif", volume(seed % 2, seed)) for seed in (500, 501)]
    plain, tiled = predict(run, files, quiet=True).rows, predict(run, files, quiet=True, tiled=True).rows
    for one, other in zip(plain, tiled, strict=True):
        assert {**one, "blocks": 1} == {
            name: pytest.approx(value, abs=1e-6) if isinstance(value, float) else value for name, value in other.items()
        }


def test_the_trainings_scale_is_kept(tmp_path: Path) -> None:
    """Volumes of 24³ that were learned at 12³: one of 24 × 24 × 48 is two such, and shown at half its size too."""
    folder = trained(tmp_path, 24, size=(12, 12, 12), epochs=2)
    large = stack(tmp_path / "large.tif", np.concatenate([volume(0, 1000, 24), volume(1, 1001, 24)], axis=2))
    predict(folder, [large], tmp_path / "found.csv", quiet=True, tiled=True)
    with (tmp_path / "found-blocks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["from column"], row["to column"], row["to row"]) for row in rows] == [
        ("0", "24", "24"), ("12", "36", "24"), ("24", "48", "24"),
    ]  # fmt: skip
    ends = [
        stack(tmp_path / f"{index}.tif", tifffile.imread(large)[:, :, 24 * index : 24 * index + 24]) for index in (0, 1)
    ]
    whole = predict(folder, ends, quiet=True).rows
    for row, end in zip((rows[0], rows[2]), whole, strict=True):
        assert row["label"] == end["label"]
        assert float(row["probability"]) == pytest.approx(end["probability"], abs=0.02)  # resized with other neighbours


def test_small_and_broken_files_are_said_and_never_written_over(run: Path, tmp_path: Path) -> None:
    small = stack(tmp_path / "small.tif", volume(0, 1)[:7, :9])
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"II*\0")
    rows = predict(run, [small, bad], tmp_path / "found.csv", quiet=True, tiled=True).rows
    assert rows[0]["blocks"] == 1
    assert rows[1]["skipped"]
    (tmp_path / "other-blocks.csv").write_text("mine")
    with pytest.raises(UserError, match=r"other-blocks\.csv exists already"):
        predict(run, [small], tmp_path / "other.csv", quiet=True, tiled=True)
    assert not (tmp_path / "other.csv").exists()


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30)), min_size=1, max_size=3))
def test_blocks_cover_everything_and_overlap_by_half(sides: list[tuple[int, int]]) -> None:
    size, shape = [side for side, _ in sides], [side + more for side, more in sides]
    seen = np.zeros(shape, bool)
    starts: list[set[int]] = [set() for _ in sides]
    for place in blocks(shape, size):
        assert [part.stop - part.start for part in place] == size
        assert all(part.start >= 0 and part.stop <= have for part, have in zip(place, shape, strict=True))
        seen[place] = True
        for found, part in zip(starts, place, strict=True):
            found.add(part.start)
    assert seen.all()
    for found, side in zip(starts, size, strict=True):
        assert np.diff(sorted(found)).max(initial=0) <= (side + 1) // 2


def test_tasks_without_blocks_refuse(tmp_path: Path) -> None:
    rows = ["image,size"]
    from PIL import Image

    for number in range(20):
        Image.fromarray(np.full((8, 8), 10 * number, np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number}.5")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    settings = {"data": str(tmp_path / "table.csv"), "epochs": 1, "threads": 1, "options": {"widths": "4"}}
    folder = start(changed(Config(), settings), tmp_path / "run", True, "test").folder
    with pytest.raises(UserError, match="--tiled is not for --task regression"):
        predict(folder, [tmp_path / "0.png"], quiet=True, tiled=True)
