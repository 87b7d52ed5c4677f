"""A server that answers as Hugging Face's and PyTorch's do, a cache of its own, tiny pictures and a network trained on them."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neocog


class Server(http.server.ThreadingHTTPServer):
    """``files``: {path: content}; of those below /OWNER/NAME/resolve the digest is told with a redirect, as the hub does.

    ``asked``: the paths in the order in which they were asked for; ``cut``: bytes that are missing at a file's end;
    ``digest``: told in place of the true one.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut, self.digest = 0, ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.removeprefix("/blobs"))
        if content is None:
            self.send_error(404)
        elif "/resolve/" in self.path and not self.path.startswith("/blobs"):
            self.send_response(302)
            self.send_header("Location", f"{self.server.address}/blobs{self.path}")
            digest = self.server.digest or hashlib.sha256(content).hexdigest()
            self.send_header("X-Linked-ETag", f'"{digest}"')
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - self.server.cut])

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running
        running.shutdown()


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where downloads are kept: empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def drawn(folder: Path, mode: str = "RGB", side: int = 16, each: int = 14) -> Path:
    """Class folders of dark and bright noise; I;16: 16 bits, of which most are used."""
    rng, channels = np.random.default_rng(3), {"RGB": 3, "RGBA": 4}.get(mode, 1)
    for name, level in (("dark", 80), ("bright", 160)):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = (level + rng.integers(-60, 60, (side, side, channels))).astype(np.uint8).squeeze()
            image = Image.fromarray(pixels.astype(np.uint16) * 200 if mode == "I;16" else pixels)
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def pictures() -> Callable[..., Path]:
    return drawn


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("photos") / "photos")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """The run of a small classifier of colour images of 16 × 16."""
    out = tmp_path_factory.mktemp("trained") / "run"
    settings: dict[str, Any] = {"model": "cnn", "widths": (4, 8), "epochs": 1, "threads": 1, "augment": ("off",)}
    return neocog.train(photos, out=out, quiet=True, **settings).folder
