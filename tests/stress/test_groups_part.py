"""Part ``groups``: the worst of a column's, a folder's or a name's groups is named, with the numbers of evaluate."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.data.split import read_splits
from neocog.errors import UserError
from neocog.pages.stress import outcomes
from neocog.robustness import group_probe
from neocog.run import Run


@pytest.fixture(scope="module")
def sited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table of dark and light pictures of three sites, of which "north" has no light; patients are the groups."""
    folder, rng = tmp_path_factory.mktemp("sited"), np.random.default_rng(0)
    rows = []
    for i in range(180):
        site, label = ("north", "south", "west")[i % 3], ("dark", "light")[i // 3 % 2]
        level = 120 if site == "north" else {"dark": 80, "light": 170}[label]
        name = f"data/{site}/{label}/p{i % 30:02}_{i}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(level + rng.normal(0, 25, (8, 8)), 0, 255).astype(np.uint8)).save(folder / name)
        rows.append((name, label, f"p{i % 30:02}", site, "one"))
    with (folder / "all.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "patient", "site", "camera"), *rows])
    settings: dict[str, Any] = {"model": "mlp", "hidden": (8,), "epochs": 15, "threads": 1, "lr": 0.01, "quiet": True}
    neocog.train(folder / "all.csv", out=folder / "run", split=(0.5, 0.1, 0.4), **settings)
    return folder / "run"


def rows_of(run: Path, **given: Any) -> dict[str, dict[str, Any]]:
    rows = neocog.stress(run, ["groups"], quiet=True, **given)["groups"]
    return {row["group"]: row for row in (rows.to_dict("records") if hasattr(rows, "to_dict") else rows)}


def test_the_worst_group_of_a_column_is_named_with_the_numbers_of_evaluate(sited: Path, tmp_path: Path) -> None:
    rows = rows_of(sited, by="site")
    assert list(rows) == ["", "north", *sorted(["south", "west"], key=lambda name: rows[name]["value"])]
    whole = neocog.evaluate(sited, quiet=True)["measures"]["test"]["accuracy"]
    assert [rows[""][key] for key in ("value", "low", "high", "n")] == [
        whole[key] for key in ("value", "low", "high", "n")
    ]
    splits = read_splits(Run(sited).splits_csv)
    lines = [("image", "label", "patient")]
    for name, label, part, group in zip(splits.names, splits.labels, splits.parts, splits.groups, strict=True):
        if part == "test" and "north" in name:
            lines.append((str(sited.parent / name), label, group))
            (tmp_path / Path(name).name).write_bytes((sited.parent / name).read_bytes())
    with (tmp_path / "north.csv").open("w", newline="") as file:
        csv.writer(file).writerows([lines[0], *((Path(name).name, *rest) for name, *rest in lines[1:])])
    north = neocog.evaluate(sited, tmp_path / "north.csv", quiet=True)["measures"]["test"]["accuracy"]
    found = rows["north"]
    assert (found["value"], found["n"]) == (north["value"], north["n"])
    assert (found["low"], found["high"]) == pytest.approx((north["low"], north["high"]))
    verdict = outcomes(Run(sited))["groups"].verdicts[0]
    assert verdict.grade == "failed" and "north" in verdict.sentence and found["p_holm"] < 0.05
    assert verdict.number == pytest.approx(found["value"] / rows[""]["value"])


def test_folders_and_names_tell_groups_too(sited: Path) -> None:
    by_column, by_folder, by_name = (rows_of(sited, by=by) for by in ("site", "folder:2", "names:(north|south|west)"))
    columns = ("value", "n", "p_holm")
    values = [
        {name: [row[key] for key in columns] for name, row in rows.items() if name} for rows in (by_column, by_folder)
    ]
    assert values[0] == values[1] and list(by_name) == list(by_column)
    assert set(rows_of(sited, by="folder:3")) == {"", "dark", "light"}


def test_the_groups_of_the_split_are_the_default_and_their_samples_the_units(sited: Path) -> None:
    rows = rows_of(sited)
    splits = read_splits(Run(sited).splits_csv)
    assert set(rows) - {""} == {
        group for group, part in zip(splits.groups, splits.parts, strict=True) if part == "test"
    }
    section = outcomes(Run(sited))["groups"].sections[0]
    assert "Intervals are over the samples of a group" in str(section.items[0])
    rows_of(sited, by="site")
    section = outcomes(Run(sited))["groups"].sections[0]
    assert "the independent units within a group" in str(section.items[0])


def test_how_much_of_the_class_the_group_gives_away_is_said(sited: Path) -> None:
    rows_of(sited, by="folder:3")  # which are the classes
    text = str(outcomes(Run(sited))["groups"].sections[0].items[0])
    assert "the class is right for 100.0 %" in text and "a network may learn that instead" in text
    rows_of(sited, by="site")
    assert "a network may learn that instead" not in str(outcomes(Run(sited))["groups"].sections[0].items[0])


@pytest.mark.parametrize(
    ("by", "says"),
    [
        ("stie", "no column|column 'stie'|stie"),
        ("camera", "1 group has 2 test samples or more, and two are needed to compare"),
        ("folder:9", "is not a level of folders"),
        ("folder:x", "is not a level of folders"),
        ("names:(", "no regular expression"),
        ("names:zzz", "names do not match"),
        ("names:_([0-9]+)", "0 of [0-9]+ groups have 2 test samples or more"),
        ("image", "image"),
        ("nothing", "--by nothing: no column"),
    ],
)
def test_what_tells_no_groups_is_refused_with_the_fix(sited: Path, by: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        neocog.stress(sited, ["groups"], by=by, quiet=True)


def test_data_without_groups_are_told_how_to_name_some(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stress", str(digits_run), "groups", "--quiet"])
    told = capsys.readouterr().err
    assert "these data have no groups" in told and "--by COLUMN" in told


def test_each_task_scores_single_samples_more_being_better(tmp_path: Path) -> None:
    rng, lines = np.random.default_rng(0), ["image,site,width"]
    (tmp_path / "data").mkdir()
    for i in range(60):
        level = rng.integers(40, 200)
        Image.fromarray(np.full((8, 8), level, np.uint8)).save(tmp_path / "data" / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i % 2]},{level / 100 + (i % 2) * rng.normal(0, 2):.3f}")
    (tmp_path / "data" / "all.csv").write_text("\n".join(lines) + "\n")
    run = neocog.train(tmp_path / "data" / "all.csv", task="regression", model="mlp", hidden=(8,), epochs=10, threads=1,
                       out=tmp_path / "run", split=(0.5, 0.1, 0.4), quiet=True)  # fmt: skip
    rows = rows_of(run.folder, by="site")
    assert list(rows)[1] == "b" and rows["b"]["p_holm"] < 0.05 and rows["a"]["value"] != rows["b"]["value"]


def probe_of(run: Path) -> dict[str, dict[str, str]]:
    with (run / "stress" / "group_probe.csv").open() as file:
        return {row["by"]: row for row in csv.DictReader(file)}


def test_the_group_is_told_from_the_networks_own_features_beside_chance(sited: Path) -> None:
    rows_of(sited, by="site")
    table = probe_of(sited)
    features, largest = (float(table[by]["value"]) for by in ("features", "largest group"))
    assert table["features"]["n"] == table["largest group"]["n"] and table["features"]["groups"] == "3"
    assert largest + 0.2 < features < 1  # "north" alone looks different
    assert float(table["features"]["low"]) < features
    text = str(outcomes(Run(sited))["groups"].sections[0].items[0])
    assert f"of {100 * features:.4g} % (" in text and "which of 3 groups" in text and "nearly identical" not in text


def test_groups_that_no_feature_tells_are_told_no_better_than_by_chance(sited: Path) -> None:
    rows_of(sited, by="names:_[0-9]*([0-9])[.]")  # the last digit of its number
    table = probe_of(sited)
    assert float(table["features"]["value"]) < 0.25 and int(table["features"]["groups"]) > 6


def test_where_features_cannot_be_asked_the_reason_is_said(sited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_probe, "FEWEST", 1000)
    (sited / "stress" / "group_probe.csv").unlink(missing_ok=True)
    rows_of(sited, by="names:(north|south|west)/")
    text = str(outcomes(Run(sited))["groups"].sections[0].items[0])
    assert "predict the group was not tested: it takes two groups of at least 1000 samples" in text
    assert not (sited / "stress" / "group_probe.csv").exists()


def test_samples_of_few_and_of_no_group_are_not_asked_for() -> None:
    groups = np.array([*"aaaaa", *"bbbb", *[""] * 6])
    assert group_probe.askable(groups).tolist() == [True] * 5 + [False] * 10


def test_of_few_samples_the_groups_may_be_too_small_to_ask_for(sited: Path) -> None:
    (sited / "stress" / "group_probe.csv").unlink(missing_ok=True)
    rows_of(sited, by="site", samples=6)
    text = str(outcomes(Run(sited))["groups"].sections[0].items[0])
    assert "it takes two groups of at least 5 samples" in text
