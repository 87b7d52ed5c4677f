"""neocog: from labelled images to a network whose numbers you can trust.

The verbs of the command line, as functions:

>>> import neocog
>>> run = neocog.train("digits", model="mlp", epochs=1, out="digits-run", quiet=True)
>>> found = neocog.evaluate(run, quiet=True)
>>> found["measures"]["test"]["accuracy"]["n"]
180
"""

from __future__ import annotations

import importlib
from typing import Any

from neocog.version import __version__

VERBS = {
    "audit": "neocog.verbs.audit",
    "preview": "neocog.verbs.preview",
    "train": "neocog.verbs.train",
    "resume": "neocog.verbs.resume",
    "evaluate": "neocog.verbs.evaluate",
    "predict": "neocog.verbs.predict",
    "explain": "neocog.verbs.explain",
    "embed": "neocog.verbs.embed",
    "report": "neocog.verbs.report",
    "models": "neocog.verbs.models",
    "device": "neocog.verbs.device",
    "filters": "neocog.verbs.filters",
    "export": "neocog.verbs.export",
    "convert": "neocog.verbs.parts",
    "kmeans": "neocog.verbs.kmeans",
    "sample": "neocog.verbs.sample",
    "style": "neocog.verbs.style",
    "bench": "neocog.verbs.parts",
    "stress": "neocog.verbs.stress",
    "studio": "neocog.server.studio",
    "compete": "neocog.verbs.compete",
}
# What is no verb of the shell: there an option of one (neocog train --find-lr), or of Python alone
OPTIONS = {"find_lr": "neocog.verbs.find_lr", "load": "neocog.results"}
# Sections of the settings that a verb takes as ``**settings``
SETTINGS = {
    "audit": ("ReadConfig",),
    "evaluate": ("ReadConfig",),
    "stress": ("ReadConfig",),
    "preview": ("DataConfig", "ModelConfig", "TransferConfig", "TrainConfig"),
    "train": ("DataConfig", "ModelConfig", "TransferConfig", "TrainConfig"),
    "find_lr": ("DataConfig", "ModelConfig", "TransferConfig", "TrainConfig"),
}
EXCEPTIONS = {"UserError": "neocog.errors", "Stop": "neocog.engine.interrupt", "Interrupted": "neocog.engine.interrupt"}
__all__ = ["__version__", *EXCEPTIONS, *OPTIONS, *VERBS]


def __getattr__(name: str) -> Any:
    """The verbs load when they are first used: ``import neocog`` takes no torch."""
    if name in EXCEPTIONS:
        return getattr(importlib.import_module(EXCEPTIONS[name]), name)
    places = {**VERBS, **OPTIONS}
    if name not in places:
        raise AttributeError(f"module 'neocog' has no attribute '{name}'")
    import inspect

    from neocog import config
    from neocog.checked import checked

    every = (p for section in SETTINGS.get(name, ()) for p in config.parameters(getattr(config, section)))
    offered = [p for p in every if p.name != "data"]
    verb = getattr(importlib.import_module(places[name]), name)
    globals()[name] = call = checked(verb, config.HINTS, offered)
    if offered:
        call.__doc__ = f"{inspect.getdoc(verb)}\n\n{config.described(offered)}"
    return call


def __dir__() -> list[str]:
    return sorted({*globals(), *EXCEPTIONS, *OPTIONS, *VERBS})
