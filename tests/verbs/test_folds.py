"""Folds, drawn once or several times: what they tell of all samples together, and how sure that is."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.documents import rows
from neocog.errors import UserError
from neocog.metrics import classification_measures
from neocog.run import Run
from neocog.verbs.fold_summary import over_folds
from neocog.verbs.out_of_fold import OutOfFold, out_of_fold

QUICK: dict[str, Any] = {"quiet": True, "model": "mlp", "epochs": 3, "augment": ("off",), "threads": 1}
BENCH = Path(__file__).resolve().parents[2] / "bench"


def of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text())
    return found


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of two classes, one a little brighter; two of each patient."""
    folder = tmp_path_factory.mktemp("few")
    rng, lines = np.random.default_rng(3), ["image,label,patient_id"]
    for number in range(24):
        label = "ab"[number % 2]
        pixels = np.clip((90 if label == "a" else 115) + rng.normal(0, 70, (8, 8)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{label},p{number // 4}{label}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def repeated(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("out") / "run"
    return neocog.train(
        photos / "table.csv", out=out, folds=3, repeats=2, groups="none", columns=("group=none",), **QUICK
    )


def parts(run: Run) -> list[Run]:
    return [Run(Path(folder)) for folder in of(run)["folds"]]


def paths_in(part: Run) -> list[str]:
    return [row["path"] for row in rows(part.predictions_csv)]


def test_each_repeat_tests_every_sample_once_in_other_folds(repeated: Run) -> None:
    folds = [sorted(paths_in(part)) for part in parts(repeated)]
    assert len(folds) == 6 and {len(fold) for fold in folds} == {8}
    for repeat in (folds[:3], folds[3:]):
        assert set(Counter(name for fold in repeat for name in fold).values()) == {1}
    assert sorted(folds[:3]) != sorted(folds[3:])


def test_the_first_repeat_is_the_folds_without_repeats(repeated: Run, photos: Path, tmp_path: Path) -> None:
    settings = QUICK | {"groups": "none", "columns": ("group=none",)}
    once = neocog.train(photos / "table.csv", out=tmp_path / "once", folds=3, **settings)
    for one, other in zip(parts(once), parts(repeated), strict=False):
        assert one.weights.read_bytes() == other.weights.read_bytes()


def test_what_is_stated_is_the_mean_over_all_predictions_at_n_samples(repeated: Run) -> None:
    said_rows = [row for part in parts(repeated) for row in rows(part.predictions_csv)]
    found = of(repeated)["measures"]["test"]["accuracy"]
    assert found["value"] == pytest.approx(np.mean([row["label"] == row["prediction"] for row in said_rows]))
    assert (found["n"], of(repeated)["n"]["test"], found["folds"], found["units"]) == (24, 24, 6, None)
    said = out_of_fold(parts(repeated))
    assert said is not None
    assert (said.logits.argmax(1) == said.labels).mean() == pytest.approx(found["value"])
    losses = [-np.log(float(row[f"p:{row['label']}"])) for row in said_rows]
    assert of(repeated)["measures"]["test"]["log_loss"]["value"] == pytest.approx(np.mean(losses))
    independent = classification_measures(said.logits, said.labels)["accuracy"]
    assert found["high"] - found["low"] > 1.2 * (independent.high - independent.low)
    assert "6 folds" not in repeated.report.read_text() or "drawn 2 times" in repeated.report.read_text()


def test_saying_the_same_ten_times_makes_nothing_surer() -> None:
    rng = np.random.default_rng(0)
    labels, logits = np.arange(40) % 2, rng.normal(size=(40, 2))
    logits[np.arange(40), labels] += 1

    def said(times: int, groups: list[str]) -> OutOfFold:
        count = 40 * times
        names = np.tile(np.arange(40).astype(str), times)
        return OutOfFold(
            np.tile(logits, (times, 1)), np.tile(labels, times), np.ones((count, 1)), np.zeros((count, 2)), names,
            np.tile(groups, times),
        )  # fmt: skip

    few, many = said(2, [""] * 40).measures(0), said(10, [""] * 40).measures(0)
    for name in few:
        assert (few[name].low, few[name].high, few[name].n) == pytest.approx((many[name].low, many[name].high, 40)), (
            name
        )
    grouped = said(2, [f"g{i // 8}" for i in range(40)]).measures(0)["accuracy"]
    assert (grouped.units, grouped.n) == (5, 40)


def test_groups_stay_together_in_every_repeat(photos: Path, tmp_path: Path) -> None:
    run = neocog.train(photos / "table.csv", out=tmp_path / "run", folds=3, repeats=2, **QUICK)
    for part in parts(run):
        split = rows(part.splits_csv)
        sides = {(row["group"], row["split"]) for row in split}
        assert len(sides) == len({row["group"] for row in split}) == 12
    assert of(run)["measures"]["test"]["accuracy"]["units"] == 12


@pytest.fixture(scope="module")
def coverage() -> Any:
    spec = importlib.util.spec_from_file_location("fold_coverage", BENCH / "fold_coverage.py")
    assert spec and spec.loader
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    return bench


def test_the_interval_holds_at_n_samples_and_that_of_independent_ones_would_not(coverage: Any) -> None:
    held, _, independent = coverage.held(60, 5, 3, 1.0, draws=300)
    assert held >= 0.93 and independent < 0.85


def test_an_interval_over_few_folds_holds_and_does_not_leave_the_range_as_half_a_width_would(coverage: Any) -> None:
    held, _, outside, without = coverage.means_held(60, 3, 0.7, draws=150)
    assert held >= 0.92 and outside > 0.5 and without < 0.05


@pytest.mark.parametrize(
    ("name", "values", "ends"),
    [
        ("auroc", (1.0, 0.99, 0.9), (0, 1)),
        ("dice: cell", (0.02, 0.001, 0.3), (0, 1)),
        ("mae width", (0.1, 2.0, 0.2), (0, np.inf)),
        ("r2", (0.99, 0.7, 0.95), (-np.inf, 1)),
        ("kappa", (0.98, 0.7, 1.0), (-1, 1)),
        ("median_error", (2.0, 170.0, 175.0), (0, 180)),
    ],
)
def test_an_interval_over_folds_stays_in_the_range_of_its_measure(
    name: str, values: tuple[float, ...], ends: tuple[float, float]
) -> None:
    each = [{"value": value, "n": 20} for value in values]
    found, free = (over_folds(which, each, 0.5, 1) for which in (name, "count_bias"))
    assert ends[0] <= found["low"] < found["value"] < found["high"] <= ends[1]
    assert free["low"] < ends[0] or free["high"] > ends[1]
    assert free["high"] - free["value"] == pytest.approx(free["value"] - free["low"])


def test_two_folds_say_little_and_folds_that_are_alike_nothing_of_the_interval() -> None:
    pair = over_folds("auroc", [{"value": 0.9, "n": 20}, {"value": 0.8, "n": 20}], 1.0, 1)
    assert 0 < pair["low"] < 0.1 and 0.99 < pair["high"] < 1
    alike = over_folds("auroc", [{"value": 1.0, "n": 20}] * 3, 0.5, 1)
    assert (alike["low"], alike["high"], alike["sd"]) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"repeats": 3}, "--repeats 3 draws --folds anew, and there are none"),
        ({"folds": 3, "repeats": 0}, "--repeats 0"),
        ({"folds": 3, "repeats": 2, "fold": 7, "out": "x"}, "--fold 7: there are 6 folds"),
    ],
)
def test_what_has_no_effect_or_no_sense_is_refused(given: dict[str, Any], says: str, photos: Path) -> None:
    with pytest.raises(UserError, match=says):
        neocog.train(photos / "table.csv", **QUICK | given)


