"""Which network learns classes of images where none is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neocog
from neocog.config import Config, from_file
from neocog.data.dataset import ArrayImages, Dataset
from neocog.tasks import task_named
from neocog.tasks.classification import default


def of(side: int = 20, channels: int = 3, dtype: str = "uint8", count: int = 40) -> Dataset:
    names = [f"image-{i}" for i in range(count)]
    images = ArrayImages(np.zeros((count, side, side, channels), dtype), names)
    return Dataset("test", None, names, np.arange(count) % 2, ("dark", "light"), images)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "MANY", 40)  # as if these were many


@pytest.mark.parametrize(
    ("dataset", "edits", "model"),
    [
        (of(), {}, "airbench"),
        (of(17), {}, "airbench"),
        (of(64), {}, "airbench"),
        (of(16), {}, "cnn"),
        (of(65), {}, "cnn"),
        (of(65), {"size": (32,)}, "airbench"),
        (of(count=39), {}, "cnn"),
        (of(channels=1), {}, "cnn"),
        (of(), {"channels": 1}, "cnn"),
        (of(dtype="float32"), {}, "cnn"),
        (of(), {"engine": "numpy"}, "cnn"),
        (of(), {"options": {"hidden": 64}}, "cnn"),
        (of(), {"model": "resnet"}, "resnet"),
    ],
)
def test_many_small_pictures_in_colour_have_a_deeper_network(dataset: Dataset, edits: Any, model: str) -> None:
    config = Config()
    for name, value in edits.items():
        section = next(each for each in ("data", "model", "training") if hasattr(getattr(config, each), name))
        config = replace(config, **{section: replace(getattr(config, section), **{name: value})})
    found = task_named("classification").resolved(config, dataset).model
    assert found.model == model
    assert (found.options == {"widths": (32, 128, 128)}) == (model == "airbench")


def test_a_run_without_a_named_network_learns_records_and_predicts_with_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    levels = np.repeat([60, 190], 20)
    pixels = (levels[:, None, None, None] + rng.integers(-60, 61, (40, 20, 20, 3))).clip(0, 255).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=pixels, y=levels)
    run = neocog.train(tmp_path / "pictures.npz", tmp_path / "run", epochs=2, threads=1, quiet=True)
    recorded = from_file(run.folder / "config.toml").model
    assert recorded.model == "airbench" and list(recorded.options["widths"]) == [32, 128, 128]
    assert len(run.predict(pixels[:3])) == 3
