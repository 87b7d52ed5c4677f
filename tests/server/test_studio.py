"""The command itself: what it opens, what it says, that it ends, and what it asks to be installed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import pytest

from neocog.cli.main import main
from neocog.errors import UserError
from neocog.run import Run
from neocog.server.found import runs_of
from neocog.server.studio import address_of, bound


def code_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code, capsys.readouterr().err


def test_without_the_extra_one_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, lenet: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, told = code_of(["studio", str(lenet.folder)], capsys)
    assert code == 2 and re.search(r'pip install ".*\[studio\]"', told) and told.count("error:") == 1


def test_what_is_no_run_is_told(tmp_path: Path, lenet: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such run, data or folder" in code_of(["studio", str(tmp_path / "none")], capsys)[1]
    assert "neocog train digits" in code_of(["studio", str(tmp_path)], capsys)[1]
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    shutil.copy(lenet.plan, unfinished)
    page = ["--export", str(tmp_path / "page.html")]
    assert "neocog resume" in code_of(["studio", str(unfinished), *page], capsys)[1]


def test_runs_below_a_folder_are_found_the_newest_first(tmp_path: Path, lenet: Run) -> None:
    for number, name in enumerate(("old", "a/b/new", ".hidden")):
        made = shutil.copytree(lenet.folder, tmp_path / name)
        os.utime(made / "model.json", (number, number))
    assert [run.folder.name for run in runs_of(tmp_path)] == ["new", "old"]
    assert runs_of(lenet.folder) == [Run(lenet.folder)]


def test_a_port_in_use_and_an_address_that_is_not_here_are_told() -> None:
    with bound("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(UserError, match="cannot listen"):
            bound("127.0.0.1", taken.getsockname()[1])
    for host, port in (("192.0.2.1", 0), ("127.0.0.1", 99999), ("no such host", 0)):
        with pytest.raises(UserError, match="cannot listen"):
            bound(host, port)


def test_an_answer_is_sent_at_once_and_waits_for_no_acknowledgement() -> None:
    async def delays() -> bool:
        found = asyncio.get_running_loop().create_future()

        async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = bound("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            undelayed = bool(await found)
            writer.close()
        return not undelayed

    assert not asyncio.run(delays())


def test_the_token_stands_where_no_browser_sends_it_on() -> None:
    assert address_of("127.0.0.1", 80, "") == "http://127.0.0.1:80/"
    assert address_of("192.168.1.2", 80, "abc") == "http://192.168.1.2:80/#token=abc"


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address that it printed."""
    command = [sys.executable, "-m", "neocog", "studio", *words, "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        yield process, address
    finally:
        process.kill()
        process.communicate()


def test_it_serves_what_it_printed_and_ctrl_c_ends_it_while_someone_is_connected(lenet: Run) -> None:
    with serving(str(lenet.folder)) as (process, address):
        host, port = re.fullmatch(r"http://(127\.0\.0\.1):(\d+)/", address).groups()  # type: ignore[union-attr]
        with urllib.request.urlopen(address) as answer:
            assert b"neocog" in answer.read()
        with socket.create_connection((host, int(port))) as half:
            half.sendall(
                b"POST /api/runs/0/look HTTP/1.1\r\nHost: 127.0.0.1:%b\r\nContent-Length: 1000\r\n\r\n" % port.encode()
            )
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in (0, 130)
        assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_open_to_others_it_prints_a_token_and_asks_for_it(lenet: Run) -> None:
    with serving(str(lenet.folder), "--host", "0.0.0.0") as (process, address):
        token = re.fullmatch(r"http://[^/]+/#token=([\w-]{20,})", address).group(1)  # type: ignore[union-attr]
        port = address.split(":")[2].split("/")[0]
        there = f"http://127.0.0.1:{port}/api/runs"
        with pytest.raises(urllib.request.HTTPError, match="401"):
            urllib.request.urlopen(there)
        request = urllib.request.Request(there, headers={"X-Neocog-Token": token})
        assert urllib.request.urlopen(request).status == 200
        process.send_signal(signal.SIGINT)


def test_the_page_is_in_the_package_whole() -> None:
    page = resources.files("neocog.server") / "page"
    names = {path.name for path in page.iterdir()}
    html = (page / "index.html").read_text(encoding="utf-8")
    wanted = set(re.findall(r'(?:src|href)="([\w.]+)"', html))
    for script in names:
        if script.endswith(".js"):
            text = (page / script).read_text(encoding="utf-8")
            wanted |= set(re.findall(r'from "\./([\w.]+)"', text))
            assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text, script
            assert "innerHTML" not in text and "eval(" not in text, script
    assert wanted | {"texts.json"} <= names


def test_every_text_that_the_page_names_is_there() -> None:
    import json

    page = resources.files("neocog.server") / "page"
    texts = json.loads((page / "texts.json").read_text(encoding="utf-8"))
    for path in page.iterdir():
        source = path.read_text(encoding="utf-8")
        for name in re.findall(r'data-(?:text|label)="([\w.]+)"|\btext\("([\w.]+)"', source):
            assert (name[0] or name[1]) in texts, f"{path.name}: {name}"
