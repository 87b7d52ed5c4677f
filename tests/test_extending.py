"""docs/extending.md: what is cited stands in the example, and what is shown runs."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import neocog
from neocog import checks
from neocog.augment import Augmentation, apply, draw
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers import detect
from neocog.data.readers.detect import open_dataset
from neocog.data.readers.reading import Reading
from neocog.errors import UserError
from neocog.plugins import Registry

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def snippet(name: str) -> Any:
    """A function that a block of the page defines."""
    (block,) = (block for block in BLOCKS if f"def {name}(" in block)
    scope: dict[str, Any] = {}
    exec(block, scope)
    return scope[name]


def test_what_is_cited_stands_in_the_example() -> None:
    cited = re.findall(r"^```\w+ (examples/\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(cited) == 4
    for file, text in cited:
        assert text in (ROOT / file).read_text(encoding="utf-8"), file


READER = next(block for block in BLOCKS if "def opened(" in block)


def test_a_reader_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    wells, others = tmp_path / "wells", tmp_path / "others"
    for folder, names in ((wells, ("A01", "A02", "B01", "B02")), (others, ("1", "2"))):
        folder.mkdir()
        for name in names:
            Image.new("L", (4, 4)).save(folder / f"{name}.png")
    with pytest.raises(UserError, match="no known layout"):
        open_dataset(wells)
    (tmp_path / "wells_reader.py").write_text(READER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(detect.READERS, "wells", "wells_reader:opened")
    found = open_dataset(wells)
    assert found.kind == "wells" and found.labels.tolist() == [0, 0, 1, 1]
    with pytest.raises(UserError, match=r"neocog reads wells of a plate \(A01.png\); class folders"):
        open_dataset(others)
    with pytest.raises(UserError, match="no masks found"):
        open_dataset(wells, reading=Reading(task="segmentation"))


def test_the_table_is_all_that_knows_the_readers() -> None:
    """``detect`` imports none of those that it asks, so that no order of questions can hide in it."""
    asked = {where.partition(":")[0] for where in detect.READERS.values()}
    source = Path(detect.__file__).read_text(encoding="utf-8")
    assert not [module for module in asked if f"from {module} import" in source]
    for module in asked:
        named = importlib.import_module(module)
        assert getattr(named, "LAYOUT", "") or named.__name__.endswith("unlabelled"), module


def test_a_reader_may_say_why_a_path_is_not_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((4, 5, 6), np.uint8), y=np.arange(4))
    (tmp_path / "odd_reader.py").write_text(
        "from neocog.data.dataset import Taken\nopened = lambda *_: Taken('the name', 'not used', 'it only looks so')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    readers = {"odd": "odd_reader:opened", **detect.READERS}
    monkeypatch.setattr(detect, "READERS", Registry("neocog.readers", "reader", readers))
    assert [taken.evidence for taken in open_dataset(tmp_path).taken][-1] == "it only looks so"


def test_an_augmentation_of_all_tasks_is_one_function_and_one_line(tmp_path: Path) -> None:
    """In a copy of the source, so that nothing but the function and the line can be what adds it."""
    shutil.copytree(Path(neocog.__file__).parent, tmp_path / "neocog", ignore=shutil.ignore_patterns("__pycache__"))
    pixel, policy = (tmp_path / "neocog" / "augment" / f"{name}.py" for name in ("pixel", "policy"))
    function = next(block for block in BLOCKS if "def faded(" in block)
    pixel.write_text(pixel.read_text() + function[function.index("def faded") :])
    (line,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    before = "    erase: float ="
    assert policy.read_text().count(before) == 1 and line.count("\n") == 1
    policy.write_text(policy.read_text().replace(before, line + before))
    for name in ("blur", "tint", "fill"):
        assert f"    {name}: " in policy.read_text()
    code = """
import sys, torch
from neocog.augment import Augmentation, ImageChanges, MaskChanges, apply, draw
from neocog.augment.boxes import BoxChanges
from neocog.augment.values import ValueChanges
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.verbs.preview import augmentation

