"""``--objects``: how much of a map lies on masks or boxes of the same images."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import neocog
from neocog.data.masks import IGNORED
from neocog.errors import UserError
from neocog.metrics.intervals import mean_measures
from neocog.pages.stress import outcomes
from neocog.robustness.shortcuts import part
from neocog.robustness.shortcuts.objects import inside, matched
from neocog.robustness.shortcuts.objects_report import measures, verdict
from neocog.run import Run

SIDE = 16


def test_the_share_inside_is_that_of_what_counts_and_of_a_plain_map_the_area() -> None:
    objects = torch.zeros(1, 4, 4, dtype=torch.uint8)
    objects[0, 0, :2], objects[0, 3] = 1, IGNORED  # 2 of 12 pixels
    shown = torch.zeros(1, 4, 4)
    shown[0, 0, 0], shown[0, 1, 0], shown[0, 3], shown[0, 2] = 3, 1, 50, -7
    assert inside(shown, objects).tolist() == pytest.approx([0.75])
    assert inside(torch.ones(1, 4, 4), objects).tolist() == pytest.approx([1 / 6])
    assert math.isnan(inside(torch.zeros(1, 4, 4), objects)[0])


def test_names_that_occur_twice_are_no_ones() -> None:
    assert matched(
        ["a/1.png", "a/2.png", "b/2.png", "b/3.png", "b/4.png"], ["m/1.tif", "2.tif", "3.tif", "x/3.tif"]
    ) == {0: 0}


def test_inside_passes_outside_fails_and_what_may_be_chance_is_doubtful() -> None:
    area = [0.2, 0.3] * 10
    grades = {
        name: verdict(*measures({"Grad-CAM": shares, "area": area}, 0)).grade
        for name, shares in {
            "in": [0.6, 0.8] * 10, "out": [0.02, 0.03] * 10, "lot": [0.1, 0.4] * 5 + [0.3, 0.2] * 5,
        }.items()
    }  # fmt: skip
    assert grades == {"in": "passed", "out": "failed", "lot": "doubtful"}
    assert (
        mean_measures(np.array([area]).T, ("counts",))[0].value
        == measures({"area": area, "x": area}, 0)[0]["area"].value
    )


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(run, masks and images) of squares at the left that are bright or dark; nothing else tells them."""
    folder = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    for number in range(80):
        pixels = rng.integers(90, 160, (SIDE, SIDE), np.uint8)
        pixels[4:12, 1:7] = (30, 230)[number % 2]
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[4:12, 1:7] = 255
        for place, image in (
            (("dark", "light")[number % 2], pixels),
            ("../seen/images", pixels),
            ("../seen/masks", mask),
        ):
            path = (folder / "data" / place).resolve() / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        if not number:
            (folder / "data").mkdir(exist_ok=True)
    split = {"split": (0.5, 0.2, 0.3), "epochs": 6, "batch": 16, "threads": 1, "quiet": True}
    run = neocog.train(folder / "data", out=folder / "run", model="mlp", hidden=(8,), lr=0.01, **split).folder
    return Path(run), folder / "seen"


@pytest.mark.parametrize("form", ["masks", "boxes"])
def test_a_network_that_goes_by_the_object_looks_at_it(squares: tuple[Path, Path], form: str, tmp_path: Path) -> None:
    run, seen = Path(shutil.copytree(squares[0], tmp_path / "run")), squares[1]
    if form == "boxes":
        seen = with_boxes(seen, tmp_path / "boxes")
    neocog.stress(run, ["shortcuts"], objects=seen, minutes=60, quiet=True)
    with (run / "stress" / "saliency_objects.csv").open(newline="") as file:
        rows = {row["map"]: row for row in csv.DictReader(file)}
    assert float(rows["area"]["inside"]) == pytest.approx(48 / SIDE**2) and int(rows["area"]["n"]) >= 20
    assert float(rows["saliency"]["low"]) > 48 / SIDE**2
    found = {each.what: each for each in outcomes(Run(run))["shortcuts"].verdicts}["Focus on the object"]
    assert found.grade == "passed" and "the object, which covers 18.8" in found.sentence
    assert "lies on the object" in (run / "report.html").read_text()


def with_boxes(seen: Path, at: Path) -> Path:
    """The same images with a file of labelme's beside each."""
    shutil.copytree(seen / "images", at)
    for path in at.glob("*.png"):
        shape = {
            "label": "square",
            "points": [[1, 4], [6, 11]],
            "shape_type": "rectangle",
            "group_id": None,
            "flags": {},
        }
        content = {"version": "5.0.1", "flags": {}, "shapes": [shape], "imagePath": path.name, "imageData": None}
        path.with_suffix(".json").write_text(json.dumps({**content, "imageHeight": SIDE, "imageWidth": SIDE}))
    return at


def test_what_has_no_objects_or_none_of_the_images_is_refused_before_anything_is_computed(
    squares: tuple[Path, Path], tmp_path: Path, pictures: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = squares
    monkeypatch.delattr(part, "run")  # what computes
    with pytest.raises(UserError, match="says of no pixel whether it is of an object"):
        neocog.stress(run, ["shortcuts"], objects=pictures(tmp_path / "plain"), quiet=True)
    for kind in ("images", "masks"):
        (tmp_path / "others" / kind).mkdir(parents=True)
        for number in range(4):
            shutil.copy(seen / kind / f"{number:03}.png", tmp_path / "others" / kind / f"other{number}.png")
    with pytest.raises(UserError, match="has none of the run's images"):
        neocog.stress(run, ["shortcuts"], objects=tmp_path / "others", quiet=True)
    with pytest.raises(UserError, match="--objects has no effect on labels"):
        neocog.stress(run, ["labels"], objects=seen, quiet=True)
