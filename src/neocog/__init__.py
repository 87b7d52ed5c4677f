"""neocog: from labelled images to a network whose numbers you can trust.

The verbs of the command line, as functions:

>>> import neocog
>>> run = neocog.train("digits", model="lenet5", epochs=10)        # doctest: +SKIP
>>> neocog.predict(run, ["photos/"])                               # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

VERBS = {
    "audit": "neocog.verbs.audit",
    "preview": "neocog.verbs.preview",
    "train": "neocog.verbs.train",
    "resume": "neocog.verbs.train",
    "evaluate": "neocog.verbs.evaluate",
    "predict": "neocog.verbs.predict",
    "explain": "neocog.verbs.explain",
    "report": "neocog.verbs.report",
    "models": "neocog.verbs.models",
    "device": "neocog.verbs.device",
    "filters": "neocog.verbs.filters",
    "export": "neocog.verbs.export",
    "kmeans": "neocog.verbs.kmeans",
    "sample": "neocog.verbs.sample",
}
__all__ = ["__version__", *VERBS]


def __getattr__(name: str) -> Any:
    """The verbs load when they are first used: ``import neocog`` takes no torch."""
    if name in VERBS:
        return getattr(importlib.import_module(VERBS[name]), name)
    raise AttributeError(f"module 'neocog' has no attribute '{name}'")
