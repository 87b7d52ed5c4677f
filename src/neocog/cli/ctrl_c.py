"""Ctrl-C where no run is at work: one line and exit code 130, from the first import on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

IMPORTING = "<frozen importlib._bootstrap>"
LEFT = {"train": "; nothing was written", "stress": "; what was finished is kept, and the same command goes on"}


def listen() -> None:
    """From now on Ctrl-C leaves at once while a module is being imported; elsewhere it is KeyboardInterrupt, as ever.

    torch looks names up in itself while it is loaded, and makes hundreds of lines of an exception that comes just then.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # what was ignored stays so
        signal.signal(signal.SIGINT, _receive)


def _receive(number: int, frame: FrameType | None) -> NoReturn:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            leave(sys.argv[1:])
        frame = frame.f_back
    raise KeyboardInterrupt


def leave(words: Sequence[str]) -> NoReturn:
    """Say that Ctrl-C ended the command of these ``words``, on standard output too where --json asks for it, and end the process.

    Threads that still decode images would hold it otherwise.
    """
    what = "stopped by Ctrl-C" + LEFT.get("".join(words[:1]), "")
    sys.stderr.write(f"\n{what}\n")
    if "--json" in words and os.environ.get("RANK", "0") == "0":
        sys.stdout.write(f'{{"error": {{"what": "{what}", "where": "", "fix": "", "kind": "interrupted"}}}}\n')
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(130)
