"""The command line's entry: runs one command and leaves with its exit code. torch is imported only by verbs that need it.

Progress goes to stderr; with --json standard output is exactly one JSON object. Exit codes: 0 done, 2 the user's mistake,
130/143/129/138 interrupted with the run saved, 1 a defect of ours.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from neocog.commands import convert, data, generation, machine, networks, training  # noqa: F401 (each adds its commands)
from neocog.commands.app import app, typed
from neocog.commands.usage import asks_for_help, explained
from neocog.engine.interrupt import Abandoned, Interrupted
from neocog.errors import UserError

REFUSALS = {
    errno.ENOSPC: "free some space; `neocog resume RUN` goes on with a training",
    errno.EDQUOT: "free some of your quota; `neocog resume RUN` goes on with a training",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "write elsewhere with --out",
    errno.EACCES: "mend the permissions, or write elsewhere with --out",
    errno.EIO: "look after this disk: it reports errors",
}


def main(tokens: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    try:
        _run(tokens)
        code: str | int | None = 0
    except SystemExit as leaving:
        code = leaving.code
    if "WORLD_SIZE" in os.environ and not isinstance(code, str):
        # A thread of gloo's that still holds a tensor when the interpreter is taken apart aborts the process
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)
    if code:
        sys.exit(code)


def _run(tokens: Sequence[str] | None) -> None:
    typed[:] = asks_for_help(sys.argv[1:] if tokens is None else tokens)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(typed, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except (Interrupted, Abandoned) as stop:
        print(stop, file=sys.stderr, flush=True)
        os._exit(stop.code)  # all is saved; taking torch's modules apart would last seconds
    except UserError as error:
        _fail(str(error))
    except CycloptsError as error:
        _fail(str(explained(error, typed)))
    except (BrokenPipeError, SystemExit) as leaving:  # `neocog … | head`: nobody reads on, of which rich makes an exit
        if not isinstance(leaving, BrokenPipeError) and not isinstance(leaving.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        where = f"\n  where: {error.filename}" if error.filename else ""
        _fail(f"the system refused: {error.strerror}{where}\n  fix:   {REFUSALS[error.errno]}")
    except KeyboardInterrupt:
        print(f"\nstopped by Ctrl-C{'; nothing was written' * (typed[:1] == ['train'])}", file=sys.stderr, flush=True)
        os._exit(130)  # threads that still decode images would hold the process


def _fail(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)
    sys.exit(2)
