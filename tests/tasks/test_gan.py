"""The game: losses by hand, two updates that do not disturb each other, pieces, collapse in words."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neocog.augment.differentiable import Drawn
from neocog.config import TrainConfig
from neocog.data.batches import Batches
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.loader import Batch, Loader, Resident
from neocog.data.preprocessing import Preprocessing
from neocog.engine.interrupt import Guard
from neocog.engine.learner import Learner, learner
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.networks.dcgan import Discriminator, Generator
from neocog.run import Run
from neocog.tasks.gan.losses import DISCRIMINATOR, GENERATOR, GameLoss, discriminator_loss, generator_loss
from neocog.tasks.gan.objective import GAN, troubles

KINDS: tuple[GameLoss, ...] = ("non-saturating", "minimax", "hinge")
SIDE = 8


def test_losses_by_hand() -> None:
    real, fake = torch.tensor([math.log(3)]), torch.tensor([-math.log(4)])  # D = 0.75 and 0.2
    expected = -0.5 * (math.log(0.75) + math.log(0.8))
    for kind in ("non-saturating", "minimax"):
        assert float(discriminator_loss(kind, real, fake)) == pytest.approx(expected)
    assert float(generator_loss("non-saturating", fake)) == pytest.approx(-math.log(0.2))
    assert float(generator_loss("minimax", fake)) == pytest.approx(math.log(0.8))
    real, fake = torch.tensor([0.4]), torch.tensor([-1.5])
    assert float(discriminator_loss("hinge", real, fake)) == pytest.approx(0.5 * 0.6)
    assert float(generator_loss("hinge", fake)) == pytest.approx(1.5)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_have_their_ideal_and_worst_values_where_they_are_said_to(kind: GameLoss) -> None:
    none, sure = torch.zeros(1), torch.full((1,), 40.0)
    assert float(discriminator_loss(kind, none, none)) == pytest.approx(DISCRIMINATOR[kind].ideal)
    assert float(generator_loss(kind, none)) == pytest.approx(GENERATOR[kind].ideal)
    assert float(discriminator_loss(kind, sure, -sure)) == pytest.approx(DISCRIMINATOR[kind].lost, abs=1e-6)
    lost = float(generator_loss(kind, -sure))
    assert lost == pytest.approx(GENERATOR[kind].lost, abs=1e-6) if kind == "minimax" else lost >= 1
    assert DISCRIMINATOR["minimax"].ideal == pytest.approx(0.6931, abs=1e-4)


def test_only_the_minimax_loss_saturates_where_the_discriminator_is_sure() -> None:
    slopes = {}
    for kind in KINDS:
        logit = torch.tensor([-10.0], requires_grad=True)
        generator_loss(kind, logit).backward()
        assert logit.grad is not None
        slopes[kind] = abs(float(logit.grad))
    assert slopes["minimax"] < 1e-4 < 0.99 < slopes["non-saturating"] and slopes["hinge"] == 1


def task(kind: GameLoss = "non-saturating", augment: bool = False, norm: bool = True) -> GAN:
    def discriminator() -> nn.Module:
        return Discriminator(1, (SIDE, SIDE), width=4, spectral=not norm)

    return GAN(lambda: Generator(1, (SIDE, SIDE), latent=6, width=4), discriminator, 6, kind, augment)


PIXELS = np.random.default_rng(0).integers(0, 256, (48, 1, SIDE, SIDE), dtype=np.uint8)
NAMES = [f"image-{i}" for i in range(48)]


def prepared(folder: Path, one: GAN, at_most: int = 1024, steps: int = 3, **settings: Any) -> tuple[Loop, Learner]:
    config = TrainConfig(
        batch=16, epochs=1, optimizer="sgd", schedule="constant", lr=0.05, weight_decay=0.0, **settings
    )
    parts = {"train": np.arange(32), "validation": np.arange(32, 40), "test": np.arange(40, 48)}
    preprocessing = Preprocessing(1, (SIDE, SIDE), "uint8", (127.5,), (127.5,))
    labels = np.zeros(48, np.int64)
    loader = Loader(
        store=Resident(PIXELS), targets=Resident(labels), weights=None, parts=parts, batches=Batches(32, 16, 0),
        preprocessing=preprocessing, changes=None, device=torch.device("cpu"), at_most=at_most,
    )  # fmt: skip
    dataset = Dataset("test", None, NAMES, labels, ("a", "b"), ArrayImages(PIXELS.transpose(0, 2, 3, 1), NAMES))
    fresh = learner(one, config, loader.device)
    fresh.counters.steps = steps
    (folder / "checkpoints").mkdir(parents=True)
    return Loop(one, loader, config, choose("cpu", "fp32"), Ranks(), Run(folder), dataset), fresh


def unwatched(*_: object) -> None:
    pass


def test_each_image_is_judged_as_what_it_is_and_generated_ones_as_what_was_asked_for() -> None:
    """A discriminator that writes down what it is given; the labels of the batch are 2, 0, 1."""
    heard: list[list[int]] = []

    class Listening(nn.Module):
        def forward(self, images: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
            heard.append(kinds.tolist())
            return images.flatten(1).mean(1)

    class Asked(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            heard.append(z[:, -3:].argmax(1).tolist())
            return z.mean(1).view(-1, 1, 1, 1).expand(-1, 1, SIDE, SIDE)

    one = GAN(Asked, Listening, 9, classes=3)
    labels = torch.tensor([2, 0, 1])
    batch = Batch(torch.zeros(3, 1, SIDE, SIDE), labels, None, np.arange(3), 3)
    list(one.losses({"generator": Asked(), "discriminator": Listening()}, batch))
    assert len(heard) == 4
    one.tally({"generator": Asked(), "discriminator": Listening()}, batch)
    assert len(heard) == 7 and all(kinds == [2, 0, 1] for kinds in heard)


class Still(nn.Module):
    """A network without batch norm, whose result does not depend on what else is in the batch."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer, self.outputs = nn.Linear(inputs, outputs), outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x.flatten(1))
        return found[:, 0] if self.outputs == 1 else found.tanh().view(-1, 1, SIDE, SIDE)


