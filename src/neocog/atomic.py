"""Files that are whole or absent, whatever ends the process that writes them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".neocog"  # ends the hidden name of what is not whole yet
LONGEST_NAME = 255  # bytes


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a whole file or nothing: temporary file beside it, fsync, rename. A reader never sees half of it.

    Raises OSError with ``path`` in it where the system refuses: disk full, read-only, no permission.
    """
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content  # names that are no UTF-8
    try:
        _write_atomically(path, data)
    except OSError as error:  # a refused write does not say by itself which file it was
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_atomically(path: Path, data: bytes) -> None:
    handle, temporary = begun(path)
    with os.fdopen(handle, "wb") as file:
        try:
            file.truncate(0)
            file.write(data)
            file.flush()
            os.fsync(handle)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def temporary_of(path: Path) -> Path:
    """What is written in place of ``path`` until it is whole. A kill leaves it, and the next writer of ``path`` takes it over."""
    name = f".{path.name}{UNFINISHED}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}{UNFINISHED}"
    return path.with_name(name)


def begun(path: Path) -> tuple[int, Path]:
    """An open temporary file of this writer alone, which the lock on it tells; where another one is at work, a second."""
    temporary = temporary_of(path)
    handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    with suppress(OSError):  # locked by another writer, who may have renamed it; or no locks here
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), temporary.lstat()):
            return handle, temporary
    os.close(handle)
    handle, name = tempfile.mkstemp(UNFINISHED, ".", path.parent)
    umask = os.umask(0)
    os.umask(umask)
    os.fchmod(handle, 0o666 & ~umask)
    return handle, Path(name)
