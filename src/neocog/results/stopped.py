"""What a notebook's stop button makes of a training: the run, as it was saved, instead of an error."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from typing import ParamSpec

from neocog.engine.interrupt import Interrupted
from neocog.notebook import in_notebook
from neocog.progress import Progress
from neocog.results.run import Results

P = ParamSpec("P")


def returned(verb: Callable[P, Results]) -> Callable[P, Results]:
    """``verb``, which in a notebook returns the run that Ctrl-C has stopped, if it had begun. Elsewhere Interrupted is raised."""

    @functools.wraps(verb)
    def run(*args: P.args, **settings: P.kwargs) -> Results:
        try:
            return verb(*args, **settings)
        except Interrupted as stop:
            if stop.signal != signal.SIGINT or stop.folder is None or not in_notebook():
                raise
            Progress().say(f"{stop}, or neocog.resume({str(stop.folder)!r})", "yellow")
            return Results(stop.folder)

    return run
