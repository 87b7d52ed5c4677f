"""``neocog device``: what one checks before a long run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from neocog import limits
from neocog.engine import precision
from neocog.verbs import device


def shown(facts: dict[str, object]) -> str:
    text = io.StringIO()
    device.show(facts, Console(file=text, width=200))
    return text.getvalue()


def test_it_says_the_precision_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_features", lambda: ["avx2", "amx_bf16"])
    facts = device.device()
    if not facts["gpus"]:
        assert (facts["device"], facts["precision"], facts["why"]) == ("cpu", "bf16", "the processor has AMX")
    text = shown(facts)
    assert f"{facts['precision']}: {facts['why']}" in text
    assert f"torch {facts['versions']['torch']}" in text
    assert f"{limits.cores()} threads" in text


def test_gpus_and_what_is_unknown_are_shown() -> None:
    facts = device.device()
    facts["gpus"] = [{"name": "Test GPU", "memory": 80 * 2**30, "capability": "9.0"}]
    facts |= {"driver": "580.1", "cuda": "13.2", "cudnn": 90100}
    facts["memory"] |= {"total": None, "available": None}
    text = shown(facts)
    assert "Test GPU, 80.0 GiB, capability 9.0" in text
    assert "driver 580.1, CUDA 13.2, cuDNN 90100" in text
    assert "unknown, unknown free" in text


def test_it_says_which_limit_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "3072")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    facts = device.device()
    assert facts["memory"]["usable"] < 3072 << 19
    assert facts["threads"] == 1
    text = shown(facts)
    assert "(limit: SLURM_MEM_PER_NODE, shared by 2 processes)" in text
    assert "1 cores for this process" in text
