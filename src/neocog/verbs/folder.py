"""A run's folder as a whole: whether it is free, taken, at work, or complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from neocog.atomic import UNFINISHED
from neocog.config import Config
from neocog.data.readers.named import NAMES
from neocog.engine import lock
from neocog.engine.ranks import Ranks
from neocog.errors import UserError, printable, raise_all
from neocog.run import Run

OWN = re.compile(
    r"[a-z]+\.(json|toml|csv|npz|safetensors|html|png)|checkpoints|step-.*|baseline|extractor|curve-\d+|trial-[12]-(head|all)|fold-\d+|epochs"
)


def unused(out: Path, whole: Path | None = None) -> None:
    """Raise UserError where something is at ``out`` already, which says who is at work there. ``whole``: the run of which
    ``out`` is a fold. What a kill left before the run had begun does not count.
    """
    try:
        taken = out.exists() and (not out.is_dir() or any(not left_behind(path) for path in out.iterdir()))
    except OSError as error:
        raise UserError(f"{error.strerror}", str(out), "give another --out") from None
    if not taken:
        return
    if who := lock.holder(out):
        raise UserError(f"{who} is working in this run folder", str(out), "wait until it ends, or give another --out")
    if whole is not None and (who := lock.holder(whole)):
        fix = "if it trains all folds, leave this one to it; or stop it, and add --go-on"
        raise UserError(f"{out} exists already, and {who} is working on its folds", str(whole), fix)
    raise UserError(f"{out} exists already", fix="give another --out, `neocog resume` it, or add --go-on")


def outside(out: Path, data: str) -> None:
    """Raise UserError for a run inside the folder of its data: it would be read as more of them."""
    source = Path(data)
    if data not in NAMES and source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise UserError("the run would be inside the folder of its data", str(out), "give an --out elsewhere")


def is_temporary(path: Path) -> bool:
    """Whether a kill left this file of ``write_atomically``'s; before there was UNFINISHED: ``.NAME.8 letters``."""
    ours = re.fullmatch(
        rf"\..+{UNFINISHED}|\.[a-z.-]+\.(json|toml|csv|npz|safetensors|html)\.[a-z0-9_]{{8}}", path.name
    )
    return ours is not None and path.is_file() and not path.is_symlink()


def _links(run: Run) -> Iterator[UserError]:
    """What of a run is a link: training writes and deletes there, and no link is followed for that."""
    for path in (*run.folder.iterdir(), *(run.checkpoints.iterdir() if run.checkpoints.is_dir() else ())):
        if path.is_symlink() and OWN.fullmatch(path.name):
            what = "a link, which training would follow to write and to delete"
            yield UserError(what, printable(str(path)), "put what it leads to in its place")


def left_behind(path: Path) -> bool:
    return path.name == lock.NAME or is_temporary(path)


def new_folder(config: Config) -> Path:
    """Make the folder of a run that was given none: runs/TASK/DATA-MODEL, numbered. One that is there stays as it is."""
    stem = Path(config.data.data).name.split(".")[0].strip("<>") or "data"
    base = Path("runs") / config.data.task / f"{stem}-{Path(config.model.model).name.replace(':', '-')}"
    out, number = base, 2
    while not make(out, exist_ok=False):
        out, number = base.with_name(f"{base.name}-{number}"), number + 1
    return out


def make(folder: Path, exist_ok: bool = True) -> bool:
    """Make a run folder; False where it is there already and may not be. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if folder.is_dir():
            return False
        raise UserError("a file is in the way of the run folder", str(folder), "give another --out") from None
    except OSError as error:
        raise UserError(f"cannot make the run folder: {error.strerror}", str(folder), "give another --out") from None
    return True


def begun(run: Run) -> bool:
    """Whether there is a run in the folder that can go on."""
    return run.plan.is_file() or run.config.is_file()


def is_complete(run: Run) -> bool:
    """Whether nothing is left to do: the report is the last file that a run writes."""
    return run.result.is_file() and run.report.is_file()


def complete_for_all(run: Run, ranks: Ranks) -> bool:
    """``is_complete`` as the process that writes sees it, the same on every rank."""
    return ranks.broadcast_text("complete" if ranks.is_writer and is_complete(run) else "") == "complete"


def _clear(run: Run) -> None:
    """Remove what a kill has left. Only for the holder of the run's lock."""
    raise_all(_links(run))
    for path in run.folder.iterdir():
        if is_temporary(path):
            path.unlink(missing_ok=True)


@contextmanager
def held(run: Run, ranks: Ranks, patience: float = 0.0) -> Iterator[None]:
    """The run folder's lock, held by the process that writes it, which clears what a kill has left.

    A folder in which nothing had begun when the block failed is removed. ``patience``: seconds to wait for the lock.
    """
    try:
        with ExitStack() as stack:
            with ranks.all_or_none():
                if ranks.is_writer:
                    make(run.folder)
                    stack.enter_context(lock.lock(run.folder, patience))
                    _clear(run)
            try:
                yield
            finally:
                if ranks.is_writer and not begun(run):
                    (run.folder / lock.NAME).unlink(missing_ok=True)
    finally:
        if ranks.is_writer and not begun(run):
            with suppress(OSError):
                run.folder.rmdir()  # unless it holds something of others
