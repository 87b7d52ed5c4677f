"""Part ``labels``: planted wrong labels are found, counted where they can be, and mended by ``train --corrections``."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import neocog
from neocog.errors import UserError
from neocog.robustness.labels_report import Found, amount, verdict

WRONG = 0.06


@pytest.fixture(scope="module")
def planted() -> tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]]:
    """1,797 digits, of which some are called otherwise."""
    found = load_digits()
    rng, labels = np.random.default_rng(0), found.target.copy()
    wrong = rng.random(len(labels)) < WRONG
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    return (found.images * 255 / 16).astype(np.uint8), [str(k) for k in labels], wrong


@pytest.fixture(scope="module")
def run(
    planted: tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    images, labels, _ = planted
    out = tmp_path_factory.mktemp("labels") / "run"
    settings = {
        "model": "mlp",
        "hidden": (64,),
        "epochs": 10,
        "lr": 0.01,
        "batch": 32,
        "threads": 1,
        "split": (0.6, 0.2, 0.2),
    }
    neocog.train((images, labels), out, quiet=True, **settings)
    neocog.stress(out, ["labels"], on=(images, labels), quiet=True)
    return out


def rows_of(run: Path, name: str) -> list[dict[str, str]]:
    with (run / "stress" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def number(name: str) -> int:
    """Of a sample in memory, in the order that it was given in."""
    return int("".join(filter(str.isdigit, name)))


def test_planted_labels_come_first(run: Path, planted: tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]]) -> None:
    _, labels, wrong = planted
    rows = rows_of(run, "labels")
    assert len(rows) == len(labels) and [row["rank"] for row in rows[:3]] == ["1", "2", "3"]
    assert {row["part"] for row in rows} == {"train", "validation", "test"}
    first = [number(row["sample"]) for row in rows[: int(1.5 * wrong.sum())]]
    assert wrong[first].sum() > 0.9 * wrong.sum()
    truth = load_digits().target
    suggested = [row["likely"] == str(truth[number(row["sample"])]) for row in rows[: int(0.8 * wrong.sum())]]
    assert np.mean(suggested) > 0.8


def test_their_amount_is_said_with_what_it_rests_on(run: Path) -> None:
    (row,) = rows_of(run, "label_noise")
    assert row["believed"] == "yes" and 0.04 < float(row["estimate"]) < 0.1 and float(row["at_most"]) > WRONG
    assert int(row["n"]) == pytest.approx(0.4 * 1797, abs=30)  # the training part, which was learned, does not count
    verdict = json.loads((run / "stress" / "labels.json").read_text())["verdicts"][0]
    assert verdict["grade"] in ("doubtful", "failed") and "perfect network" in verdict["sentence"]
    assert "→" in (run / "report.html").read_text()


def test_a_weak_network_does_not_say_how_many(
    planted: tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]], tmp_path: Path
) -> None:
    images, labels, _ = planted
    settings = {"model": "mlp", "hidden": (3,), "epochs": 2, "threads": 1, "split": (0.6, 0.2, 0.2)}
    neocog.train((images, labels), tmp_path / "run", quiet=True, **settings)
    neocog.stress(tmp_path / "run", ["labels"], on=(images, labels), quiet=True)
    (row,) = rows_of(tmp_path / "run", "label_noise")
    assert row["believed"] == "no" and float(row["at_most"]) > 0.03
    said = json.loads((tmp_path / "run" / "stress" / "labels.json").read_text())["verdicts"][0]["sentence"]
    assert "cannot be estimated" in said and "at most" in said


def test_corrections_close_the_circle(
    run: Path, planted: tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]], tmp_path: Path
) -> None:
    images, labels, wrong = planted
    rows = rows_of(run, "corrections")
    assert {row["action"] for row in rows} == {"relabel"} and len(rows) > 0.6 * wrong.sum()
    settings = {"model": "mlp", "hidden": (16,), "epochs": 1, "threads": 1}
    path = str(run / "stress" / "corrections.csv")
    neocog.train((images, labels), tmp_path / "run", quiet=True, corrections=path, **settings)
    with (tmp_path / "run" / "splits.csv").open() as file:
        now = {number(row["sample"]): row["label"] for row in csv.DictReader(file)}
    truth = load_digits().target.astype(str)
    left = np.array([now[n] != truth[n] for n in range(len(labels))])
    assert left.sum() < 0.35 * wrong.sum()


def test_killed_it_ends_in_the_same_bytes(
    run: Path, planted: tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neocog.robustness import labels as part

    names = ("labels.csv", "labels.json", "corrections.csv", "label_noise.csv", "label_joint.csv")
    before = {name: (run / "stress" / name).read_bytes() for name in names}
    for name in names:
        (run / "stress" / name).unlink()
    true = part.held_out

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(part, "held_out", killed)
    with pytest.raises(BaseException):  # noqa: B017 whatever an interrupt becomes
        neocog.stress(run, ["labels"], on=planted[:2], quiet=True)
    assert (run / "stress" / "labels.partial.json").exists()
    monkeypatch.setattr(part, "held_out", true)
    neocog.stress(run, ["labels"], on=planted[:2], quiet=True)
    assert {name: (run / "stress" / name).read_bytes() for name in names} == before


def test_other_tasks_and_data_are_refused(trained_digits: Path, pictures: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="own data"):
        neocog.stress(trained_digits, ["labels"], on=pictures(tmp_path / "data"), quiet=True)


def test_of_folds_each_sample_is_judged_by_the_one_that_had_not_seen_it(
    planted: tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]], tmp_path: Path
) -> None:
    images, labels, wrong = (each[:900] for each in planted)
    settings = {"model": "mlp", "hidden": (64,), "epochs": 8, "lr": 0.01, "batch": 32, "threads": 1, "folds": 3}
    neocog.train((images, labels), tmp_path / "run", quiet=True, **settings)
    neocog.stress(tmp_path / "run", ["labels"], on=(images, labels), quiet=True)
    rows = rows_of(tmp_path / "run", "labels")
    assert len(rows) == 900 and {row["part"] for row in rows} == {"test"}
    first = [number(row["sample"]) for row in rows[: int(1.5 * wrong.sum())]]
    assert wrong[first].sum() > 0.8 * wrong.sum()
    (noise,) = rows_of(tmp_path / "run", "label_noise")
    assert noise["n"] == "900"
    with (tmp_path / "run" / "fold-2" / "predictions.csv").open() as file:
        said = {row["path"]: float(row["p:" + row["label"]]) for row in csv.DictReader(file)}
    mine = {row["sample"]: float(row["probability"]) for row in rows}
    assert said and all(mine[name] == pytest.approx(share) for name, share in said.items())
    assert "Each sample is predicted by the network of the fold" in (tmp_path / "run" / "report.html").read_text()
    (tmp_path / "run" / "fold-3" / "result.json").unlink()
    with pytest.raises(UserError, match="1 of 3 folds are not done: fold-3"):
        neocog.stress(tmp_path / "run", ["labels"], on=(images, labels), quiet=True)


def test_without_an_interval_no_bounds_are_said_and_nothing_passes() -> None:
    noise = {"value": 0.0, "low": None, "high": None, "n": 16}
    trial = {"estimate": 0.0, "recovered": 1.05, "most": 0.3}
    found = Found((), ("a", "b"), {"noise": noise, "trial": trial}, "validation and test")
    assert "nan" not in amount(found) and "(too few for an interval, 16 samples" in amount(found)
    assert "the estimate rose by 105% of that" in amount(found)
    assert verdict(found).grade == "doubtful"
