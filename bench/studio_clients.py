"""Does the studio hold out: ten thousand requests by fifty clients at once, what each waits, and what it costs in memory?

    python bench/studio_clients.py                          # trains a lenet5 on digits first
    python bench/studio_clients.py RUN --requests 10000 --clients 50

Each client asks as the page does, over one connection, and again as soon as it is answered: looks at a drawing, every fourth with
gradients, and after every tenth look where a number comes from. Fifty clients share one network, and so one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

import neocog
from neocog.server.frame import pack

WARM = 500  # requests before memory is measured: allocators keep what they once had


def question(number: int) -> tuple[str, bytes]:
    """Address and body of a client's next request."""
    picture = np.random.default_rng(number).integers(0, 255, (28, 28, 1), dtype=np.uint8)
    if number % 10 == 9:
        header = {"source": "drawn", "layer": 0, "index": [0, 9, 9]}
        return "/api/runs/0/number", pack(header, {"picture": picture})
    return "/api/runs/0/look", pack({"source": "drawn", "gradients": number % 4 == 3}, {"picture": picture})


async def client(address: str, numbers: list[int], waits: list[float], statuses: Counter[int]) -> None:
    """One connection, one request after another."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    for number in numbers:
        path, body = question(number)
        begun = time.perf_counter()
        head = f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(told.split("content-length: ")[1].split("\r\n")[0]))
        waits.append(1000 * (time.perf_counter() - begun))
        statuses[int(told.split()[1])] += 1
    writer.close()


async def asked(address: str, requests: int, clients: int) -> tuple[list[float], Counter[int]]:
    waits: list[float] = []
    statuses: Counter[int] = Counter()
    shares = [list(range(start, requests, clients)) for start in range(clients)]
    await asyncio.gather(*(client(address, share, waits, statuses) for share in shares))
    return waits, statuses


def resident(process: int) -> float:
    """MB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 1e6


def seconds(process: int) -> float:
    """Of processor time so far."""
    told = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def measured(run: Path, requests: int, clients: int) -> None:
    command = [sys.executable, "-m", "neocog", "studio", str(run), "--no-browser", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        asyncio.run(asked(address, WARM, clients))
        memory, used = resident(process.pid), seconds(process.pid)
        waits, statuses = asyncio.run(asked(address, requests, clients))
        more, used = resident(process.pid) - memory, seconds(process.pid) - used
        process.terminate()
    faults = sum(count for status, count in statuses.items() if status >= 500)
    middle, high = np.percentile(waits, 50), np.percentile(waits, 95)
    print(f"{sum(statuses.values()):,} requests by {clients} clients: {dict(statuses)}, {faults} of 5xx")
    print(f"  median {middle:.0f} ms, p95 {high:.0f} ms; {1000 * used / requests:.1f} ms of processor a request")
    print(f"  memory +{more:.1f} MB on {memory:.0f}; load {os.getloadavg()[0]:.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {"size": (28,), "epochs": 1, "threads": 1, "quiet": True}
        run = given.run or neocog.train("digits", model="lenet5", out=Path(folder) / "run", **settings).folder
        measured(run, given.requests, given.clients)


if __name__ == "__main__":
    main()
