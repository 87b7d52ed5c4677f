"""The precision follows the processor, and says why."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from neocog.config import TrainConfig
from neocog.engine import precision, precision_trial
from neocog.engine.counters import Counters
from neocog.engine.learner import Learner
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.run import Run


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


class Depthwise(torch.nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(4, 4, 3, groups=groups)


def tried_with(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], groups: int = 4, wanted: str = "auto"
) -> Any:
    """(the loop's precision after a trial in which a step takes ``seconds``, counters, how often steps were timed)."""
    tried: list[str] = []

    def timed(loop: Any, *_: Any) -> dict[int, float]:
        tried.append(loop.precision.name)
        return dict.fromkeys(range(1, 65), seconds[loop.precision.name])

    monkeypatch.setattr(precision, "cpu_features", lambda: ["amx_bf16"])
    monkeypatch.setattr(precision_trial, "timed", timed)
    loader, run = SimpleNamespace(device=torch.device("cpu")), Run(Path("run"))
    config = TrainConfig(precision=wanted)  # type: ignore[arg-type]
    loop = Loop(None, loader, config, choose("cpu", wanted), Ranks(), run, None)  # type: ignore[arg-type]
    learner = Learner({"model": Depthwise(groups)}, {}, {}, {}, Counters(steps=100))
    found = precision_trial.settled(loop, learner)
    again = precision_trial.settled(loop, learner)
    assert again.precision == found.precision
    return found.precision, learner.counters, tried


def test_a_depthwise_network_takes_the_precision_in_which_its_steps_are_quicker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen, counters, tried = tried_with(monkeypatch, {"bf16": 3.0, "fp32": 1.0})
    assert (chosen.name, chosen.autocast, counters.precision) == ("fp32", False, "fp32")
    assert tried == ["bf16", "fp32"], "once: what was found is kept"
    assert "faster for this network in a trial, though the processor has AMX" in chosen.why
    for seconds in ({"bf16": 1.0, "fp32": 3.0}, {"bf16": 1.0, "fp32": 0.95}):
        chosen, counters, _ = tried_with(monkeypatch, seconds)
        assert chosen == choose("cpu") and counters.precision == "bf16"


@pytest.mark.parametrize(("groups", "wanted"), [(1, "auto"), (2, "auto"), (4, "bf16"), (4, "fp32")])
def test_what_is_no_question_is_not_tried(groups: int, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, counters, tried = tried_with(monkeypatch, {"bf16": 3.0, "fp32": 1.0}, groups, wanted)
    assert not tried and not counters.precision and chosen == choose("cpu", wanted)  # type: ignore[arg-type]
