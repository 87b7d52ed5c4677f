"""``--conditional``: what is drawn is of the class that was asked for, in the shares of the data, and wrong wishes are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neocog.errors import UserError
from neocog.run import Run
from neocog.verbs.evaluate import evaluate
from neocog.verbs.sample import sample
from neocog.verbs.train import train

SMALL: dict[str, Any] = {
    "task": "gan",
    "width": 4,
    "latent": 4,
    "threads": 1,
    "batch": 16,
    "loss": "hinge",
    "lr": 0.002,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 dark and 50 bright images, noisy."""
    root, rng = tmp_path_factory.mktemp("light"), np.random.default_rng(0)
    for number in range(200):
        name, grey = ("bright", 200) if number % 4 == 0 else ("dark", 50)
        pixels = np.clip(grey + rng.normal(0, 20, (12, 12)), 0, 255).astype(np.uint8)
        (root / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("run") / "run"
    return train(folder, out, quiet=True, conditional=True, epochs=80, **SMALL)


def test_images_are_of_the_class_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    light = {}
    for name in ("dark", "bright"):
        light[name] = sample(run, 64, tmp_path / f"{name}.png", of=(name,), quiet=True).images.mean((1, 2, 3))
    assert light["dark"].max() < 125 < light["bright"].min()
    turns = sample(run, 6, tmp_path / "turns.png", of=("bright", "dark"), quiet=True).images.mean((1, 2, 3))
    assert (turns > 125).tolist() == [True, False] * 3
    mixed = sample(run, 200, tmp_path / "mixed.png", quiet=True).images.mean((1, 2, 3))
    assert 0.35 < (mixed > 125).mean() < 0.65, "numbers that nobody chose ask for every class as often"


def test_what_is_judged_is_drawn_in_the_shares_of_the_data(run: Run) -> None:
    test = json.loads(run.result.read_text())["measures"]["test"]
    assert test["as_asked"]["value"] > 0.95 and test["as_asked"]["n"] == 10_000
    section = next(s for s in json.loads(run.sections.read_text()) if s["name"] == "classes-drawn")
    bars = next(item for item in section["items"] if item["kind"] == "bars")
    shares = dict(zip(bars["labels"], bars["values"], strict=True))
    assert 20 < shares["bright"] < 30 and 70 < shares["dark"] < 80
    again = evaluate(run, quiet=True)["measures"]["test"]
    assert again["as_asked"]["value"] > 0.95 and again["recognised"]["value"] > 0.9


def test_wrong_wishes_are_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no class 'brihgt'") as refusal:
        sample(run, 4, tmp_path / "a.png", of=("brihgt",), quiet=True)
    assert "bright" in refusal.value.fix
    with pytest.raises(UserError, match="more than one of"):
        sample(run, 4, tmp_path / "a.png", of=("dark",), traverse=True, quiet=True)
    with pytest.raises(UserError, match="--classes is not a setting of its own"):
        train(folder, tmp_path / "run", quiet=True, classes="2", **SMALL)
    with pytest.raises(UserError, match="--conditional needs images of at least two classes"):
        train(folder / "dark", tmp_path / "run", quiet=True, conditional=True, **SMALL)
    with pytest.raises(UserError, match="--conditional belongs to --task gan"):
        train(folder, tmp_path / "run", quiet=True, conditional=True)
    assert not (tmp_path / "a.png").exists() and not (tmp_path / "run").exists()
    plain = train(folder, tmp_path / "plain", quiet=True, epochs=1, extractor=str(run.folder / "extractor"), **SMALL)
    assert "as_asked" not in json.loads(plain.result.read_text())["measures"]["test"]
    with pytest.raises(UserError, match="did not learn what images of each class look like"):
        sample(plain, 4, tmp_path / "a.png", of=("dark",), quiet=True)


def test_the_command_line_draws_a_class(run: Run, tmp_path: Path) -> None:
    words = ["sample", str(run.folder), "--of", "bright", "-n", "4", "--out", str(tmp_path / "a.png")]
    done = subprocess.run([sys.executable, "-m", "neocog", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert np.asarray(Image.open(tmp_path / "a.png").convert("L")).mean() > 125
