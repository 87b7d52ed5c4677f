"""``models``: exact counts, without building what is only listed, and the same for programs and people."""

from __future__ import annotations

import json

import pytest
import torch
from rich.console import Console
from torch import nn

from neocog.networks import MODELS, OTHERS
from neocog.run import to_json
from neocog.verbs import models as verb


def test_every_network_has_a_row_with_its_counts() -> None:
    rows = json.loads(to_json({"models": verb.models()}))["models"]
    assert [row["name"] for row in rows] == [*MODELS, *OTHERS]
    assert all(row["paper"] and (row["parameters"] or row["note"]) for row in rows)
    named = {row["name"]: row for row in rows}
    assert all(row["parameters"] for row in rows)
    assert named["resnet3d"]["input"] == "1 × 32 × 32 × 32" and named["cnn3d"]["multiply_adds"] > 0
    assert named["barcode-resnet"]["input"] == "4 × 1 × 660" and named["unet"]["input"] == "1 × 572 × 572"
    assert (named["lenet5"]["input"], named["lenet5"]["parameters"]) == ("1 × 32 × 32", 61_706)  # LeCun et al. 1998
    assert (named["darknet19"]["outputs"], round(named["darknet19"]["parameters"] / 1e6, 1)) == (1000, 20.8)
    assert named["vae"]["input"] == "1 × 28 × 28" and named["cifarcnn"]["outputs"] == 10
    cifarcnn = next(row for row in rows if row["name"] == "cifarcnn")
    assert cifarcnn["parameters"] == 5_852_170 and cifarcnn["megabytes"] == 23.409


def test_lenets_multiply_adds_are_those_that_one_counts_by_hand() -> None:
    lenet = next(row for row in verb.models(1, (28, 28), 10) if row["name"] == "lenet5")
    by_hand = 6 * 28 * 28 * 25 + 16 * 10 * 10 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
    assert (lenet["parameters"], lenet["multiply_adds"]) == (61_706, by_hand)


def test_groups_count_once() -> None:
    layer = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2))
    assert verb.multiply_adds(layer, 4, (5, 5)) == 8 * 3 * 3 * 2 * 9


def test_a_size_below_the_minimum_is_a_note_in_its_row() -> None:
    rows = {row["name"]: row for row in verb.models(1, (10, 10), 10)}
    assert rows["lenet5"]["parameters"] is None and "at least 12 × 12" in rows["lenet5"]["note"]
    assert rows["cnn"]["parameters"] > 0


def test_the_list_for_people_names_every_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.models.get_model", None)  # names are listed, nothing is built
    console = Console(width=120, record=True, quiet=True)
    console.quiet, console.file = False, open("/dev/null", "w")  # noqa: SIM115
    verb.show(verb.models(), console)
    text = console.export_text()
    console.file.close()
    for name in [*MODELS, "5,852,170", "resnet18", "vgg11_bn", "timm:NAME", "file.py:Class", "LeCun"]:
        assert name in text
    from neocog.networks.external import torchvision_names

    families = verb.torchvision_families()
    assert sorted(name for names in families.values() for name in names) == sorted(torchvision_names())
    assert families["resnet"] == ["resnet101", "resnet152", "resnet18", "resnet34", "resnet50"]


def test_the_options_of_one_network_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    verb.show_options("cnn", Console(width=140))
    text = capsys.readouterr().out
    assert "--widths" in text and "32,64,128" in text and "leaky_relu" in text and "--batch-norm" in text
    verb.show_options("torchvision:resnet18", Console(width=140))
    assert "--" not in capsys.readouterr().out


def test_counting_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    verb.multiply_adds(model, 1, (4, 4))
    assert model.training and not model[0]._forward_hooks
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
