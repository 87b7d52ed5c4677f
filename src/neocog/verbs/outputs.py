"""Where verbs write: nothing that is there already is touched, and what is not whole does not stand under its name."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neocog.atomic import LONGEST_NAME, temporary_of
from neocog.errors import UserError, printable

FIX = "give another --out"


def insist_on_new(out: str | Path | None, fix: str = FIX) -> None:
    """Raise UserError where something is at ``out``, or nothing can be: asked before the work, not after it."""
    if out is None:
        return
    out = Path(out)
    try:
        if os.path.lexists(out):
            raise UserError(f"{printable(str(out))} exists already", fix=fix)
        if len(os.fsencode(out.name)) > LONGEST_NAME:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        above = next(folder for folder in out.absolute().parents if os.path.lexists(folder))
        if not above.is_dir():
            raise OSError(errno.ENOTDIR, f"{printable(str(above))} is no folder")
        if not os.access(above, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UserError(f"cannot make the folder or file: {error.strerror}", printable(str(out)), fix) from None


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A hidden folder beside ``out`` that takes its name once all is well; otherwise, Ctrl-C included, it is removed.

    What a kill left of it is removed by the next one that writes ``out``. Raises UserError where another process writes it.
    """
    insist_on_new(out)
    hidden = temporary_of(out)
    try:
        hidden.mkdir(parents=True, exist_ok=True)
        handle = os.open(hidden, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"cannot make the folder: {error.strerror}", printable(str(out)), FIX) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("another process is writing there", printable(str(out)), FIX) from None
        try:
            for left in hidden.iterdir():
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            yield hidden
            hidden.rename(out)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
    finally:
        os.close(handle)
