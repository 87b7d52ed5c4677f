"""In a real kernel, as Jupyter starts it: bars, the run's page, figures, and the stop button."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TRAIN = 'neocog.train("digits", model="lenet5", size=(12,), threads=1, augment=("off",), '
CELLS = {
    "train": f"import neocog\nrun = {TRAIN}epochs=2, out='whole')",
    "shown": "run",
    "figure": "run.plot('confusion')",
    # What the stop button sends, while the second epoch is on its way
    "stop": "import os, signal\n"
    "def stop(row):\n    os.kill(os.getpid(), signal.SIGINT)\n"
    f"half = {TRAIN}epochs=50, out='half', after_epoch=stop)",
    "after": "print(type(half).__name__, len(half.metrics), len(run.metrics))",
    "on": "done = neocog.resume(half, quiet=True, change={'epochs': 3})\nprint(len(done.metrics))",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell left under it."""
    client = pytest.importorskip("nbclient", reason="no nbclient: pip install '.[test]'")
    pytest.importorskip("ipykernel", reason="no ipykernel: pip install '.[test]'")
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    folder: Path = tmp_path_factory.mktemp("notebook")
    client.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def html(found: list[Any]) -> list[str]:
    return [one["data"]["text/html"] for one in found if "text/html" in one.get("data", {})]


def printed(found: list[Any]) -> str:
    return "".join(one.get("text", "") for one in found)


def test_bars_are_html_in_the_cell_and_gone_when_done(outputs: dict[str, list[Any]]) -> None:
    assert "" in html(outputs["train"])
    assert not any("<progress" in one for one in html(outputs["train"]))
    assert "ipywidgets" not in printed(outputs["train"])


def test_the_run_shows_itself(outputs: dict[str, list[Any]]) -> None:
    (page,) = html(outputs["shown"])
    assert 'class="neocog"' in page and "accuracy" in page


def test_a_figure_is_a_picture(outputs: dict[str, list[Any]]) -> None:
    assert any("image/png" in one.get("data", {}) for one in outputs["figure"])


def test_the_stop_button_saves_and_returns_the_run(outputs: dict[str, list[Any]]) -> None:
    assert printed(outputs["after"]) == "Results 1 2\n"
    said = printed(outputs["stop"]) + "".join(html(outputs["stop"]))
    assert "stopped by SIGINT, and saved" in said


def test_and_the_next_cell_goes_on_with_it(outputs: dict[str, list[Any]]) -> None:
    assert printed(outputs["on"]) == "3\n"