def test_a_batch_in_pieces_gives_both_networks_the_step_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generator's step, too, is one against the discriminator that all pieces have updated."""
    one = GAN(lambda: Still(6, SIDE**2), lambda: Still(SIDE**2, 1), 6)
    latents = torch.randn(3, 16, 6, generator=torch.Generator().manual_seed(1))
    results = []
    for at_most in (1024, 4):
        given = iter(latents.reshape(-1, min(at_most, 16), 6))
        monkeypatch.setattr(torch, "randn", lambda *_, given=given, **__: next(given))
        loop, fresh = prepared(tmp_path / str(at_most), one, at_most)
        before = copy.deepcopy(fresh.nets)
        loop.train(fresh, Guard(), unwatched)
        results.append([p.detach().clone() for net in fresh.nets.values() for p in net.parameters()])
        assert all(
            not torch.equal(a, b)
            for name in before
            for a, b in zip(before[name].parameters(), fresh.nets[name].parameters(), strict=True)
        )
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("augment", [False, True])
def test_the_generators_backward_pass_leaves_nothing_in_the_discriminator(kind: GameLoss, augment: bool) -> None:
    one = task(kind, augment, kind != "hinge")
    nets = one.networks()
    batch = Batch(torch.rand(8, 1, SIDE, SIDE) * 2 - 1, torch.zeros(8), None, np.arange(8), 8)
    turns = one.losses(nets, batch)
    name, loss = next(turns)
    assert name == "discriminator"
    loss.backward()
    assert all(p.grad is None for p in nets["generator"].parameters()), "the fakes of the first turn are detached"
    before = [p.grad.clone() for p in nets["discriminator"].parameters() if p.grad is not None]
    assert len(before) == len(list(nets["discriminator"].parameters()))
    name, loss = next(turns)
    assert name == "generator"
    loss.backward()
    assert next(turns, None) is None
    for a, b in zip(before, nets["discriminator"].parameters(), strict=True):
        assert b.grad is not None and torch.equal(a, b.grad)
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in nets["generator"].parameters())


