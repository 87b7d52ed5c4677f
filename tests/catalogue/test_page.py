"""``docs/reliability.md`` names tests and benches that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_what_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:tests|bench)/[a-z_/0-9]+(?:\.py)?)(?:::(test_[a-z_0-9]+))?`", PAGE)
    assert len(named) > 30
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), test