plan, samples = Preprocessing(1, (8, 8), "float32", (0.0,), (1.0,), high=16.0), torch.arange(6)
pixels = torch.rand(6, 1, 8, 8) * 16
own = Augmentation().changed(["fade"])
whole = apply(draw(own, 0, 1, samples, plan), pixels)
assert own.fade == 0.3 and not torch.equal(whole, pixels)
assert torch.equal(whole[4:], apply(draw(own, 0, 1, samples[4:], plan), pixels[4:]))
assert torch.allclose(whole.mean((1, 2, 3)), pixels.mean((1, 2, 3)), atol=1e-4)
assert not torch.equal(whole, apply(draw(own, 0, 2, samples, plan), pixels))
try:
    own.changed(["fade=2"])
except UserError as error:
    assert "fade=2 is outside 0 … 1" in str(error)
noise = Augmentation(noise=0.1)  # drawn as if nothing had been added
torch.save(apply(draw(noise, 3, 1, samples, plan), torch.full((6, 1, 8, 8), 8.0)), sys.argv[1])
targets = torch.arange(6.0)
boxes, values = torch.tensor([[[0, 1.0, 1.0, 5.0, 5.0, 0]]]).expand(6, 1, 6), torch.rand(6, 2) * 90
for changes, given in (
    (ImageChanges(own), targets), (MaskChanges(own), torch.arange(64).view(1, 8, 8).expand(6, 8, 8)),
    (BoxChanges(own), boxes), (ValueChanges(own, (360.0, 0.0)), values),
):
    changed, moved = changes(pixels, given, samples, 0, 1, plan)
    assert torch.equal(changed, whole) and torch.equal(moved, given), changes
assert "fade 0.3" in augmentation(ImageChanges(own))
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    arguments = [sys.executable, "-c", code, str(tmp_path / "noise.pt")]
    done = subprocess.run(arguments, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan = Preprocessing(1, (8, 8), "float32", (0.0,), (1.0,), high=16.0)
    ours = apply(draw(Augmentation(noise=0.1), 3, 1, torch.arange(6), plan), torch.full((6, 1, 8, 8), 8.0))
    assert torch.equal(torch.load(tmp_path / "noise.pt", weights_only=True), ours)


def test_the_augmentation_of_one_task_is_a_function_of_the_sample_alone() -> None:
    shifted = snippet("shifted")
    pixels = torch.from_numpy(load_digits().images[:6]).float()[:, None]
    recipe = Preprocessing(1, (8, 8), "float32", (0.0,), (1.0,), high=16.0)
    samples, targets = torch.arange(6), torch.zeros(6)
    whole, moved = shifted(pixels, targets, samples, 0, 1, recipe)
    part, _ = shifted(pixels[4:], targets[4:], samples[4:], 0, 1, recipe)
    assert torch.equal(whole[4:], part) and not torch.equal(whole, pixels)
    assert torch.allclose((whole - pixels).mean((1, 2, 3)), moved, atol=1e-4) and len(set(moved.tolist())) == 6


def test_the_metric_has_an_interval() -> None:
    measure = snippet("within_one")(np.array([1.2, 3.0, 5.0, 2.0]), np.array([1.0, 3.5, 9.0, 2.0]))
    assert measure.value == 0.75 and measure.low < 0.75 < measure.high and measure.n == 4


def test_the_check_is_one_line_of_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from PIL import Image

    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for index in range(4):
            pixels = np.random.default_rng(index + 10 * (label == "b")).integers(0, 255, (9, 9), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{index}.png")
    silent = [finding.what for finding in neocog.audit(tmp_path, quiet=True).findings]
    monkeypatch.setattr(checks, "CHECKS", (*checks.CHECKS, snippet("numbered")))
    found = [finding.what for finding in neocog.audit(tmp_path, quiet=True).findings]
    assert found.count("all names are numbers") == 1 and "all names are numbers" not in silent
