"""Published weights: fetched once with a progress bar, checked by SHA-256, kept where torch keeps such files.

A file is whole or absent in the cache: it gets its name when its last byte is there and its digest is right. The digest lies
beside it and is checked at every use.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import tempfile
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError

import torch

from neocog.atomic import write_atomically
from neocog.errors import UserError, printable
from neocog.pretrained.tensors import sha256
from neocog.progress import Progress

TIMEOUT = 30  # s without a byte
CHUNK = 1 << 16
IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.")  # of PyTorch's files: how their SHA-256 begins
HUB_DIGEST = "X-Linked-ETag"  # Hugging Face's header: the SHA-256 of a large file


def folder() -> Path:
    """Where torch, torchvision and timm keep downloads: ~/.cache/torch/hub/checkpoints, or below TORCH_HOME."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def hub() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def fetched(url: str, name: str, progress: Progress) -> Path:
    """The file ``name`` of the cache, from ``url`` where it is not there yet. Raises UserError."""
    path = folder() / name
    if path.is_file():
        insist_on_digest(path, url)
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = download(url, path, progress)
    except (HTTPError, URLError, OSError, http.client.HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        reason = printable(str(getattr(error, "reason", "") or error))
        fix = f"connect, or put that file at {path} yourself; --from FILE.safetensors takes one of any name"
        raise UserError(f"pretrained weights cannot be downloaded: {reason}", url, fix) from None
    write_atomically(beside(path), f"{digest}\n")
    return path


def beside(path: Path) -> Path:
    """Where the digest of a cached file stands."""
    return path.with_name(f"{path.name}.sha256")


def insist_on_digest(path: Path, url: str) -> None:
    """Raise UserError where a cached file is not what was downloaded, or not what its name says."""
    known = beside(path).read_text(encoding="utf-8").strip() if beside(path).is_file() else published(url)
    if known and not sha256(path).startswith(known):
        fix = "remove it: it is downloaded again"
        raise UserError("this file has changed since it was downloaded: another SHA-256", str(path), fix)


def published(url: str) -> str:
    """How the SHA-256 of the file begins, as its name tells; "" where it tells nothing."""
    found = IN_NAME.search(url.rsplit("/", 1)[-1])
    return found[1] if found else ""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects as usual, and keeps the digest that the first answer gave."""

    digest = ""

    def redirect_request(self, request: Any, answer: Any, code: int, reason: str, headers: Any, url: str) -> Any:
        self.digest = self.digest or headers.get(HUB_DIGEST, "")
        return super().redirect_request(request, answer, code, reason, headers, url)


def download(url: str, path: Path, progress: Progress) -> str:
    """Fetch a file; returns its SHA-256. Raises OSError for what was cut short or has another digest than was published."""
    redirects = Redirects()
    opener = urllib.request.build_opener(redirects)
    with opener.open(url, timeout=TIMEOUT) as answer:
        if not answer.geturl().startswith(("http://", "https://")):
            raise OSError("not an address of the web")
        announced = (redirects.digest or answer.headers.get(HUB_DIGEST, "")).strip('"')
        known = announced if re.fullmatch("[0-9a-f]{64}", announced) else published(url)
        size = int(answer.headers.get("Content-Length") or 0)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                digest, received = copied(answer, file, path.name, size, progress)
                file.flush()
                os.fsync(file.fileno())
            if size and received != size:
                raise OSError(f"it was cut short: {received:,} of {size:,} bytes")
            if not digest.startswith(known):
                raise OSError(f"what came has another SHA-256 ({digest[:8]}…) than was published ({known[:8]}…)")
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    return digest


def copied(answer: IO[bytes], file: IO[bytes], name: str, size: int, progress: Progress) -> tuple[str, int]:
    """(SHA-256, bytes) of what comes, as it is written; the bar counts kilobytes."""
    digest, received = hashlib.sha256(), 0
    with progress.bar(f"downloading {name} (kB)", -(-size // 1000)) as advance:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            before, received = received, received + len(chunk)
            advance(received // 1000 - before // 1000)
    return digest.hexdigest(), received
