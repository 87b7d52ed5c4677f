"""``studio``: serve the page on this machine, until Ctrl-C."""

from __future__ import annotations

import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from neocog.errors import UserError, install, printable
from neocog.progress import Progress
from neocog.run import Run
from neocog.server.guard import LOOPBACK, Guard

MOST_RUNS = 500
GRACE = 1  # seconds that requests have to end after Ctrl-C


def studio(
    source: str | Path | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    export: str | Path | None = None,
    quiet: bool = False,
) -> None:
    """Serve the studio until Ctrl-C: a page on which one looks through every layer of a run's network.

    ``source``: a run, or a folder with runs somewhere below; default: the current folder. ``port`` 0: a free one. Any other
    ``host`` than this machine itself lets others in, who need the token in the printed address. Weights are never written.
    ``export``: a file to write instead, the page of one run with all that it needs, for a browser without any server.
    Raises UserError.
    """
    if export is not None:
        exported(Path(source or "."), Path(export), host != LOOPBACK[0] or port != 0, Progress(quiet))
        return
    try:
        import uvicorn

        from neocog.server.app import Studio
    except ImportError as error:
        if (error.name or "").startswith("neocog"):
            raise
        raise UserError("the studio needs Starlette and uvicorn", fix=install("studio")) from None
    runs = runs_of(Path(source or "."))
    listening = bound(host, port)
    port = listening.getsockname()[1]
    token = "" if host in LOOPBACK else secrets.token_urlsafe(24)
    about = {"source": str(Path(source or ".").resolve().name)}
    guard = Guard(Studio(runs, about).application(), host, port, token)
    address = address_of(host, port, token)
    settings = uvicorn.Config(
        guard,
        log_level="critical",  # what goes wrong within is told by the application itself
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    progress = Progress(quiet)
    progress.say(f"{len(runs):,} run{'s' * (len(runs) != 1)}; Ctrl-C ends the studio")
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    threading.Thread(target=warm, daemon=True).start()
    if browser:
        opened_in_browser(address, progress.say)
    uvicorn.Server(settings).run([listening])


def warm() -> None:
    """Load torch while the browser loads the page: its first look needs it."""
    from neocog.server.app import answers

    answers()


def exported(source: Path, out: Path, serves: bool, progress: Progress) -> None:
    """Write the page of a run as one file. Raises UserError."""
    from neocog.server.alone import write_page
    from neocog.verbs.outputs import insist_on_new

    if serves:
        raise UserError("--export writes a file and serves nothing: --host and --port belong to the studio that does")
    insist_on_new(out, "give another --export")
    runs = runs_of(source)
    if len(runs) > 1:
        raise UserError(f"{len(runs):,} runs, and a page is of one", printable(str(source)), "name the run")
    pictures = write_page(runs[0], out)
    progress.say(f"{out}: {out.stat().st_size / 1e6:.1f} MB, with {pictures:,} pictures of the test part")


def address_of(host: str, port: int, token: str) -> str:
    """What a browser is to open; the token stands behind ``#``, which no browser sends on."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104  asked for with --host
    with suppress(OSError):
        name = socket.gethostbyname(name) if host in ("0.0.0.0", "::") else name  # noqa: S104
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/" + (f"#token={token}" if token else "")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UserError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # so that whoever opens the printed address at once is not refused
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        fix = (
            "another --port, or none: a free one is taken"
            if port
            else "--host 127.0.0.1, or an address of this machine"
        )
        raise UserError(f"the studio cannot listen there: {reason}", f"{host}:{port}", fix) from None
    return listening


def opened_in_browser(address: str, say: Callable[[str], None]) -> None:
    """Open it, where there is a browser."""
    try:
        found = webbrowser.open(address)
    except webbrowser.Error:
        found = False
    if not found:
        say("  no browser was found: open the address above")


def runs_of(source: Path) -> list[Run]:
    """The run itself, or the finished runs below a folder, the newest first. Raises UserError where there is none."""
    if not source.exists():
        raise UserError(
            "no such run or folder", printable(str(source)), "give a folder that `neocog train` made, or one of runs"
        )
    if Run(source).model_json.is_file():
        return [Run(source)]
    if Run(source).plan.is_file():
        raise UserError(
            "this run has no trained network yet", printable(str(source)), f"`neocog resume {source}` ends it"
        )
    found = sorted(below(source), key=lambda run: run.model_json.stat().st_mtime, reverse=True)[:MOST_RUNS]
    if not found:
        what = "there is no trained run below this folder"
        raise UserError(what, printable(str(source)), "`neocog train digits` makes one in half a minute")
    return found


def below(folder: Path, depth: int = 5) -> Iterator[Run]:
    """Runs below a folder, hidden folders and those inside runs left out."""
    with suppress(OSError):
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.is_symlink() or not path.is_dir():
                continue
            if Run(path).model_json.is_file():
                yield Run(path)
            elif depth:
                yield from below(path, depth - 1)
