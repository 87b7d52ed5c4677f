"""Part ``unknown``: outliers are told, the score that tells them is kept for ``predict --refuse``, answers are worth keeping."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.errors import UserError
from neocog.metrics.outlier_scores import SCORES
from neocog.refusal import FILE
from neocog.robustness.mask_risk import verdict
from neocog.robustness.outliers import possible


@pytest.fixture(scope="module")
def stressed(trained_digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    run = Path(shutil.copytree(trained_digits, tmp_path_factory.mktemp("unknown") / "run"))
    neocog.stress(run, ["unknown"], quiet=True)
    return run


def rows_of(run: Path, name: str) -> list[dict[str, str]]:
    with (run / "stress" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_kind_is_told_by_every_score(stressed: Path) -> None:
    rows = rows_of(stressed, "unknown")
    assert {(row["outliers"], row["score"]) for row in rows} == {(k, s) for k in possible("images") for s in SCORES}
    best = {row["outliers"]: float(row["auroc"]) for row in rows if row["score"] == "Mahalanobis"}
    assert best["noise"] > 0.95 and min(best.values()) > 0.5
    found = json.loads((stressed / "stress" / "unknown.json").read_text())
    worst = min(float(row["auroc"]) for row in rows if row["score"] == kept(stressed))
    assert found["verdicts"][0]["number"] == pytest.approx(worst)
    assert "Stress: selective prediction" in (stressed / "report.html").read_text()


def kept(run: Path) -> str:
    """The score by which ``predict --refuse`` goes."""
    import safetensors

    with safetensors.safe_open(run / FILE, "np") as file:
        return str(json.loads(file.metadata()["facts"])["score"])


def pictures(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    folder.mkdir()
    for name, each in arrays.items():
        Image.fromarray(each.astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_predict_refuses_outliers_and_few_of_the_known(stressed: Path, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    rng, digits = np.random.default_rng(0), load_digits().images * 255 / 16
    shown = {f"known{n}": digits[n] for n in range(0, 1500, 15)} | {
        f"noise{n}": rng.integers(0, 256, (8, 8)) for n in range(50)
    }
    folder = pictures(tmp_path / "new", shown)
    found = neocog.predict(stressed, folder, quiet=True, refuse=0.05, any_range=True)
    assert found.columns[-3:] == ("none", "familiarity", "skipped")
    refused = {Path(row["path"]).stem: row["none"] == "yes" for row in found.rows}
    assert sum(refused[name] for name in shown if "known" in name) <= 14  # 5 expected of 100
    assert sum(refused[name] for name in shown if "noise" in name) > 35
    plain = neocog.predict(stressed, folder, quiet=True, any_range=True)
    assert "familiarity" not in plain.columns and "familiarity" not in plain.rows[0]
    assert [row["label"] for row in plain.rows] == [row["label"] for row in found.rows]


def test_a_share_of_nought_or_too_few_to_promise_is_refused(
    stressed: Path, trained_digits: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        neocog.predict(stressed, tmp_path, refuse=1.0)
    with pytest.raises(UserError, match="cannot be promised"):
        neocog.predict(stressed, tmp_path, refuse=0.0001)
    with pytest.raises(UserError, match="how familiar"):
        neocog.predict(trained_digits, tmp_path, refuse=0.05)


def test_answers_that_are_kept_are_right_more_often(stressed: Path) -> None:
    curve = [(float(row["coverage"]), float(row["risk"])) for row in rows_of(stressed, "risk")]
    assert curve[-1][0] == 1 and curve[0][1] <= curve[-1][1]
    every = json.loads((stressed / "result.json").read_text())["measures"]["test"]["accuracy"]["value"]
    assert curve[-1][1] == pytest.approx(1 - every)
    for row in rows_of(stressed, "selective"):
        assert row["cut"] == "" or float(row["error"]) <= float(row["asked"]) + 0.05


def test_it_ends_in_the_same_bytes(stressed: Path, tmp_path: Path, trained_digits: Path) -> None:
    import shutil

    again = Path(shutil.copytree(trained_digits, tmp_path / "run"))
    neocog.stress(again, ["unknown"], minutes=0.0001, quiet=True)
    assert not (again / FILE).exists()
    neocog.stress(again, ["unknown"], quiet=True)
    for name in ("unknown.csv", "unknown.json", "risk.csv", "unknown.safetensors"):
        assert (again / "stress" / name).read_bytes() == (stressed / "stress" / name).read_bytes()


def test_masks_miss_no_more_than_was_allowed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, masks = [], []
    for _ in range(150):
        mask = np.zeros((16, 16), np.uint8)
        row, column = rng.integers(2, 9, 2)
        mask[row : row + 5, column : column + 5] = 1
        images.append(np.clip(90 + 70 * mask + rng.normal(0, 40, (16, 16)), 0, 255).astype(np.uint8))
        masks.append(mask)
    data = np.stack(images), np.stack(masks)
    settings = {"model": "unet", "width": "4", "depth": "2", "epochs": 4, "threads": 1, "split": (0.4, 0.3, 0.3)}
    neocog.train(data, tmp_path / "run", quiet=True, **settings)
    neocog.stress(tmp_path / "run", ["unknown"], on=data, quiet=True)
    rows = rows_of(tmp_path / "run", "mask_risk")
    promised = [row for row in rows if row["cut"]]
    assert [row["allowed"] for row in promised] == ["0.2", "0.1", "0.05"]  # 45 images cannot promise 2 %: 49 are needed
    assert all(float(row["missed"]) < float(row["allowed"]) + 0.05 for row in promised)
    assert [float(row["cut"]) for row in promised] == sorted((float(row["cut"]) for row in promised), reverse=True)
    assert "49 validation images needed" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("missed", "low", "area", "grade"),
    [
        (0.01, 0.0, 1.5, "passed"),
        (0.01, 0.0, 21.3, "doubtful"),
        (0.03, 0.01, 1.5, "doubtful"),
        (0.03, 0.025, 1.5, "failed"),
    ],
)
def test_masks_that_cover_the_whole_image_do_not_pass(missed: float, low: float, area: float, grade: str) -> None:
    """Promised is the last row: at most 2 % missed."""
    rows = (
        (0.2, 0.3, 0.1, 0.05, 0.2, 9, 1.0),
        (0.02, 0.1, missed, low, 0.2, 9, area),
        (0.01, None, None, None, None, 0, None),
    )
    assert verdict(rows).grade == grade
