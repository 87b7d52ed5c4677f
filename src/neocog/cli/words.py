"""The words of a command line before anything is parsed, and the pages of help that need no parser.

These pages are the same on every machine, so bench/generated.py stores them: the parser and all settings take ten times
as long to import as Python takes to start.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

PAGES = Path(__file__).with_name("help.json")

typed: list[str] = []  # the words of this call, as main got them


def asks_for_help(words: Sequence[str]) -> list[str]:
    """``neocog help train`` is ``neocog train --help``."""
    return [*words[1:], "--help"] if words[:1] == ["help"] else list(words)


def stored_page(words: Sequence[str]) -> str:
    """The stored page that these words ask for; "" where there is none."""
    if words and words[-1] not in ("--help", "-h"):
        return ""
    page: str = json.loads(PAGES.read_text(encoding="utf-8")).get(" ".join(words[:-1]), "")
    return page
