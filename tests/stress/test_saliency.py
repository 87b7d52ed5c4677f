"""Maps of what answers rest on are tried: those of a network that learned a place name it, those by lot do not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from neocog.data.preprocessing import Preprocessing
from neocog.predictor import Predictor
from neocog.records import Curves
from neocog.robustness.shortcuts.saliency import RANDOM, dealt_anew, explained, rank_correlation
from neocog.robustness.shortcuts.saliency_report import area, section, tables, usable, verdict

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


def tried(blind: bool) -> dict[str, dict[str, Any]]:
    preprocessing = Preprocessing(1, (SIDE, SIDE), "uint8", (85.0,), (40.0,))
    predictor = Predictor(Corner(blind).eval(), preprocessing, ("dark", "light"), task="classification")
    task: Any = SimpleNamespace(inputs=lambda predictor, pixels: next(predictor._inputs(pixels)))
    draws = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 120, (8, 1, SIDE, SIDE), generator=draws)
    pictures[:, :, 2:6, 2:6] = 255  # what is bright lies where it looks
    looked: Any = SimpleNamespace(
        positions=range(8), stored=lambda i: pictures[i], fitted=lambda x: x.numpy().astype("uint8")
    )
    subject: Any = SimpleNamespace(predictor=predictor, task=task, seed=0)
    return explained(subject, looked)


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return tried(blind=False)


def test_what_a_network_looks_at_makes_its_answer_fall_and_rise_sooner(found: dict[str, dict[str, Any]]) -> None:
    assert list(found) == ["Grad-CAM", "saliency", RANDOM]
    for name in ("Grad-CAM", "saliency"):
        assert area(found[name]["deleted"]) < area(found[RANDOM]["deleted"]) - 0.02
        assert area(found[name]["inserted"]) > area(found[RANDOM]["inserted"]) + 0.02
    for each in found.values():  # both begin and end with the same pictures
        assert each["deleted"][0] == pytest.approx(each["inserted"][-1])
        assert each["deleted"][-1] == pytest.approx(each["inserted"][0])


def test_maps_that_change_with_the_weights_pass_and_others_do_not(found: dict[str, dict[str, Any]]) -> None:
    assert abs(found["saliency"]["random weights"]) < 0.5 and usable(found, "saliency")
    assert verdict(found).grade == "passed" and verdict(found).number < 0.5
    blind = tried(blind=True)
    assert blind["saliency"]["random weights"] > 0.99 and not usable(blind, "saliency")
    assert verdict(blind).grade == "doubtful" and "does not explain" in verdict(blind).sentence
    assert f"; {next(iter(found.values()))['n']} samples)" in verdict(found).sentence


def test_weights_are_dealt_out_and_not_changed() -> None:
    network = Corner(blind=False)
    other = dealt_anew(network, torch.Generator().manual_seed(0))
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
    assert not torch.equal(network.last.weight, other.get_submodule("last").weight)  # type: ignore[arg-type]


def test_rank_correlation_is_that_of_spearman() -> None:
    one = torch.arange(16.0).reshape(1, 4, 4)
    assert rank_correlation(one, one.exp()) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, torch.zeros(1, 4, 4)) == 0


def test_tables_and_curves_have_every_method(found: dict[str, dict[str, Any]]) -> None:
    made = tables(found)
    assert [row[0] for row in made["saliency"].rows] == list(found) and made["saliency"].rows[0][4] == 8
    assert len(made["saliency_curves"].rows) == 3 * 9
    curves = [item for item in section(found).items if isinstance(item, Curves)]
    assert [len(each.series) for each in curves] == [3, 3]
