"""Learning from changed images: how far they may go, what they leave alone, and that the loop learns from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neocog.config import Config
from neocog.config.training import Adversary
from neocog.data.loader import Batch
from neocog.data.normalise import from_unit_range, in_unit_range, normalise
from neocog.data.preprocessing import Preprocessing, Scaling
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.tasks.adversarial import AGREEMENT, Adversarial, evaluating, evenly, under_attack
from neocog.tasks.classification.objective import Classification
from neocog.tasks.regression.objective import Regression
from neocog.verbs.ahead import planned
from neocog.verbs.prepare import arrange, read

RADIUS = 0.05
CLASSES = ("a", "b", "c")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 3)
    )


def preprocessing(scaling: Scaling = "data", low: float = 0, high: float = 255) -> Preprocessing:
    dtype = "uint8" if high == 255 else "uint16"
    return Preprocessing(
        1, (6, 6), dtype, (0.4 * (low + high),), (0.2 * (high - low),), low=low, high=high, scaling=scaling
    )


def batch_of(how: Preprocessing, count: int = 8, epoch: int = 0) -> Batch:
    shares = torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    pixels = (how.low + shares * (how.high - how.low)).round()
    stored = pixels if how.scaling == "image" else None
    inputs, targets = normalise(pixels, how, stored), torch.arange(count) % 3
    return Batch(inputs, targets, None, np.arange(count), count, pixels=pixels, stored=stored, epoch=epoch)


def objective(adversary: Adversary = "fast", how: Preprocessing | None = None, validated: int = 8) -> Adversarial:
    inner = Classification(network, CLASSES)
    return Adversarial(inner, how or preprocessing(), RADIUS, adversary, 5, np.arange(validated))


def loss_of(found: Adversarial, nets: dict[str, nn.Module], batch: Batch) -> float:
    with evaluating(nets):
        return float(next(found.inner.losses(nets, batch))[1].detach())


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("how", [preprocessing(), preprocessing("image"), preprocessing(low=100, high=4000)])
def test_images_are_changed_within_the_radius_of_stored_pixels_and_the_loss_grows(
    how: Preprocessing, steps: int
) -> None:
    found, batch = objective(how=how), batch_of(how)
    nets = found.networks()
    changed = found.attacked(nets, batch, steps)
    assert batch.pixels is not None
    mean, std = batch.pixels.mean((2, 3), keepdim=True), batch.pixels.std((2, 3), keepdim=True, correction=0)
    if how.scaling == "data":
        mean, std = torch.tensor(how.mean), torch.tensor(how.std)
    stored = changed.inputs * std + mean
    far = (stored - batch.pixels).abs() / (how.high - how.low)
    assert RADIUS * 0.99 < float(far.max()) <= RADIUS * 1.001
    assert how.low * 0.999 - 0.01 <= float(stored.min()) and float(stored.max()) <= how.high * 1.001
    assert loss_of(found, nets, changed) > 1.05 * loss_of(found, nets, batch)
    assert torch.equal(changed.targets, batch.targets)


def test_the_fast_way_is_one_and_a_quarter_radii_from_a_random_start() -> None:
    found, batch = objective(), batch_of(preprocessing())
    direction = torch.where(torch.arange(36).view(6, 6) % 2 == 0, 1.0, -1.0)
    changed = found.changed(found.networks(), batch, 1, lambda inputs: (inputs * direction).sum())
    assert batch.pixels is not None
    moved = changed.inputs * 51 + 102 - batch.pixels
    inside = (batch.pixels > 30) & (batch.pixels < 225)
    along = (moved * direction / 255)[inside]  # start in ± radius, 1.25 radii on, cut at the radius
    assert float(along.min()) >= 0.25 * RADIUS - 1e-4
    assert 0.52 < float((along > 0.999 * RADIUS).float().mean()) < 0.73  # 5 of 8
    assert float(along.max()) <= RADIUS * 1.001


def test_an_attack_leaves_networks_and_random_numbers_as_they_were() -> None:
    found, batch = objective("pgd"), batch_of(preprocessing())
    nets = found.networks()
    nets["model"].train()
    nets["model"][1].eval()  # type: ignore[index]
    before, state = {name: value.clone() for name, value in nets["model"].state_dict().items()}, torch.get_rng_state()
    found.attacked(nets, batch, 3)
    assert all(torch.equal(value, before[name]) for name, value in nets["model"].state_dict().items())
    assert all(each.grad is None for each in nets["model"].parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert [module.training for module in nets["model"]] == [True, False, True, True, True, True]  # type: ignore[union-attr]


def test_a_sample_is_changed_alike_in_any_batch_and_anew_in_each_epoch() -> None:
    found, batch = objective(), batch_of(preprocessing())
    nets = found.networks()
    whole = found.attacked(nets, batch, 1).inputs
    assert batch.pixels is not None
    half = Batch(batch.inputs[4:], batch.targets[4:], None, batch.samples[4:], 8, pixels=batch.pixels[4:])
    torch.testing.assert_close(found.attacked(nets, half, 1).inputs, whole[4:])
    assert not torch.allclose(found.attacked(nets, replace(batch, epoch=1), 1).inputs, whole)


def test_the_loop_learns_from_changed_images_and_trades_from_both() -> None:
    batch = batch_of(preprocessing())
    found = objective()
    nets = {"model": found.networks()["model"].eval()}
    ((_, loss),) = found.losses(nets, batch)
    changed = found.attacked(nets, batch, 1)
    torch.testing.assert_close(loss, F.cross_entropy(nets["model"](changed.inputs), batch.targets))
    seen: list[Tensor] = []
    nets["model"].register_forward_hook(lambda _module, given, _out: seen.append(given[0]))
    ((_, loss),) = objective("trades").losses(nets, batch)
    clean, moved = (nets["model"](inputs).log_softmax(1) for inputs in (batch.inputs, seen[-1]))
    assert not torch.equal(seen[-1], batch.inputs)
    agreement = (clean.exp() * (clean - moved)).sum(1).mean()
    assert float(agreement.detach()) > 1e-4
    torch.testing.assert_close(loss, F.cross_entropy(clean, batch.targets) + AGREEMENT * agreement)


def test_weights_get_their_gradient_under_autocast_too() -> None:
    for adversary in ("fast", "pgd", "trades"):
        found, batch = objective(adversary), batch_of(preprocessing())
        nets = found.networks()
        with torch.autocast("cpu", torch.bfloat16):
            ((_, loss),) = found.losses(nets, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in nets["model"][5].parameters()), (
            adversary
        )  # type: ignore[index]


def test_the_measure_under_attack_comes_first_and_is_of_the_validated_samples_alone() -> None:
    found, batch = objective(validated=3), batch_of(preprocessing())
    nets = {"model": found.networks()["model"].eval()}
    with torch.no_grad():
        totals = found.tally(nets, batch)
    assert (float(totals["n"]), float(totals["robust_n"])) == (8, 3)
    measures = found.measures(totals)
    assert list(measures) == ["robust_accuracy", "accuracy", "loss"]
    assert measures["accuracy"] == found.inner.measures(totals)["accuracy"]
    none = found.tally(nets, replace(batch, samples=batch.samples + 100))
    assert float(none["robust_n"]) == 0


def test_values_are_attacked_by_their_error() -> None:
    inner = Regression(lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 1)), (0.0,), (1.0,))
    found = Adversarial(inner, preprocessing(), RADIUS, "pgd", 0, np.arange(8))
    batch = replace(batch_of(preprocessing()), targets=torch.zeros(8, 1))
    nets = found.networks()
    assert loss_of(found, nets, found.attacked(nets, batch, 5)) > loss_of(found, nets, batch)
    with torch.no_grad():
        totals = found.tally(nets, batch)
    assert next(iter(found.measures(totals))) == "robust_explained"


@pytest.mark.parametrize(
    ("best", "now", "over"), [(0.5, 0.2, True), (0.5, 0.31, False), (0.3, 0.12, False), (0.9, 0.6, False)]
)
def test_a_collapse_ends_the_fast_way(best: float, now: float, over: bool) -> None:
    assert objective().is_over(best, now) is over
    assert not objective("pgd").is_over(best, now)


def test_the_validated_are_evenly_chosen() -> None:
    assert evenly(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert evenly(np.arange(3), 4).tolist() == [0, 1, 2]
    assert len(evenly(np.arange(5001), 1000)) <= 1000


def settings(data: str, **more: Any) -> dict[str, Any]:
    return {"data": data, "model": "mlp", "hidden": "4", "epochs": 1, "threads": 1, **more}


def test_the_setting_reaches_the_step(tmp_path: Path) -> None:
    config, progress = planned(Config(), settings("digits", adversarial="8/255"), None), Progress(quiet=True)
    session = arrange(config, read(config, progress), Ranks(), progress)
    found = under_attack(session.objective, session.config.training, session.loader)
    assert isinstance(found, Adversarial)
    assert (found.radius, found.adversary, found.inner) == (8 / 255, "fast", session.objective)
    _, (batch, *_) = next(session.loader.training(0, 1))
    nets = found.networks()
    changed = found.attacked(nets, batch, 1)
    assert batch.pixels is not None
    units = (in_unit_range(batch.pixels, session.preprocessing), session.preprocessing)
    torch.testing.assert_close(normalise(from_unit_range(*units), session.preprocessing, batch.stored), batch.inputs)
    assert float((changed.inputs - batch.inputs).abs().max()) > 0
    plain = replace(session.config.training, adversarial=0.0)
    assert under_attack(session.objective, plain, session.loader) is session.objective


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"adversary": "pgd"}, "--adversary pgd says how --adversarial changes images"),
        ({"adversarial": "8"}, "--adversarial 8 is above 1"),
        ({"adversarial": "8/0"}, "--adversarial 8/0 is not"),
        ({"adversarial": 0.1, "task": "vae", "model": "vae"}, "--adversarial is not for --task vae"),
        ({"adversarial": 0.1, "engine": "numpy"}, "--adversarial belongs to --engine torch"),
        ({"adversarial": 0.1, "kind": "sequences"}, "--adversarial belongs to --kind images or volumes"),
        ({"adversarial": 0.1, "task": "regression", "adversary": "trades"}, "--adversary trades compares the shares"),
    ],
)
def test_what_has_no_effect_is_refused(more: dict[str, Any], what: str) -> None:
    given = {"data": "digits", "epochs": 1, **more}
    with pytest.raises(UserError) as error:
        planned(Config(), given, None)
    assert what in " ".join(each.what for each in getattr(error.value, "errors", [error.value]))
