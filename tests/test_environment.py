"""What a run was computed with, as the machine says it."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest
import torch

from neocog import environment
from neocog.environment import FEATURES, cpu_features

XEON = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) 8480+\nflags\t\t: fpu avx2 fma avx512f avx512_bf16 amx_tile amx_bf16\n\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd sve bf16\n"


def cpuinfo(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    """Let /proc/cpuinfo say ``text``, or not be there."""
    read = Path.read_text

    def replaced(path: Path) -> str:
        if str(path) != "/proc/cpuinfo":
            return read(path)
        if text is None:
            raise FileNotFoundError(path)
        return text

    monkeypatch.setattr(Path, "read_text", replaced)


def test_it_says_what_is_installed_and_is_plain_json() -> None:
    facts = environment.environment()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["versions"]["torch"] == importlib.metadata.version("torch")
    assert facts["versions"]["neocog"] == importlib.metadata.version("neocog")
    assert facts["cpu"]["threads"] == torch.get_num_threads()
    assert 1 <= facts["cpu"]["cores"] <= (os.cpu_count() or 1)
    assert 0 < facts["memory"]["available"] <= facts["memory"]["total"]


@pytest.mark.parametrize(
    "text, features",
    [
        (XEON, ["avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16"]),
        (GRAVITON, ["asimd", "sve", "bf16"]),
    ],
)
def test_features_are_those_that_linux_names(monkeypatch: pytest.MonkeyPatch, text: str, features: list[str]) -> None:
    cpuinfo(monkeypatch, text)
    assert cpu_features() == features


def test_torch_is_asked_where_linux_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    own = set(cpu_features()) & {"avx2", "avx512f", "avx512_bf16"}
    cpuinfo(monkeypatch, None)
    assert set(cpu_features()) & {"avx2", "avx512f", "avx512_bf16"} == own
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert {"avx512_bf16", "amx_tile", "amx_bf16"} <= set(cpu_features()) <= set(FEATURES)


def test_a_missing_package_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("neocog", "no-such-package"))
    assert environment.environment()["versions"]["no-such-package"] is None


def test_gpus_are_named_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        name, total_memory, major, minor = "Test GPU", 80 * 2**30, 9, 0

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Card)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 90100)
    monkeypatch.setattr(environment, "_driver", lambda: "580.1")
    facts = environment.environment()
    assert facts["gpus"] == [{"name": "Test GPU", "memory": 80 * 2**30, "capability": "9.0"}] * 2
    assert (facts["cudnn"], facts["driver"]) == (90100, "580.1")
