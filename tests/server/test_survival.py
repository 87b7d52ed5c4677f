"""What the studio survives: two hundred hostile uploads, and many clients at once."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neocog.run import Run
from neocog.server.app import Studio
from neocog.server.frame import pack, unpack
from neocog.server.guard import Guard

UPLOADS = 200
MOST_MORE = 50 << 20  # bytes


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


def sound() -> list[bytes]:
    """The same picture in four formats."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8))
    found = []
    for kind in ("PNG", "JPEG", "TIFF", "GIF"):
        file = io.BytesIO()
        picture.save(file, kind)
        found.append(file.getvalue())
    return found


def hostile() -> Iterator[bytes]:
    """Bombs, polyglots and scripts first, then sound files that are cut or have bytes changed."""
    script = b"<script>alert(1)</script>"
    yield from (bomb(60_000, 60_000), bomb(2**31 - 1, 2**31 - 1), bomb(1, 2**30), bomb(0, 0))
    yield from (
        b"<svg xmlns='http://www.w3.org/2000/svg'>" + script + b"</svg>",
        b"GIF89a/*" + script + b"*/=1;//",
        b"%PDF-1.4" + script,
    )
    yield from (
        sound()[0] + script,
        sound()[1] + b"PK\x03\x04" * 1000,
        b"\x93NUMPY\x01\x00" + b"\xff" * 200,
        b"\0",
        b"\xff" * 100_000,
    )
    rng, files = np.random.default_rng(1), sound()
    while True:
        content = bytearray(files[rng.integers(len(files))])
        if rng.random() < 0.5:
            yield bytes(content[: rng.integers(1, len(content))])
        else:
            for _ in range(rng.integers(1, 30)):
                content[rng.integers(len(content))] = rng.integers(256)
            yield bytes(content)


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_two_hundred_hostile_uploads_get_an_answer_or_a_clear_message(client: Any, ask: Callable[..., Any]) -> None:
    uploads = hostile()
    bodies = [
        pack({"source": "file", "name": "<b>x.png"}, {"picture": np.frombuffer(next(uploads), np.uint8)})
        for _ in range(UPLOADS)
    ]
    before, refused = ask("look")[0], 0
    for body in bodies[:20]:
        client.post("/api/runs/0/look", content=body)  # what decoders load is loaded once
    memory = resident()
    for body in bodies:
        answer = client.post("/api/runs/0/look", content=body)
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert len(unpack(answer.content)[0]["answer"]["probabilities"]) == 10
        else:
            refused += 1
            fault = json.loads(answer.content)["error"]
            assert fault["what"] and "Traceback" not in answer.text and "defect" not in fault["what"]
    assert refused > UPLOADS / 4
    assert ask("look")[0] == before
    assert resident() - memory <= MOST_MORE


def test_a_client_that_vanishes_costs_nothing(client: Any, ask: Callable[..., Any], lenet: Run) -> None:
    studio = Studio([lenet]).application()
    body = pack({"source": "drawn"}, {"picture": np.zeros((16, 16, 1), np.uint8)})
    sent: list[dict[str, Any]] = []

    async def vanishes(after: int) -> None:
        messages = [{"type": "http.request", "body": body[:after], "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> Any:
            return messages.pop(0) if len(messages) > 1 else messages[0]

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"127.0.0.1:8000"), (b"content-length", str(len(body)).encode())]
        scope = {"type": "http", "method": "POST", "path": "/api/runs/0/look", "headers": headers, "query_string": b""}
        await Guard(studio, "127.0.0.1", 8000)(scope, receive, send)

    for after in (0, 3, len(body) - 1):
        asyncio.run(vanishes(after))
    assert [each["status"] for each in sent if each["type"] == "http.response.start"] == [400] * 3
    assert len(ask("look")[0]["answer"]["probabilities"]) == 10


def test_many_clients_at_once_are_all_answered_each_its_own(client: Any) -> None:
    def asked(number: int) -> bool:
        picture = np.full((16, 16, 1), number, np.uint8)
        answer = client.post("/api/runs/0/look", content=pack({"source": "drawn"}, {"picture": picture}))
        return bool(answer.status_code == 200 and (unpack(answer.content)[1]["picture"] == number).all())

    with ThreadPoolExecutor(20) as clients:
        assert all(clients.map(asked, range(200)))


def test_a_run_whose_folder_is_deleted_while_it_is_looked_at_is_told_and_drawing_goes_on(
    client_of: Callable[..., Any], refused: Callable[[Any, int], dict[str, str]], lenet: Run, tmp_path: Path
) -> None:
    copy, body = Run(tmp_path / "copy"), pack({"source": "drawn"}, {"picture": np.zeros((16, 16, 1), np.uint8)})
    shutil.copytree(lenet.folder, copy.folder)
    with client_of([copy, Run(tmp_path / "never")]) as client:
        assert client.get("/api/runs/0").status_code == 200
        shutil.rmtree(copy.folder)
        assert client.post("/api/runs/0/look", content=body).status_code == 200  # from memory
        for answer in (client.get("/api/runs/0/samples"), client.get("/api/runs/1")):
            fault = refused(answer, 400)
            assert "folder of this run is gone" in fault["what"] and "another run" in fault["fix"]
