"""docs/extending.md: what is cited stands in the example, and what is shown runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import neocog
from neocog import checks
from neocog.data.preprocessing import Preprocessing

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def snippet(name: str) -> Any:
    """A function that a block of the page defines."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (block,) = (block for block in blocks if f"def {name}(" in block)
    scope: dict[str, Any] = {}
    exec(block, scope)
    return scope[name]


def test_what_is_cited_stands_in_the_example() -> None:
    cited = re.findall(r"^```\w+ (examples/\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(cited) == 4
    for file, text in cited:
        assert text in (ROOT / file).read_text(encoding="utf-8"), file


def test_the_augmentation_is_a_function_of_the_sample_alone() -> None:
    faded = snippet("faded")
    pixels = torch.from_numpy(load_digits().images[:6]).float()[:, None]
    recipe = Preprocessing(1, (8, 8), "float32", (0.0,), (1.0,), high=16.0)
    samples, targets = torch.arange(6), torch.zeros(6)
    whole, _ = faded(pixels, targets, samples, 0, 1, recipe)
    part, _ = faded(pixels[4:], targets[4:], samples[4:], 0, 1, recipe)
    assert torch.equal(whole[4:], part) and not torch.equal(whole, pixels)
    assert torch.allclose(whole.mean((1, 2, 3)), pixels.mean((1, 2, 3)), atol=1e-4)


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
