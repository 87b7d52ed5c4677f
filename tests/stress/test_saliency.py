"""Maps of what answers rest on are tried: those of a network that learned a place name it, those by lot do not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neocog.data.preprocessing import Preprocessing
from neocog.predictor import Predictor
from neocog.records import Curves
from neocog.robustness.shortcuts import saliency
from neocog.robustness.shortcuts.saliency import RANDOM, area, dealt_anew, explained, rank_correlation
from neocog.robustness.shortcuts.saliency_report import KEYS, section, tables, usable, verdict

SIDE = 16


class Corner(nn.Module):
    """Two logits, by how bright the first quarter of the picture is; or by nothing, whatever its weights are."""

    def __init__(self, blind: bool) -> None:
        super().__init__()
        self.first, self.blind = nn.Conv2d(1, 4, 3, padding=1), blind
        self.last = nn.Linear(4 * SIDE * SIDE, 2)
        with torch.no_grad():
            self.first.weight.zero_()
            self.first.weight[:, 0, 1, 1] = 1.0
            self.first.bias.zero_()  # type: ignore[union-attr]
            self.last.weight.zero_()
            self.last.bias.zero_()
            place = torch.zeros(4, SIDE, SIDE)
            place[:, :8, :8] = 0.02
            self.last.weight[1] = place.flatten()

    def forward(self, inputs: Tensor) -> Tensor:
        if self.blind:
            bright = inputs[:, :, :8, :8].mean((1, 2, 3))
            return torch.stack([-bright, bright], 1) + 0 * self.last(self.first(inputs).flatten(1))
        found: Tensor = self.last(self.first(inputs).flatten(1))
        return found


def tried(blind: bool, groups: Any = None, count: int = 16) -> dict[str, dict[str, Any]]:
    preprocessing = Preprocessing(1, (SIDE, SIDE), "uint8", (85.0,), (40.0,))
    predictor = Predictor(Corner(blind).eval(), preprocessing, ("dark", "light"), task="classification")
    task: Any = SimpleNamespace(inputs=lambda predictor, pixels: next(predictor._inputs(pixels)))
    draws = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 120, (count, 1, SIDE, SIDE), generator=draws)
    pictures[:, :, 2:6, 2:6] = 255  # what is bright lies where it looks
    looked: Any = SimpleNamespace(
        positions=range(count), stored=lambda i: pictures[i], fitted=lambda x: x.numpy().astype("uint8")
    )
    subject: Any = SimpleNamespace(predictor=predictor, task=task, seed=0, dataset=SimpleNamespace(groups=groups))
    return explained(subject, looked)


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return tried(blind=False)


def test_what_a_network_looks_at_makes_its_answer_fall_and_rise_sooner(found: dict[str, dict[str, Any]]) -> None:
    assert list(found) == ["Grad-CAM", "saliency", RANDOM]
    for name in ("Grad-CAM", "saliency"):
        for which, beyond in (("deleted", found[name]["deletion"]), ("inserted", found[name]["insertion"])):
            both = (float(area(torch.tensor(found[each][which]))) for each in (name, RANDOM))
            assert beyond["value"] == pytest.approx(next(both) - next(both))
        assert found[name]["deletion"]["value"] < -0.02 and found[name]["insertion"]["value"] > 0.02
    for each in found.values():  # both begin and end with the same pictures
        assert each["deleted"][0] == pytest.approx(each["inserted"][-1])
        assert each["deleted"][-1] == pytest.approx(each["inserted"][0])


def test_maps_that_change_with_the_weights_pass_and_others_do_not(found: dict[str, dict[str, Any]]) -> None:
    assert abs(found["saliency"]["random weights"]["value"]) < 0.5 and usable(found, "saliency")
    assert verdict(found).grade == "passed" and verdict(found).number < 0.5
    blind = tried(blind=True)
    assert blind["saliency"]["random weights"]["low"] > 0.5 and usable(blind, "saliency") is False
    assert verdict(blind).grade == "doubtful" and "does not explain" in verdict(blind).sentence
    assert verdict(found).sentence.startswith("On 16 samples: Grad-CAM ")


def test_an_interval_that_holds_both_answers_passes_nothing_and_is_said(found: dict[str, dict[str, Any]]) -> None:
    """Each of the three by itself, beside two that are sure."""
    sure = (
        {"value": 0.0, "low": -0.1, "high": 0.1},
        {"value": -0.2, "low": -0.3, "high": -0.1},
        {"value": 0.2, "low": 0.1, "high": 0.3},
    )
    unsure = (
        {"value": 0.3, "low": 0.1, "high": 0.6},
        {"value": -0.2, "low": -0.5, "high": 0.1},
        {"value": 0.2, "low": -0.1, "high": 0.5},
    )
    for place in range(3):
        each = [unsure[i] if i == place else sure[i] for i in range(3)]
        kept = {
            name: {"value": m["value"], "low": m["low"], "high": m["high"], "n": 16}
            for name, m in zip(KEYS, each, strict=True)
        }
        one = {"saliency": {**found["saliency"], **kept}, RANDOM: found[RANDOM]}
        assert usable(one, "saliency") is None and verdict(one).grade == "doubtful"
        assert "On 16 samples: saliency may explain the predictions or not" in verdict(one).sentence
        assert f"{each[1]['value']:.2f} ({each[1]['low']:.2f} – {each[1]['high']:.2f})" in verdict(one).sentence
        assert [row[-1] for row in section(one).items[1].rows] == ["cannot be told"]  # type: ignore[union-attr]


def test_samples_of_two_groups_tell_nothing_of_others() -> None:
    found = tried(blind=False, groups=np.array(list("aaaabbbb" * 2)))
    assert usable(found, "saliency") is None
    assert "On 16 samples of 2 groups" in verdict(found).sentence and "(no interval)" in verdict(found).sentence


def test_the_samples_are_drawn_by_lot_and_not_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """In folders of classes the first are of one class."""
    monkeypatch.setattr(saliency, "SAMPLES", 8)
    seen: list[int] = []
    true = np.sort
    monkeypatch.setattr(saliency.np, "sort", lambda each: seen.extend(each.tolist()) or true(each))
    tried(blind=False, count=40)
    assert len(seen) == 8 and max(seen) > 15


def test_weights_are_dealt_out_and_not_changed() -> None:
    network = Corner(blind=False)
    other = dealt_anew(network, torch.Generator().manual_seed(0))
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
    assert not torch.equal(network.last.weight, other.get_submodule("last").weight)  # type: ignore[arg-type]


def test_rank_correlation_is_that_of_spearman() -> None:
    one = torch.arange(16.0).reshape(1, 4, 4)
    assert rank_correlation(one, one.exp()).tolist() == pytest.approx([1])
    assert rank_correlation(one, -one).tolist() == pytest.approx([-1])
    assert rank_correlation(one, torch.zeros(1, 4, 4)).tolist() == [0]


def test_tables_and_curves_have_every_method(found: dict[str, dict[str, Any]]) -> None:
    made = tables(found)
    assert [row[0] for row in made["saliency"].rows] == ["Grad-CAM", "saliency"]
    first = dict(zip(made["saliency"].columns, made["saliency"].rows[0], strict=True))
    assert first["deletion_low"] < first["deletion"] < first["deletion_high"] < 0 and first["n"] == 16  # type: ignore[operator]
    assert len(made["saliency_curves"].rows) == 3 * 9
    curves = [item for item in section(found).items if isinstance(item, Curves)]
    assert [len(each.series) for each in curves] == [3, 3]
