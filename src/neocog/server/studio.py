"""``studio``: serve the page on this machine, until Ctrl-C."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from html import escape
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from neocog.errors import UserError, count, install, printable
from neocog.notebook import in_notebook
from neocog.progress import Progress
from neocog.run import Run
from neocog.server.found import found, runs_of
from neocog.server.guard import LOOPBACK, Guard
from neocog.server.trainings import PATIENCE, Trainings

if TYPE_CHECKING:
    from neocog.server.app import Studio

CELL = 900  # pixels of a notebook that the page takes
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
    """Serve the studio until Ctrl-C: a page on which one looks through every layer of a run's network, and trains others.

    ``source``: a run, a folder with runs somewhere below, or data to train on; default: the current folder. ``port`` 0: a free
    one. Any other ``host`` than this machine itself lets others in, who need the token in the printed address. A run that is
    looked at is never written to; Ctrl-C has trainings that the page began saved, and any other end lets them go on.
    ``export``: a file to write instead, the page of one run with all that it needs, for a browser without any server. In a notebook
    that page is shown in the cell.
    Raises UserError.
    """
    if export is not None:
        exported(Path(source or "."), Path(export), host != LOOPBACK[0] or port != 0, Progress(quiet))
        return
    if in_notebook():
        shown_in_cell(Path(source or "."))
        return
    try:
        import uvicorn

        from neocog.server.app import Studio
    except ImportError as error:
        if (error.name or "").startswith("neocog"):
            raise
        raise UserError("the studio needs Starlette and uvicorn", fix=install("studio")) from None
    there = found(None if source is None else Path(source))
    listening = bound(host, port)
    port = listening.getsockname()[1]
    token = "" if host in LOOPBACK else secrets.token_urlsafe(24)
    about = {"source": str(Path(source or ".").resolve().name)}
    trainings = Trainings(there.folder, there.data)
    trainings.find(there.unfinished)
    page = Studio(there.runs, about, trainings)
    guard = Guard(page.application(), host, port, token)
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
    progress.say(f"{len(there.runs):,} run{'s' * (len(there.runs) != 1)}; Ctrl-C ends the studio")
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    threading.Thread(target=warm, args=[page], daemon=True).start()
    if browser:
        opened_in_browser(address, progress.say)
    serve(uvicorn.Server(settings), listening, trainings, progress.say)


def serve(server: Any, listening: socket.socket, trainings: Trainings, say: Callable[[str], None]) -> None:
    """Until a signal ends it. At Ctrl-C the trainings are told at once, and saved while the server closes."""
    closes, since = server.handle_exit, time.monotonic()

    def handle_exit(number: int, frame: FrameType | None) -> None:
        nonlocal since
        if number == signal.SIGINT:
            since = time.monotonic()
            trainings.stop_all()
        closes(number, frame)

    server.handle_exit = handle_exit
    try:
        server.run([listening])
    except KeyboardInterrupt:
        begun = [each for each in trainings.all if each.process is not None]
        for each in trainings.wait(since + PATIENCE):
            say(f"  still at a step, after which it is saved: {each.run.folder}")
        for each in begun:
            if each.run.plan.is_file() and not each.works and not each.run.report.is_file():
                say(f"  stopped, and saved; go on with: neocog resume {each.run.folder}")
        raise


def warm(page: Studio) -> None:
    """Load torch, and the run that the page begins with, while the browser starts: its first look needs them."""
    from neocog.server.app import answers

    answers()
    if page.runs:
        page.at(0).prepare()


def shown_in_cell(source: Path) -> None:
    """The page of a run in a notebook's cell, whole: it asks no server, and works wherever the kernel runs. Raises UserError."""
    from IPython.display import HTML, display

    from neocog.server.alone import page_of

    html, _ = page_of(one_of(source))
    style = f"inline-size: 100%; block-size: {CELL}px; border: 0"
    frame = f'<iframe title="neocog studio" style="{style}" srcdoc="{escape(html, quote=True)}"></iframe>'
    display(HTML(f"<div>{frame}</div>"))  # IPython warns of a frame alone, whose page it takes to be elsewhere


def one_of(source: Path) -> Run:
    """The run that is there. Raises UserError where there are others too."""
    runs = runs_of(source)
    if len(runs) > 1:
        raise UserError(f"{len(runs):,} runs, and a page is of one", printable(str(source)), "name the run")
    return runs[0]


def exported(source: Path, out: Path, serves: bool, progress: Progress) -> None:
    """Write the page of a run as one file. Raises UserError."""
    from neocog.server.alone import write_page
    from neocog.verbs.outputs import insist_on_new

    if serves:
        raise UserError("--export writes a file and serves nothing: --host and --port belong to the studio that does")
    insist_on_new(out, "give another --export")
    pictures = write_page(one_of(source), out)
    progress.say(f"{out}: {out.stat().st_size / 1e6:.1f} MB, with {count(pictures, 'picture')} of the test part")


def address_of(host: str, port: int, token: str) -> str:
    """What a browser is to open; the token stands behind ``#``, which no browser sends on."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104  asked for with --host
    with suppress(OSError):
        name = socket.gethostbyname(name) if host in ("0.0.0.0", "::") else name  # noqa: S104
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/" + (f"#token={token}" if token else "")


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UserError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, since asyncio sends at once only over what says that it is TCP: else an answer waits 40 ms for an acknowledgement
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