def test_the_last_epoch_is_kept_whatever_the_losses_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    falling = iter(range(100, 0, -1))
    monkeypatch.setattr(GAN, "measures", lambda *_: {"d_real": float(next(falling))})
    loop, fresh = prepared(tmp_path, task(), steps=8)
    loop.train(fresh, Guard(), unwatched)
    assert [row["validation_d_real"] for row in fresh.counters.rows] == [100, 99, 98, 97]
    assert fresh.counters.best_epoch == 4
    last = fresh.nets["generator"].state_dict()
    assert all(torch.equal(value, last[name]) for name, value in fresh.best["generator"].items())


def test_the_tally_is_the_same_for_any_batches_and_spread_is_the_mean_distance() -> None:
    one = task()
    nets = {name: net.eval() for name, net in one.networks().items()}
    inputs = torch.rand(12, 1, SIDE, SIDE) * 2 - 1

    def tally(places: list[int]) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            return one.tally(nets, Batch(inputs[places], torch.zeros(12), None, np.array(places), 12))

    whole, parts = tally(list(range(12))), (tally([7, 0, 3]), tally([1, 2, 4, 5, 6, 8, 9, 10, 11]))
    for name, value in whole.items():
        torch.testing.assert_close(value, parts[0][name] + parts[1][name], rtol=1e-5, atol=1e-5)

    def collapsed(z: torch.Tensor) -> torch.Tensor:
        return inputs[:6].repeat(2, 1, 1, 1)  # half of the images, each twice

    nets["generator"] = Function(collapsed)
    spread = one.measures(tally(list(range(12))))["spread"]
    pairs = [torch.cdist(x.flatten(1), x.flatten(1)).square().mean() for x in (collapsed(inputs), inputs)]
    assert spread == pytest.approx(float(pairs[0] / pairs[1]), rel=1e-4)


class Function(nn.Module):
    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.call(x)
        return found


def test_collapse_and_a_discriminator_that_wins_are_said_in_words() -> None:
    healthy = {"d_real": 0.6, "d_fake": 0.4, "d_loss": 0.6, "g_loss": 0.9, "spread": 0.9}
    assert troubles(healthy, "non-saturating") == []
    assert "mode collapse" in troubles(healthy | {"spread": 0.1}, "minimax")[0]
    won = {"d_real": 0.99, "d_fake": 0.01}
    assert "discriminator wins: D(x) 0.99, D(G(z)) 0.01" in troubles(healthy | won, "non-saturating")[0]
    assert troubles(healthy | won, "hinge") == []  # margins, not probabilities
    assert "wins" in troubles(healthy | {"d_real": 1.5, "d_fake": -1.5}, "hinge")[0]


def test_diff_augment_lets_gradients_through_and_is_the_same_for_real_and_generated() -> None:
    torch.manual_seed(0)
    real = torch.rand(64, 3, 16, 16) * 2 - 1
    fake = real.clone().requires_grad_()
    drawn = Drawn.of(64, real.device)
    assert torch.equal(drawn(real), drawn(fake))
    assert not torch.equal(drawn(real), Drawn.of(64, real.device)(real))
    drawn(fake).square().sum().backward()
    assert fake.grad is not None
    touched = (fake.grad.abs() > 0).float().flatten(1).mean(1)
    assert float(touched.min()) > 0.1, "every image gets a gradient, not only where it was left as it is"
    for change in (drawn.coloured, drawn.moved, drawn.cut):
        assert change(real).shape == real.shape and not torch.equal(change(real), real)


def test_diff_augment_moves_by_whole_pixels_and_cuts_a_quarter_at_most() -> None:
    chances = torch.full((1, 7), 0.5)
    image = torch.arange(256.0).view(1, 1, 16, 16) / 128 - 1
    torch.testing.assert_close(Drawn(chances).moved(image), image)
    chances[0, 3] = 1.0  # two pixels down
    torch.testing.assert_close(Drawn(chances).moved(image)[..., 2:, :], image[..., :-2, :])
    assert float(Drawn(chances).moved(image)[..., :2, :].max()) == -1
    hole = Drawn(torch.full((1, 7), 0.5)).cut(torch.ones(1, 1, 16, 16)) == 0
    assert int(hole.sum()) == 64
