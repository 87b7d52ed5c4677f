"""`bench backends`: every one takes the same step before it is timed; ratios, spread and missing backends are told."""

from __future__ import annotations

import json
import subprocess
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from neocog.errors import UserError
from neocog.interop import backends, nested_loops
from neocog.verbs import bench
from neocog.verbs.bench import chart, same, show, summary

ROW = {"network", "name", "median", "low", "high", "n", "ratio", "ratio_low", "ratio_high"}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """No process is started: the k-th backend of the list is k times as fast in each round; returns who was asked, in order."""
    asked: list[tuple[str, str]] = []

    def timed(backend: str, network: str, *_: Any) -> tuple[float, list[float]]:
        asked.append((network, backend))
        number = sum(place == (network, backend) for place in asked)
        return 10.0 * number * (1 + list(backends.BACKENDS).index(backend)), [2.3, 2.2]

    monkeypatch.setattr(bench, "timed", timed)
    monkeypatch.setattr(
        backends, "missing", lambda backend, network: ("no GPU", "buy one") if backend == "gpu" else None
    )
    return asked


def test_backends_take_turns_and_the_first_round_is_thrown_away(clocked: list[tuple[str, str]], tmp_path: Path) -> None:
    result = bench.backends(rounds=6, quiet=True, out=tmp_path / "backends.png")
    once = [("lenet", backend) for backend in ("loops", "numpy", "keras", "torch", "bf16")]
    once += [("lstm", backend) for backend in ("keras", "torch", "bf16")]
    assert clocked == 6 * once
    assert all(set(row) == ROW for row in result["rows"])
    numpy = result["rows"][1]
    assert (numpy["n"], numpy["low"], numpy["median"], numpy["high"], numpy["ratio"]) == (5, 40.0, 80.0, 120.0, 2.0)
    assert [row["ratio"] for row in result["rows"] if row["name"] == "Keras/TensorFlow"] == [1.5, None]
    assert {row["name"] for row in result["missing"]} == {"PyTorch on the GPU"}
    assert result["machine"]["threads"] >= 1 and result["machine"]["versions"]["torch"]
    assert (tmp_path / "backends.png").read_bytes().startswith(PNG)
    assert json.loads(json.dumps(result)) == result


def test_the_table_and_the_chart_show_every_row_and_what_is_missing(
    clocked: list[tuple[str, str]], tmp_path: Path
) -> None:
    result = bench.backends(rounds=2, quiet=True)
    text = StringIO()
    show(result, Console(file=text, width=160))
    for row in result["rows"]:
        assert row["name"] in text.getvalue()
    assert text.getvalue().count("PyTorch on the GPU is missing: no GPU\n  fix:   buy one") == 1
    chart(result, tmp_path / "backends.svg")
    assert "<svg" in (tmp_path / "backends.svg").read_text()


def test_ratios_are_taken_within_a_round() -> None:
    found = summary([20.0, 400.0, 90.0], [10.0, 100.0, 30.0])
    assert (found["ratio"], found["ratio_low"], found["ratio_high"]) == (3.0, 2.0, 4.0)


def test_an_engine_with_other_losses_is_not_compared() -> None:
    same([2.3, 2.2], [2.30004, 2.2], 1e-4, "torch")
    for losses in ([2.3, 2.21], [2.3, float("nan")]):
        with pytest.raises(RuntimeError, match="computes other losses"):
            same([2.3, 2.2], losses, 1e-4, "torch")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"networks": ("lenet", "vgg")}, "no network 'vgg'"),
        ({"networks": ()}, "no network ''"),
        ({"rounds": 1}, "--rounds 1 is below 2"),
        ({"seconds": 0.0}, "--seconds 0"),
        ({"batch": 0}, "--batch 0"),
        ({"threads": -1}, "--threads -1"),
        ({"out": Path("backends.gif")}, "neither PNG nor SVG"),
    ],
)
def test_what_cannot_be_measured_is_told(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(UserError, match=what):
        bench.backends(**settings)


def test_the_nested_loops_take_numpys_step() -> None:
    images, labels, state = backends.start("lenet", 2)
    step = backends.numpy_step("lenet", 2, 1)
    for _ in range(2):
        assert nested_loops.step(state, images, labels, backends.RATE) == pytest.approx(step(), abs=1e-6)


@pytest.mark.parametrize("network", ["lenet", "lstm"])
def test_all_engines_that_are_here_take_the_same_step(network: str) -> None:
    steps = [
        backends.BACKENDS[backend]
        for backend in ("numpy", "torch", "bf16")
        if network in backends.BACKENDS[backend].networks
    ]
    found = {}
    for backend in steps:
        if backends.missing("bf16", network) and backend.name == "PyTorch bf16":
            continue
        step = backend.step(network, 2, 1)
        found[backend.name] = ([float(step()), float(step())], backend.tolerance)
    expected, _ = found["PyTorch fp32"]
    assert expected[1] < expected[0]
    for losses, tolerance in found.values():
        np.testing.assert_allclose(losses, expected, rtol=0, atol=tolerance)


def test_a_small_network_is_measured_in_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "BACKENDS", {name: backends.BACKENDS[name] for name in ("numpy", "torch")})
    result = bench.backends(("lenet",), rounds=2, seconds=0.01, batch=4, threads=1, quiet=True)
    assert [row["name"] for row in result["rows"]] == ["NumPy by hand", "PyTorch fp32"]
    assert all(row["median"] > 0 and row["n"] == 1 for row in result["rows"])
    assert result["rows"][1]["ratio"] == pytest.approx(result["rows"][1]["median"] / result["rows"][0]["median"])


@pytest.mark.keras
@pytest.mark.skipif(find_spec("keras") is None, reason='pip install "neocog[keras]"')
def test_keras_takes_the_lstm_step_that_torch_takes() -> None:
    speed, found = bench.timed("keras", "lstm", 4, 1, 0.01)
    step = backends.torch_step("lstm", 2, 1)
    np.testing.assert_allclose(found, [float(step()), float(step())], rtol=0, atol=1e-5)
    assert speed > 0


def test_a_rung_that_breaks_is_told_with_the_command_that_shows_why(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = subprocess.CompletedProcess([], 1, "", "Traceback …\nKeyError: 'none'\n")
    monkeypatch.setattr(bench.subprocess, "run", lambda *_, **__: broken)
    with pytest.raises(UserError) as told:
        bench.timed("none", "lenet", 2, 1, 0.01)
    assert "the engine 'none' broke on lenet\n  where: KeyError: 'none'" in str(told.value)
    assert "-m neocog.interop.backends none lenet 2 1 0.01" in str(told.value)
