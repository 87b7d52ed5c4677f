"""Muon: hidden weights move along orthogonal matrices, all others as AdamW moves them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import neocog
from neocog.config import Config, TrainConfig
from neocog.engine.muon import COEFFICIENTS, LIKE_ADAM, STEPS, orthogonal
from neocog.engine.optimizer_state import optimizer_tensors, restore_optimizer
from neocog.engine.update import apply_update, optimizer_for
from neocog.errors import UserError
from neocog.verbs.ahead import planned

SETTINGS = TrainConfig(optimizer="muon", momentum=0.95, betas=(0.9, 0.99), weight_decay=0.1, lr=0.02)


def net(bias: bool = True) -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Linear(3, 6, bias), nn.Tanh(), nn.Linear(6, 4, bias), nn.Tanh(), nn.Linear(4, 2, bias)
    return nn.Sequential(*layers)


def backward(model: nn.Module) -> None:
    model.zero_grad()
    model(torch.linspace(-1, 1, 15).reshape(5, 3)).square().sum().backward()


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5)])
def test_singular_vectors_stay_and_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.mT @ orthogonal(matrix) @ right.mT
    assert (values.max() / values.min()) > 1.5 and found.diagonal().min() > 0.6 and found.diagonal().max() < 1.3
    assert (found - torch.diag(found.diagonal())).abs().max() < 1e-4


def test_hidden_weights_move_as_by_torchs_own_muon_and_the_others_as_by_adamw(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the iteration, which is torch's own in bf16, too coarse for a comparison."""
    iterated = torch.optim._muon._zeropower_via_newtonschulz  # type: ignore[attr-defined]
    monkeypatch.setattr("neocog.engine.muon.orthogonal", lambda m: iterated(m, COEFFICIENTS, STEPS, 1e-7).float())
    ours, theirs = net(), net()
    optimizer = optimizer_for(ours, SETTINGS)
    muon = torch.optim.Muon([theirs[2].weight], 0.02, 0.1, 0.95, adjust_lr_fn="match_rms_adamw")
    others = [p for name, p in theirs.named_parameters() if name != "2.weight"]
    groups = [
        {"params": [p for p in others if (p.ndim > 1) == decays], "weight_decay": 0.1 * decays} for decays in (0, 1)
    ]
    adam = torch.optim.AdamW(groups, 0.02, betas=(0.9, 0.99))
    for _ in range(4):
        backward(ours)
        apply_update(ours, optimizer, SETTINGS, lr=0.02)
        backward(theirs)
        muon.step()
        adam.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_what_it_remembers_is_saved_and_put_back() -> None:
    whole, stopped = net(), net()
    optimizer, first = optimizer_for(whole, SETTINGS), optimizer_for(stopped, SETTINGS)
    for step in range(6):
        for model, steps in ((whole, optimizer), (stopped, first)):
            backward(model)
            apply_update(model, steps, SETTINGS, lr=0.02)
        if step == 2:
            tensors, plain = optimizer_tensors(first)
            first = optimizer_for(stopped, SETTINGS)
            restore_optimizer(first, tensors, json.loads(json.dumps(plain)))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), stopped.parameters(), strict=True))


def test_filters_are_rows_whatever_their_memory_order() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, 3))
    last = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, 3))
    last.load_state_dict(plain.state_dict())
    last.to(memory_format=torch.channels_last)
    before, images = plain[1].weight.detach().clone(), torch.randn(4, 2, 9, 9)
    for model in (plain, last):
        steps = optimizer_for(model, SETTINGS)
        for _ in range(3):
            model.zero_grad()
            model(images).square().mean().backward()
            apply_update(model, steps, SETTINGS, 0.02)
    torch.testing.assert_close(plain[1].weight, last[1].weight, rtol=1e-4, atol=1e-6)
    assert float((plain[1].weight.detach() - before).square().mean().sqrt()) > 0.02 * LIKE_ADAM / 2


def test_a_network_without_hidden_weights_and_another_engine_are_refused() -> None:
    with pytest.raises(UserError, match="none of these is learned"):
        optimizer_for(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), SETTINGS)
    with pytest.raises(UserError, match="--engine numpy has no --optimizer muon"):
        planned(Config(), {"optimizer": "muon", "engine": "numpy"})


def test_a_network_without_hidden_weights_is_refused_before_an_image_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of these is learned"):
        neocog.train("digits", tmp_path / "run", model="mlp", hidden="", optimizer="muon", quiet=True)
    assert not (tmp_path / "run").exists()


def test_muon_learns_digits(tmp_path: Path) -> None:
    run = neocog.train(
        "digits",
        tmp_path / "run",
        model="cnn",
        widths="8,16,16",
        optimizer="muon",
        lr=0.02,
        epochs=5,
        threads=1,
        quiet=True,
    )
    assert json.loads(run.result.read_text())["measures"]["test"]["accuracy"]["value"] > 0.85
