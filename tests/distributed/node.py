"""One "node": runs the commands of its list one after the other, each as a rank of its own rendezvous; writes what came of each.

    python node.py CASES OUTCOMES (files of JSON)

One process for many commands, as starting torch takes longer than they do.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from neocog.cli.main import main


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """The exit code of ``case["command"]`` in ``case["folder"]``, and what it said. ``case["patch"]``: what is other here."""
    os.chdir(case["folder"])
    time.sleep(case.get("late", 0))
    said = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, case["variables"]))
        stack.enter_context(contextlib.redirect_stderr(said))
        stack.enter_context(contextlib.redirect_stdout(said))
        stack.enter_context(patch("os._exit", sys.exit))
        for name, value in case["patch"].items():
            stack.enter_context(patch(name, value if isinstance(value, str) else lambda value=value: value))
        code: Any = 0
        try:
            main(case["command"])
        except SystemExit as leaving:
            code = leaving.code
    return {"code": code or 0, "said": said.getvalue()}


if __name__ == "__main__":
    cases, outcomes = map(Path, sys.argv[1:])
    outcomes.write_text(json.dumps([outcome(case) for case in json.loads(cases.read_text())]))