def test_a_split_that_leaves_few_to_test_on_names_what_judges_on_all(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ungrouped = QUICK | {"quiet": False, "groups": "none", "columns": ("group=none",), "epochs": 1}
    neocog.train(photos / "table.csv", out=tmp_path / "split", **ungrouped)
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("test images, which says little: --folds 5 --repeats 3 tests on all 24 images") == 1
    neocog.train(photos / "table.csv", out=tmp_path / "folds", folds=3, **ungrouped)
    neocog.train("digits", out=tmp_path / "many", **QUICK | {"quiet": False, "epochs": 1})
    assert "which says little" not in capsys.readouterr().err


def test_a_share_of_all_right_or_nearly_so_is_as_sure_as_n_samples_make_it() -> None:
    labels = np.tile(np.arange(60) % 2, 3)
    logits = np.where(np.eye(2, dtype=bool)[labels], 3.0, -3.0)
    logits[[0, 60, 120]] *= -1  # one sample, wrong each time
    names = np.tile(np.arange(60).astype(str), 3)
    found = OutOfFold(logits, labels, np.ones((180, 1)), np.zeros((180, 2)), names, np.full(180, "")).measures(0)
    accuracy = found["accuracy"]
    assert accuracy.value == pytest.approx(59 / 60) and 0.87 < accuracy.low < 0.93 and 0.99 < accuracy.high < 1
    assert found["balanced_accuracy"].low > 0.85
