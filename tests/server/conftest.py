"""A small LeNet-5 run, one with hostile names, and clients of the studio as a page of its own has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="no starlette: pip install '.[studio]'")
pytest.importorskip("httpx", reason="no httpx: pip install '.[test]'")

import neocog
from neocog.run import Run
from neocog.server.app import Studio
from neocog.server.frame import pack, unpack
from neocog.server.guard import Guard
from neocog.server.trainings import Trainings

HOSTILE = ("<script>document.title='owned'</script>", "\u202eright to left", "long " * 60)
PORT = 8000
Ask = Callable[..., tuple[dict[str, Any], dict[str, np.ndarray]]]


@pytest.fixture(scope="session")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("studio") / "digits-lenet5"
    return neocog.train(
        "digits", model="lenet5", size=(16,), epochs=2, threads=1, keep_checkpoints=3, out=folder, quiet=True
    )


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (60, 12, 12, 3), dtype=np.uint8)
    labels = [HOSTILE[i % 3].strip() for i in range(60)]
    folder = tmp_path_factory.mktemp("hostile") / "<img src=x onerror=alert(1)>"
    return neocog.train(
        (images, labels), model="cnn", widths=(4,), hidden=4, epochs=1, ema=0.5, threads=1, out=folder, quiet=True
    )


@pytest.fixture(scope="session")
def client_of() -> Callable[..., Any]:
    """``client_of(runs, host=…, token=…, most=…)``: what a browser's page at the studio's own address sends."""
    from starlette.testclient import TestClient

    def made(
        runs: list[Run],
        host: str = "127.0.0.1",
        token: str = "",
        most: int = 64 << 20,
        trainings: Trainings | None = None,
    ) -> Any:
        guard = Guard(Studio(runs, trainings=trainings).application(), host, PORT, token, most)
        return TestClient(guard, base_url=f"http://127.0.0.1:{PORT}", headers={"Sec-Fetch-Site": "same-origin"})

    return made


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[Any]]:
    """``axe(page)``: what bars anyone from the page as it stands: [rule, element, what is wrong] each."""
    script = Path(str(metadata.distribution("axe-playwright-python").locate_file("axe_playwright_python/axe.min.js")))
    told = "r.violations.map(v => [v.id, v.nodes[0].html, v.nodes[0].failureSummary])"

    def barriers(page: Any) -> list[Any]:
        page.set_script_timeout(120)
        page.execute_cdp_cmd("Runtime.evaluate", {"expression": script.read_text(encoding="utf-8")})
        found: list[Any] = page.execute_async_script(
            f"const done = arguments[0]; axe.run().then(r => done({told}), e => done([`${{e}}`]))"
        )
        return found

    return barriers


@pytest.fixture(scope="session")
def client(client_of: Callable[..., Any], lenet: Run, hostile: Run) -> Iterator[Any]:
    with client_of([lenet, hostile]) as made:
        yield made


@pytest.fixture(scope="session")
def ask(client: Any) -> Ask:
    """``ask("look", gradients=True, …)``: header and arrays of the answer about a drawn cross, or what ``picture`` is."""

    def asked(name: str, run: int = 0, picture: np.ndarray | None = None, **header: Any) -> Any:
        if picture is None:
            picture = np.zeros((64, 64, 1), np.uint8)
            picture[30:34, 8:56] = picture[8:56, 30:34] = 220
        body = pack({"source": "drawn", **header}, {"picture": picture})
        answer = client.post(f"/api/runs/{run}/{name}", content=body)
        assert answer.status_code == 200, answer.text
        return unpack(answer.content)

    return asked


@pytest.fixture(scope="session")
def refused() -> Callable[[Any, int], dict[str, str]]:
    """``refused(answer, status)``: the fault that an answer tells; it is plain JSON and no stack trace."""

    def told(answer: Any, status: int) -> dict[str, str]:
        assert answer.status_code == status, answer.text
        fault: dict[str, str] = json.loads(answer.content)["error"]
        assert "Traceback" not in answer.text and set(fault) >= {"what", "where", "fix"}
        return fault

    return told
