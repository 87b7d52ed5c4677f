"""Published files over https: to a temporary file, checked by hash, then renamed. A target is whole or absent."""

from __future__ import annotations

import hashlib
import http.client
import os
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from neocog.atomic import UNFINISHED, begun
from neocog.errors import UserError

CHUNK = 1 << 16
TIMEOUT = 30.0  # seconds without a byte
MOST_MEMBERS = 1000  # of an archive, read before it is given up


def download(url: str, target: Path, md5: str, size: int) -> None:
    """Fetch ``url`` into ``target``; ``md5`` (hex) and ``size`` (bytes) are the published ones.

    Shows a progress bar on stderr. Raises UserError for a lost connection, another content, or a folder that cannot
    be written; then no file is left behind.
    """
    with _temporary(target) as temporary:
        try:
            digest = _fetch(url, temporary, size)
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            raise UserError(f"no download: {_reason(error)}", url) from error
        if digest != md5:
            what = f"the file has another content: MD5 {digest}, published {md5}"
            raise UserError(what, url, "try again later; the server or something on the way changed it")
        temporary.replace(target)


def extract(archive: Path, members: Mapping[str, int], folder: Path) -> None:
    """Stream the regular files called ``members`` ({base name: most bytes}) out of a .tar.gz into ``folder``.

    Nothing else is ever written: no path, link or device of the archive counts. Raises UserError where one is missing.
    """
    missing = dict(members)
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for count, member in enumerate(tar):
                name = member.name.rsplit("/", 1)[-1]
                if not missing or count >= MOST_MEMBERS:
                    break
                if name not in missing:
                    continue
                most, source = missing.pop(name), tar.extractfile(member) if member.isreg() else None
                if source is None or member.size > most:
                    kind = f"{member.size:,} bytes, at most {most:,} expected" if source else "not a regular file"
                    raise UserError(f"{name} in the archive: {kind}", str(archive), "download it again")
                with _temporary(folder / name) as temporary:
                    with temporary.open("wb") as file:
                        while chunk := source.read(CHUNK):
                            file.write(chunk)
                    temporary.replace(folder / name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"damaged or unreadable archive ({error})", str(archive), "download it again") from error
    if missing:
        raise UserError(f"not in the archive: {', '.join(missing)}", str(archive), "download it again")


def _fetch(url: str, target: Path, size: int) -> str:
    """The MD5 of what was written; stops at the first byte beyond ``size``."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    digest, received = hashlib.md5(usedforsecurity=False), 0
    _insist_on_https(url)
    opener = urllib.request.build_opener(_HttpsOnly)
    with (
        opener.open(url, timeout=TIMEOUT) as answer,
        target.open("wb") as file,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task(target.name.strip(".").removesuffix(UNFINISHED), total=size)
        while chunk := answer.read(CHUNK):
            received += len(chunk)
            if received > size:
                raise UserError(f"more than the published {size:,} bytes", url, "try again later")
            file.write(chunk)
            digest.update(chunk)
            progress.update(bar, completed=received)
        file.flush()
        os.fsync(file.fileno())
    if received < size:
        raise UserError(f"{size:,} bytes expected, {received:,} came", url, "try again")
    return digest.hexdigest()


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Redirections are followed, but never away from https."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            _insist_on_https(newurl)
        except UserError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _insist_on_https(url: str) -> None:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    if parts.scheme != "https" and not local:
        raise UserError("only https is used for downloads", url)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # it is the server's answer, too
        return f"{error.code} {error.reason}"
    reason = getattr(error, "reason", None)  # URLError wraps the cause
    return str(reason or error) or type(error).__name__


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A file beside ``target``, removed if it is still there at the end; a kill leaves it to the next download."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = begun(target)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", str(target.parent), "set NEOCOG_CACHE") from error
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)  # and with it the lock, which tells others that it is at work
