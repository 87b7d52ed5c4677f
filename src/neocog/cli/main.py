"""The command line's entry: runs one command and leaves with its exit code. torch is imported only by verbs that need it.

Progress goes to stderr; with --json standard output is exactly one JSON object, of an error as of a result. Exit codes: 0 done,
2 the user's mistake, 3 a loss that is not finite, 4 stopped by its caller, 130/143/129/138 interrupted with the run saved (by
SIGINT, SIGTERM, SIGHUP, SIGUSR1), 1 a defect of ours.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from neocog.cli import ctrl_c
from neocog.cli.words import asks_for_help, stored_page, typed
from neocog.engine.interrupt import Abandoned, Interrupted
from neocog.engine.launcher import check_verb
from neocog.errors import UserError, printable
from neocog.limits import spare_addresses
from neocog.out_of_memory import out_of_memory
from neocog.run import to_json

REFUSALS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "write elsewhere with --out",
    errno.EACCES: "correct the permissions, or write elsewhere with --out",
    errno.EPERM: "correct the permissions, or write elsewhere with --out",
    errno.ENAMETOOLONG: "give a shorter path: most systems take 255 bytes a name and 4,096 in all",
    errno.ELOOP: "give a path that is not a loop of links",
    errno.ENOTDIR: "give another path: a file is where a folder should be",
    errno.EISDIR: "give another path: a folder is where a file should be",
    errno.ENOENT: "give a path that exists; was something removed meanwhile?",
    errno.EEXIST: "give another --out",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close other programs: the system has no open files left",
    errno.EIO: "check this disk: it reports errors",
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
        if page := stored_page(typed):
            print(page)
        else:
            _parse(typed)
        sys.stdout.flush()
    except (Interrupted, Abandoned) as stop:
        print(stop, file=sys.stderr, flush=True)
        _print_json(stop.facts)
        os._exit(stop.code)  # all is saved; taking torch's modules apart would last seconds
    except UserError as error:
        _fail(error)
    except (BrokenPipeError, SystemExit) as leaving:  # `neocog … | head`: nobody reads on, of which rich makes an exit
        if not isinstance(leaving, BrokenPipeError) and not isinstance(leaving.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except KeyboardInterrupt:
        ctrl_c.leave(typed)
    except Exception as error:
        if wanting := out_of_memory(error, "".join(typed[:1])):
            _fail(wanting)
        if isinstance(error, OSError) and error.errno in REFUSALS:
            _fail(refused(error))
        what = "; ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
        _print_json(
            [{"what": what, "where": "", "fix": "a defect of neocog: report what stands on stderr", "kind": "defect"}]
        )
        raise


def _parse(words: Sequence[str]) -> None:
    """Run the command that the words name, or print its help."""
    from cyclopts import CycloptsError

    from neocog.cli.commands import app
    from neocog.cli.short_help import short_help
    from neocog.cli.usage import explained

    if page := short_help(words):
        print(page)
        return
    _check_folder()
    spare_addresses()
    check_verb("".join(words[:1]), os.environ)
    try:
        app(["--help" if word == "--help-all" else word for word in words], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise explained(error, words) from None


def _check_folder() -> None:
    """Without a current folder no relative path means anything, and MKL aborts the process when torch is loaded."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UserError("the folder that this shell is in no longer exists", fix="cd to one that does") from None


def refused(error: OSError) -> UserError:
    """What the system did not allow, as a mistake that can be mended."""
    where = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
    fix = ", ".join([REFUSALS[error.errno or 0], *getattr(error, "__notes__", [])])
    return UserError(f"the system refused: {error.strerror}", where, fix)


def _fail(error: UserError) -> None:
    print(f"error: {error}", file=sys.stderr)
    _print_json(error.facts)
    sys.exit(error.code)


def _print_json(facts: Sequence[Mapping[str, str]]) -> None:
    """{"error": …} on standard output where --json asks for it; of several also {"errors": […]}. One process of a run speaks."""
    if "--json" in typed and os.environ.get("RANK", "0") == "0":
        several = {"errors": facts} if len(facts) > 1 else {}
        print(to_json({"error": facts[0], **several}), end="", flush=True)
