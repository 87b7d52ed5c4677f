"""One of two processes that read data sets together; writes what each reading came to.

python reads.py CASES OUTCOMES (files of JSON)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from neocog.config import Config, configured
from neocog.data import masks, scan
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.verbs import prepare
from neocog.verbs.nodes import together

COUNTED = {
    "images": (scan, "decode_picture"),
    "masks": (masks, "mask_digest"),
    "copies": (prepare, "near_copies"),
}
NOTED = {"memory": (prepare, "memory_limits"), "cores": (prepare, "cores")}


def counting(name: str, work: Callable[..., Any], counts: Counter[str]) -> Callable[..., Any]:
    def counted(*arguments: Any) -> Any:
        counts[name] += 1
        return work(*arguments)

    return counted


def noting(name: str, work: Callable[..., Any], noted: dict[str, Any]) -> Callable[..., Any]:
    def target_texts(together: int = 1) -> Any:
        noted[name] = together
        return work(together)

    return target_texts


def broken(*_: Any) -> Any:
    raise UserError("the disk is broken", "a test", "another disk")


def outcome(case: dict[str, Any], ranks: Ranks) -> dict[str, Any]:
    """How often what was decoded, the error, and the pixels, of reading ``case["data"]``."""
    counts, noted = Counter[str](), dict[str, Any]()
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, case["variables"][ranks.rank]))
        for name, (module, function) in COUNTED.items():
            counted = counting(name, getattr(module, function), counts)
            stack.enter_context(patch.object(module, function, counted))
        for name, (module, function) in NOTED.items():
            stack.enter_context(patch.object(module, function, noting(name, getattr(module, function), noted)))
        if case.get("broken") == ranks.rank:
            stack.enter_context(patch.object(prepare, "scan_dataset", broken))
        config = configured(Config(), {"data": case["data"], **case["settings"]})
        try:
            data = prepare.read(config, Progress(quiet=True), ranks)
        except UserError as error:
            return {"counts": dict(counts), "noted": noted, "error": str(error)}
    kept = [data.pixels, data.masks.fitted if data.masks else None]
    arrays = [np.ascontiguousarray(array) for array in kept if array is not None]
    digests = [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]
    digests += [
        hashlib.sha256("".join(each).encode()).hexdigest() for each in (data.digests, data.families, data.target_texts)
    ]
    writeable = [array.flags.writeable for array in kept if array is not None]
    findings = [finding.what for finding in data.findings]
    return {"counts": dict(counts), "noted": noted, "digests": digests, "writeable": writeable, "findings": findings}


if __name__ == "__main__":
    cases, outcomes = map(Path, sys.argv[1:])
    with together() as ranks:
        outcomes.write_text(json.dumps([outcome(case, ranks) for case in json.loads(cases.read_text())]))
