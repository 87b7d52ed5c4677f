"""The precision follows the processor, and says why."""

from __future__ import annotations

import pytest
import torch

from neocog.engine import precision
from neocog.engine.precision import choose
from neocog.errors import UserError


@pytest.mark.parametrize(
    "features, name, why",
    [
        (["avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16"], "bf16", "the processor has AMX"),
        (["avx2", "avx512f", "avx512_bf16"], "bf16", "the processor has AVX512-BF16"),
        (["avx2", "avx512f", "amx_tile"], "fp32", "neither AMX nor AVX512-BF16"),
        (["avx2"], "fp32", "neither AMX nor AVX512-BF16"),
    ],
)
def test_auto_is_bf16_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, features: list[str], name: str, why: str
) -> None:
    monkeypatch.setattr(precision, "cpu_features", lambda: features)
    chosen = choose("cpu")
    assert (chosen.name, chosen.autocast) == (name, name == "bf16")
    assert chosen.dtype == (torch.bfloat16 if name == "bf16" else torch.float32)
    assert why in chosen.why


def test_what_was_asked_for_is_given_with_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_features", lambda: ["avx2"])
    assert choose("cpu", "bf16").autocast
    assert "slower than fp32" in choose("cpu", "bf16").why
    assert choose("cpu", "fp32").why == "asked for"
    monkeypatch.setattr(precision, "cpu_features", lambda: ["amx_bf16"])
    assert not choose("cpu", "fp32").autocast
    assert "bf16 would be faster" in choose("cpu", "fp32").why


@pytest.mark.parametrize("capability, name", [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_a_gpu_is_asked_for_its_capability(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Test GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert choose("cuda").name == name
    assert "Test GPU has" in choose("cuda:0").why


def test_a_gpu_that_is_not_there_is_the_users_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU"):
        choose("cuda")
