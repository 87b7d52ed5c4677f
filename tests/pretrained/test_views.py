"""Answers over several views: the run says which, every verb gives the same, and what cannot have them refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import neocog
from neocog.errors import UserError
from neocog.predictor import load_predictor
from neocog.run import Run


@pytest.fixture(scope="module")
def viewed(photos: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {"tune": "all", "epochs": 1, "threads": 1, "quiet": True, "augment": ("flip=on",), "views": 4}
    return neocog.train(photos, out=tmp_path_factory.mktemp("viewed") / "run", pretrained=trained, **settings)


def test_a_runs_answers_are_the_mean_over_its_views(viewed: Run) -> None:
    facts = json.loads(viewed.model_json.read_text())
    assert facts["views"] == {"count": 4, "mirror": True}
    predictor = load_predictor(viewed)
    height, width = predictor.preprocessing.size
    pixels = torch.randint(0, 256, (3, predictor.preprocessing.channels, height, width), dtype=torch.uint8)
    single = load_predictor(viewed)
    single.facts.pop("views")  # type: ignore[attr-defined]
    corner = pixels[..., : round(7 / 8 * height), : round(7 / 8 * width)].float()
    corner = torch.nn.functional.interpolate(corner, (height, width), mode="bilinear")
    each = [single.of_pixels(view) for view in (pixels, pixels.flip(-1), corner, corner.flip(-1))]
    np.testing.assert_allclose(predictor.of_pixels(pixels), np.mean(each, 0), atol=1e-5)
    assert not np.allclose(predictor.of_pixels(pixels), each[0], atol=1e-5)


def test_what_is_predicted_later_is_what_the_training_said(viewed: Run, photos: Path) -> None:
    with viewed.predictions_csv.open() as file:
        told = list(csv.DictReader(file))
    again = neocog.evaluate(viewed.folder, quiet=True)
    recorded = json.loads(viewed.result.read_text())["measures"]["test"]
    assert told and again["measures"]["test"]["accuracy"]["value"] == recorded["accuracy"]["value"]


def test_no_export_claims_to_answer_so(viewed: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mean over 4 views"):
        neocog.export(viewed.folder, "numpy", tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_views_of_other_tasks_are_refused(photos: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--views"):
        neocog.train(photos, out=tmp_path / "run", pretrained=trained, views=2, task="orientation", quiet=True)
    assert not (tmp_path / "run").exists()
