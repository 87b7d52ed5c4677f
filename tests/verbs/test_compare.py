"""Runs of any task are compared by what they say of the same test samples; less is better where it is an error."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.pages.scores import scores
from neocog.run import Run

FAST: dict[str, Any] = {"quiet": True, "threads": 1, "precision": "fp32"}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pictures whose brightness is the value to learn, 6 of a patient."""
    folder, rng = tmp_path_factory.mktemp("values"), np.random.default_rng(0)
    lines = ["image,level,patient"]
    for i, level in enumerate(rng.integers(20, 230, 72).tolist()):
        Image.fromarray((np.full((8, 8), level) + rng.integers(-9, 10, (8, 8))).clip(0, 255).astype(np.uint8)).save(
            folder / f"{i}.png"
        )
        lines.append(f"{i}.png,{level / 10},p{i // 6}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "table.csv"


def compared(folder: Path, *runs: Run) -> str:
    return neocog.report([run.folder for run in runs], folder / "compare.html").read_text(encoding="utf-8")


def test_values_are_compared_by_their_errors_and_the_smallest_is_best(values: Path, tmp_path: Path) -> None:
    settings = {**FAST, "model": "mlp", "hidden": "8", "split": (0.4, 0.1, 0.5)}
    good = neocog.train(values, tmp_path / "good", epochs=30, **settings)
    bad = neocog.train(values, tmp_path / "bad", epochs=1, seed=1, **settings)
    first, second = scores(bad), scores(good)
    assert first.digests == second.digests, "another --seed judged other samples"
    rows = {row["path"]: row for row in csv.DictReader(good.predictions_csv.read_text().splitlines())}
    by_hand = [abs(float(row["level"]) - float(row["true level"])) for row in rows.values()]
    assert second.columns["absolute error"].mean() == pytest.approx(np.mean(by_hand))
    before = good.report.read_bytes()
    with pytest.raises(
        neocog.UserError, match=r"another run, whose report would be lost(.|\n)*neocog\.report\(\[first, second\]\)"
    ):
        neocog.report(bad, good)  # type: ignore[arg-type]  # as the command line takes them
    assert good.report.read_bytes() == before and neocog.report(good, good.folder) == good.report
    text = compared(tmp_path, bad, good)
    assert re.search(r"Lowest mean absolute error: good", text)
    assert f"test samples of {len(set(first.groups.tolist()))} groups" in text
    assert "the sign-flip test over groups" in text and "<td>absolute error</td>" in text
    difference = second.columns["absolute error"].mean() - first.columns["absolute error"].mean()
    assert f"{difference:+.4f}".replace("-", "−") in text


@pytest.mark.parametrize(("name", "period"), [("heading_deg", 360), ("angle_rad", 2 * np.pi), ("level", 0)])
def test_errors_of_angles_are_the_shorter_way_round_in_their_own_unit(
    values: Path, tmp_path: Path, name: str, period: float
) -> None:
    lines = values.read_text(encoding="utf-8").splitlines()[1:]
    turned = [f"{at % 7 * (period or 23) / 7:.4f}" for at in range(len(lines))]
    for line in lines:
        (tmp_path / line.split(",")[0]).write_bytes((values.parent / line.split(",")[0]).read_bytes())
    rows = [f"{line.split(',')[0]},{turn}" for line, turn in zip(lines, turned, strict=True)]
    (tmp_path / "t.csv").write_text(f"image,{name}\n" + "\n".join(rows) + "\n", encoding="utf-8")
    run = neocog.train(tmp_path / "t.csv", tmp_path / "run", epochs=1, model="mlp", hidden="8", **FAST)
    shown = json.loads(run.result.read_text())["measures"]["test"]["mae"]["value"]
    assert scores(run).columns["absolute error"].mean() == pytest.approx(shown, rel=1e-3)
    if period:  # an answer one turn on is the same answer
        table = list(csv.DictReader(run.predictions_csv.read_text().splitlines()))
        for row in table:
            row[name] = str(float(row[name]) + period)
        with run.predictions_csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, table[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
        assert scores(run).columns["absolute error"].mean() == pytest.approx(shown, rel=1e-3)


def test_runs_of_different_tasks_are_not_tested_against_each_other(values: Path, tmp_path: Path) -> None:
    one = neocog.train(values, tmp_path / "one", epochs=1, model="mlp", hidden="8", **FAST)
    other = neocog.train("digits", tmp_path / "other", epochs=1, model="mlp", hidden="8", **FAST)
    assert "different tasks (classification, regression)" in compared(tmp_path, one, other)


def test_what_says_nothing_of_single_samples_is_not_tested(tmp_path: Path) -> None:
    """GANs, and the bounds of VAEs, side by side."""
    gans = [neocog.train("digits", tmp_path / f"g{k}", task="gan", epochs=1, batch=512, seed=k, **FAST) for k in (0, 1)]
    assert "There are no predictions of single test samples" in compared(tmp_path, *gans)
    vaes = [neocog.train("digits", tmp_path / f"v{k}", task="vae", epochs=1, seed=k, **FAST) for k in (0, 1)]
    assert "<td>ELBO [nats]</td>" in compared(tmp_path, *vaes)


def test_masks_are_compared_by_each_images_dice(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / "d" / name).mkdir(parents=True)
    for i in range(24):
        mask = np.zeros((16, 16), np.uint8)
        top, left = rng.integers(1, 8, 2)
        mask[top : top + 7, left : left + 7] = 255
        Image.fromarray(mask).save(tmp_path / "d" / "masks" / f"{i}.png")
        noisy = (mask // 2 + rng.integers(0, 100, mask.shape)).astype(np.uint8)
        Image.fromarray(noisy).save(tmp_path / "d" / "images" / f"{i}.png")
    settings = {**FAST, "model": "unet", "width": "4", "depth": "1", "split": (0.5, 0.1, 0.4)}
    runs = [neocog.train(tmp_path / "d", tmp_path / f"m{k}", epochs=2, seed=k, **settings) for k in (0, 1)]
    text = compared(tmp_path, *runs)
    assert "<td>Dice</td>" in text and "Highest Dice, mean over images" in text
