"""The snippets of docs/keras-twin.md run as they stand there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from neocog.data.preprocessing import Preprocessing
from neocog.networks import build
from neocog.predictor import save_predictor
from neocog.run import Run
from neocog.verbs.export import export

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(not all(map(find_spec, ("keras", "onnxruntime"))), reason='pip install "neocog[keras,onnx]"'),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),  # TensorFlow's own
]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "keras-twin.md"


def test_the_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twins, onnx = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    torch.manual_seed(0)
    exec(twins, {})
    preprocessing = Preprocessing(1, (28, 28), "uint8", (33.0,), (78.0,))
    save_predictor(
        Run(tmp_path),
        build("lenet5", 1, (28, 28), 2),
        "lenet5",
        {},
        preprocessing,
        {"task": "classification", "classes": ("cat", "dog")},
    )
    monkeypatch.chdir(export(tmp_path, "onnx", quiet=True))
    found: dict[str, object] = {}
    exec(onnx, found)
    assert found["classes"] == ["cat", "dog"]
