"""Leave one group out: what a network loses where it has never been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.data.split import read_splits
from neocog.errors import UserError
from neocog.pages.record import read
from neocog.run import Run, to_json

QUICK: dict[str, Any] = {"quiet": True, "model": "mlp", "epochs": 2, "augment": ("off",), "threads": 1}
SITES = ("north", "south", "west")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of each of two classes at three sites; one of the west is the very picture of one of the north."""
    folder, rng = tmp_path_factory.mktemp("sites"), np.random.default_rng(0)
    for site in SITES:
        for label in "ab":
            (folder / site / label).mkdir(parents=True)
            for number in range(10):
                pixels = np.clip((60 if label == "a" else 170) + rng.normal(0, 50, (8, 8)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / site / label / f"{number}.png")
    (folder / "west" / "a" / "3.png").write_bytes((folder / "north" / "a" / "3.png").read_bytes())
    return folder


@pytest.fixture(scope="module")
def left_out(sites: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("out") / "run"
    return neocog.train(
        sites, out=out, levels="group,class", folds=3, leave_one_group_out=True, split=(0.6, 0.2, 0.2), **QUICK
    )


def result(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.result.read_text())
    return found


def test_each_fold_tests_one_whole_group_and_learns_from_the_others(left_out: Run) -> None:
    tested = []
    for part in result(left_out)["folds"]:
        splits = read_splits(Run(Path(part)).splits_csv)
        by_part = {which: {g for g, p in zip(splits.groups, splits.parts, strict=True) if p == which} for which in
                   ("train", "validation", "test")}  # fmt: skip
        (site,) = by_part["test"]
        tested.append(site)
        assert by_part["train"] == by_part["validation"] == set(SITES) - {site}
    assert tuple(tested) == SITES


def test_a_copy_of_a_tested_picture_does_not_learn(left_out: Run) -> None:
    north, _, west = (read_splits(Run(Path(part)).splits_csv) for part in result(left_out)["folds"])
    for splits, copy in ((north, "west/a/3.png"), (west, "north/a/3.png")):
        assert dict(zip(splits.names, splits.parts, strict=True))[copy] == ""


def test_the_interval_is_of_the_samples_of_the_one_group_and_evaluate_says_the_same(left_out: Run) -> None:
    part = Run(Path(result(left_out)["folds"][0]))
    found = result(part)["measures"]["test"]
    assert found["accuracy"]["units"] is None and 0 <= found["accuracy"]["low"] < found["accuracy"]["high"]
    assert json.loads(to_json(neocog.evaluate(part, quiet=True)["measures"]["test"])) == found


def test_the_interval_of_all_is_of_groups(left_out: Run) -> None:
    assert result(left_out)["measures"]["test"]["accuracy"]["units"] == len(SITES)


def test_inside_stands_beside_outside_for_each_group(left_out: Run) -> None:
    groups = result(left_out)["groups"]
    assert tuple(groups) == SITES
    for (_, sides), part in zip(groups.items(), result(left_out)["folds"], strict=True):
        own = result(Run(Path(part)))["measures"]
        assert sides["outside"] == own["test"] and sides["inside"] == own["validation"]
    section = next(each for each in read(left_out).sections if each.name == "places")
    table = section.items[1]
    assert table.kind == "table" and [row[0] for row in table.rows] == list(SITES)
    assert [row[1] for row in table.rows] == [groups[site]["outside"]["accuracy"]["value"] for site in SITES]


def test_resume_and_the_report_open_it_again(left_out: Run) -> None:
    before = left_out.report.read_text()
    assert neocog.report(left_out).read_text() == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"folds": 4}, "there are 3 groups"),
        ({"folds": 0}, "there are none"),
        ({"folds": 3, "repeats": 2}, "draws folds anew"),
        ({"folds": 3, "levels": "ignore,class"}, "needs 3 groups or more"),
    ],
)
def test_folds_that_are_not_the_groups_are_refused(sites: Path, tmp_path: Path, more: Any, words: str) -> None:
    settings = {"levels": "group,class", "leave_one_group_out": True, **more}
    with pytest.raises(UserError, match=words):
        neocog.train(sites, out=tmp_path / "run", **settings, **QUICK)
    assert not (tmp_path / "run").exists()
