"""Recipes: settings under a name, which flags overrule, and which any image data can be trained with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import neocog
from neocog.cli.main import main
from neocog.config import RECIPES, Config, TrainConfig, from_file, from_toml
from neocog.errors import UserError


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 × 30 pictures of 20 × 20, bright or dark, whatever mirrors them."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for label, level in (("dark", 60), ("light", 190)):
        (root / label).mkdir()
        for number in range(30):
            pixels = (level + rng.integers(-60, 61, (20, 20, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_on_image_data(name: str, pictures: Path, tmp_path: Path) -> None:
    run = neocog.train(pictures, tmp_path / "run", config=name, quiet=True, epochs=2, batch=16, widths=(8, 8))
    recorded = from_toml((run.folder / "config.toml").read_text(encoding="utf-8"), "config.toml")
    recipe = from_file(name)
    assert recorded.training.lookahead == recipe.training.lookahead == 5
    assert recorded.model.model == recipe.model.model and recorded.training.epochs == 2
    facts = json.loads((run.folder / "model.json").read_text(encoding="utf-8"))
    assert facts["views"] == {"count": 2, "mirror": True}  # as the recipe's [transfer] views


def test_flags_overrule_a_recipe_and_the_shell_has_it_as_python_does(pictures: Path, tmp_path: Path) -> None:
    flags = ["--recipe", "speed", "--epochs", "1", "--batch", "16", "--widths", "4,4", "--quiet"]
    main(["train", str(pictures), "--out", str(tmp_path / "shell"), *flags])
    neocog.train(pictures, tmp_path / "python", quiet=True, config="speed", epochs=1, batch=16, widths=(4, 4))
    shell, python = (from_file(tmp_path / name / "config.toml") for name in ("shell", "python"))
    assert shell.training == python.training and shell.transfer == python.transfer and shell.data == python.data
    assert shell.training.epochs == 1 and shell.training.lr == from_file("speed").training.lr != TrainConfig().lr
    (tmp_path / "copied.toml").write_text(from_file("speed").to_toml(), encoding="utf-8")
    assert from_file(tmp_path / "copied.toml") == from_file("speed") != Config()


def test_a_recipe_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(UserError) as error:
        from_file("sped")
    assert "or a recipe: accuracy, speed" in str(error.value)


def test_a_file_of_a_recipes_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("speed").write_text("[training]\nlr = 0.5\n", encoding="utf-8")
    assert from_file("speed").training.lr == 0.5
