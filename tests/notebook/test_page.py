"""docs/python.md, on results: its snippets run as they stand there, and give the shapes that they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_the_snippets_on_results_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = PAGE.read_text(encoding="utf-8").split("\n## Results\n")[1].split("\n## ")[0]
    blocks, names = re.findall(r"```python\n(.*?)```", section, re.S), dict[str, object]()
    for block in blocks:
        exec(block, names)
    shapes = re.findall(r"^(run\.\S+)\.shape +# (\([\d, ]+\))", section, re.M)
    assert len(shapes) == 2 and len(blocks) == 4
    for call, shape in shapes:
        assert str(eval(f"{call}.shape", names)) == shape
