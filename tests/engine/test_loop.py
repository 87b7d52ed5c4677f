"""The loop: exact under pieces, stopped by what is not finite, resumed to the same bits."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neocog.augment import Augmentation, ImageChanges
from neocog.config import TrainConfig
from neocog.data.batches import Batches
from neocog.data.dataset import ArrayImages, Dataset
from neocog.data.loader import Loader, Resident, Streamed
from neocog.data.preprocessing import Preprocessing
from neocog.engine import checkpoint
from neocog.engine.counters import Counters
from neocog.engine.interrupt import Guard, Interrupted
from neocog.engine.learner import Learner, learner, restore
from neocog.engine.loop import Loop
from neocog.engine.precision import Precision, choose
from neocog.engine.ranks import Ranks
from neocog.errors import CannotSave, UserError
from neocog.interop.numpy_module import NumpyOptimizer
from neocog.run import Run
from neocog.tasks.classification.objective import Classification

N, SIDE = 48, 6
PREPROCESSING = Preprocessing(1, (SIDE, SIDE), "uint8", (128.0,), (60.0,))
PIXELS = np.random.default_rng(0).integers(0, 256, (N, SIDE, SIDE, 1), dtype=np.uint8)
LABELS = (PIXELS.mean((1, 2, 3)) > 127).astype(np.int64)
NAMES = [f"image-{i}" for i in range(N)]
DATASET = Dataset("test", None, NAMES, LABELS, ("dark", "light"), ArrayImages(PIXELS, NAMES))


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(64, 2)
    )


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 2))


def prepared(
    folder: Path, make: Any = network, steps: int = 24, at_most: int = 1024, store: Any = None, **settings: Any
) -> tuple[Loop, Learner]:
    config = TrainConfig(batch=8, epochs=1, save_every=0.0, **settings)
    pixels = np.ascontiguousarray(PIXELS.transpose(0, 3, 1, 2))
    parts = {"train": np.arange(32), "validation": np.arange(32, 40), "test": np.arange(40, 48)}
    loader = Loader(
        store=store or Resident(pixels),
        targets=Resident(LABELS),
        weights=None,
        parts=parts,
        batches=Batches(32, 32 if config.optimizer == "gd" else 8, config.seed),
        preprocessing=PREPROCESSING,
        changes=ImageChanges(Augmentation(flip=0.5, noise=0.05)),
        device=torch.device("cpu"),
        at_most=at_most,
    )
    task = Classification(make, DATASET.classes)
    fresh = learner(task, config, loader.device)
    fresh.counters.steps = steps
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    return Loop(task, loader, config, choose("cpu", "fp32"), Ranks(), Run(folder), DATASET), fresh


@pytest.mark.parametrize("by_hand", [False, True], ids=["torch", "numpy"])
@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd"])
def test_the_schedules_rate_is_the_one_that_moves_the_weights(tmp_path: Path, by_hand: bool, optimizer: Any) -> None:
    settings = {
        "schedule": "exponential",
        "decay_steps": 1,
        "decay_rate": 1e-12,
        "weight_decay": 0.0,
        "optimizer": optimizer,
    }
    loop, fresh = prepared(tmp_path, plain, **settings)
    if by_hand:
        fresh.optimizers = {name: NumpyOptimizer.like(one) for name, one in fresh.optimizers.items()}
    weights = fresh.nets["model"][3].weight
    moved = []
    for step, micro_batches in loop.loader.training(0, 3):
        before = weights.detach().clone()
        loop.step(fresh, step, micro_batches)
        moved.append(float((weights.detach() - before).abs().max()))
    assert moved[0] > 1e-4 and max(moved[1:]) < 1e-9


def unwatched(_counters: Counters, _loss: float) -> None:
    pass


def same(a: Learner, b: Learner) -> None:
    for x, y in zip(a.nets["model"].state_dict().values(), b.nets["model"].state_dict().values(), strict=True):
        assert torch.equal(x, y)
    assert a.counters == b.counters
    for name in a.best:
        assert all(torch.equal(a.best[name][key], b.best[name][key]) for key in a.best[name])


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("more", [{}, {"ema": 0.9}, {"lookahead": 4, "bias_lr": 3.0}])
def test_a_run_that_is_stopped_and_resumed_ends_in_the_same_bits(tmp_path: Path, optimizer: str, more: Any) -> None:
    loop, whole = prepared(tmp_path / "whole", optimizer=optimizer, **more)
    loop.train(whole, Guard(), unwatched)

    loop, first = prepared(tmp_path / "stopped", optimizer=optimizer, **more)
    guard = Guard()

    def stop(counters: Counters, _loss: float) -> None:
        guard.signal = 15 if counters.step == 14 else None  # in the middle of the fourth epoch

    with pytest.raises(Interrupted):
        loop.train(first, guard, stop)
    loop, second = prepared(tmp_path / "stopped", optimizer=optimizer, **more)
    saved = checkpoint.latest(loop.run.checkpoints)
    assert saved is not None and saved.step == 14
    restore(second, saved)
    loop.train(second, Guard(), unwatched)
    same(whole, second)


def test_lookahead_goes_back_to_slow_weights_which_are_evaluated(tmp_path: Path) -> None:
    """As published: every 5 steps, and at the end, slow ← kept · slow + (1 − kept) · fast, fast ← slow."""
    settings = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "lr": 0.1, "weight_decay": 0.0}
    _, begun = prepared(tmp_path / "begun", plain)
    slow = [p.detach().clone() for p in begun.nets["model"].parameters()]
    loop, ahead = prepared(tmp_path / "ahead", plain, steps=12, lookahead=5, **settings)
    fast: list[list[torch.Tensor]] = []
    update = loop.update

    def watched(*given: Any) -> None:
        update(*given)
        fast.append([p.detach().clone() for p in ahead.nets["model"].parameters()])

    object.__setattr__(loop, "update", watched)
    loop.train(ahead, Guard(), unwatched)
    apart, apart_net = prepared(tmp_path / "apart", plain, steps=12, **settings)
    for step, micro_batches in apart.loader.training(0, 12):
        apart.step(apart_net, step, micro_batches)
        net = list(apart_net.nets["model"].parameters())
        if step + 1 in (5, 10, 12):
            kept = 0.95**5 * (step / 12) ** 3
            with torch.no_grad():
                for ours, theirs in zip(slow, net, strict=True):
                    ours.lerp_(theirs, 1 - kept)
                    theirs.copy_(ours)
        for ours, theirs in zip(fast[step], net, strict=True):
            torch.testing.assert_close(ours, theirs)
    assert ahead.evaluated is ahead.ema
    for ours, theirs in zip(slow, ahead.ema["model"].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_batch_in_pieces_gives_the_gradient_of_the_whole(tmp_path: Path) -> None:
    results = []
    for at_most in (1024, 5):
        loop, fresh = prepared(tmp_path / str(at_most), plain, 3, at_most, optimizer="gd", weight_decay=0.0)
        loop.train(fresh, Guard(), unwatched)
        results.append([p.detach().clone() for p in fresh.nets["model"].parameters()])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_streaming_with_any_number_of_workers_equals_pixels_in_memory(tmp_path: Path, workers: int) -> None:
    loop, resident = prepared(tmp_path / "a")
    loop.train(resident, Guard(), unwatched)
    loop, streamed = prepared(tmp_path / "b", store=Streamed(DATASET.images, PREPROCESSING, workers))
    loop.train(streamed, Guard(), unwatched)
    same(resident, streamed)


class Exploding(nn.Module):
    """Gives NaN in training from its fourth call on, or an infinite gradient."""

    def __init__(self, gradient: bool) -> None:
        super().__init__()
        self.inner, self.calls, self.gradient = plain(), 0, gradient

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.inner(x)
        self.calls += self.training
        if not self.training or self.calls < 4:
            return y
        if self.gradient:  # the value is finite, its derivative is not
            return y + torch.sqrt(torch.zeros_like(y) * y)
        return y * float("nan")


@pytest.mark.parametrize(("gradient", "says"), [(False, "the loss is nan"), (True, "the gradient is not finite")])
def test_what_is_not_finite_stops_in_the_same_step_and_names_the_images(
    tmp_path: Path, gradient: bool, says: str
) -> None:
    loop, fresh = prepared(tmp_path, lambda: Exploding(gradient))
    weights: list[dict[str, torch.Tensor]] = []

    def watch(counters: Counters, _loss: float) -> None:
        weights.append(copy.deepcopy(fresh.nets["model"].state_dict()))

    with pytest.raises(UserError) as error:
        loop.train(fresh, Guard(), watch)
    assert f"{says} in step 3" in error.value.what
    expected = {NAMES[i] for i in loop.loader.parts["train"][loop.loader.batches[3]]}
    assert {name for name in NAMES if name in error.value.where.replace(",", " ").split()} == expected
    now = fresh.nets["model"].state_dict()
    assert all(torch.equal(weights[2][name], value) for name, value in now.items()), "no weight was touched"
    saved = checkpoint.latest(loop.run.checkpoints)
    assert saved is not None and saved.step == 3
    assert all(torch.isfinite(t).all() for t in saved.tensors("model").values() if t.is_floating_point())


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    loop, fresh = prepared(tmp_path, steps=4 * 40, patience=3, lr=1e-9)
    loop.train(fresh, Guard(), unwatched)
    counters = fresh.counters
    assert counters.stopped and counters.step < counters.steps
    assert len(counters.rows) - counters.improved_epoch == 3


def test_the_best_weights_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    loop, fresh = prepared(tmp_path, steps=4 * 8, lr=0.05)
    loop.train(fresh, Guard(), unwatched)
    accuracies = [row["validation_accuracy"] for row in fresh.counters.rows]
    assert fresh.counters.best == max(accuracies)
    fresh.nets["model"].load_state_dict(fresh.best["model"])
    assert loop.measured(fresh.nets, "validation", Guard()) == pytest.approx(
        {"accuracy": max(accuracies), "loss": fresh.counters.rows[fresh.counters.best_epoch - 1]["validation_loss"]}
    )


def test_a_full_disk_is_told_and_does_not_end_the_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, fresh = prepared(tmp_path)
    saves = {"tried": 0}
    real = checkpoint.save

    def full(*args: Any, **kwargs: Any) -> Path:
        saves["tried"] += 1
        if saves["tried"] in (3, 4):
            raise CannotSave("the disk is full", "here", "make room")
        return real(*args, **kwargs)

    monkeypatch.setattr(checkpoint, "save", full)
    loop.train(fresh, Guard(), unwatched)
    assert fresh.counters.step == 24 and saves["tried"] > 4


def test_three_saves_that_fail_in_a_row_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, fresh = prepared(tmp_path)
    real, tried = checkpoint.save, []

    def full(*args: Any, **kwargs: Any) -> Path:
        tried.append(1)
        if len(tried) > 2:
            raise CannotSave("the disk is full", "here", "make room")
        return real(*args, **kwargs)

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(CannotSave, match="the disk is full"):
        loop.train(fresh, Guard(), unwatched)
    assert len(tried) == 5
    assert checkpoint.latest(loop.run.checkpoints) is not None


def test_it_learns_in_one_way_of_computing_and_is_judged_in_the_other(tmp_path: Path) -> None:
    inside: list[str] = []
    seen: set[tuple[str, bool]] = set()

    class Noted(Precision):
        @contextmanager
        def evaluating(self, device: torch.device) -> Iterator[None]:
            inside.append("evaluating")
            yield
            inside.pop()

        @contextmanager
        def learning(self, device: torch.device) -> Iterator[None]:
            inside.append("learning")
            yield
            inside.pop()

    class Listening(nn.Flatten):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.add((inside[-1], self.training))
            return super().forward(x)

    loop, fresh = prepared(tmp_path, lambda: nn.Sequential(Listening(), nn.Linear(SIDE * SIDE, 2)), steps=4)
    loop = replace(loop, precision=Noted("fp32", False, torch.float32, "a test"))
    loop.train(fresh, Guard(), unwatched)
    assert seen == {("learning", True), ("evaluating", False)}


PLACES = ("input", "loss", "gradient", "weight", "buffer", "mean", "optimizer")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")], ids=str)
@pytest.mark.parametrize("place", PLACES)
def test_nan_and_infinity_are_found_in_their_step_wherever_they_come_in_and_never_saved(
    tmp_path: Path, place: str, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 5 begins with the fault; the checkpoint after step 4 is the last one, and all of it is finite."""
    loop, fresh = prepared(tmp_path, ema=0.9)
    step, bad_step = loop.step, 5

    def poisoned(learner: Learner, number: int, micro_batches: list[Any]) -> float:
        net = learner.nets["model"]
        if number == bad_step and place == "input":
            micro_batches[0].inputs[3, 0, 2, 2] = bad
        elif number == bad_step and place == "loss":
            losses = loop.objective.losses
            monkeypatch.setattr(
                type(loop.objective),
                "losses",
                lambda _self, nets, batch: ((n, one * bad) for n, one in losses(nets, batch)),
            )
        elif number == bad_step and place == "gradient":
            next(net.parameters()).register_hook(lambda gradient: gradient.fill_(bad))
        elif number == bad_step and place in ("weight", "buffer", "mean"):
            holder = learner.ema["model"] if place == "mean" else net
            tensors = holder.buffers() if place == "buffer" else holder.parameters()
            with torch.no_grad():
                next(tensors).view(-1)[0] = bad
        elif number == bad_step:
            next(iter(learner.optimizers["model"].state.values()))["exp_avg_sq"].view(-1)[0] = bad
        return step(learner, number, micro_batches)

    object.__setattr__(loop, "step", poisoned)
    with pytest.raises(UserError, match=r"in step [56]: ") as error:
        loop.train(fresh, Guard(), unwatched)
    assert "not finite" in error.value.what or "the loss is" in error.value.what
    saved = checkpoint.latest(loop.run.checkpoints)
    assert saved is not None and saved.step == bad_step
    for name in saved.files:
        if name.endswith(".safetensors"):
            tensors = saved.tensors(name.removesuffix(".safetensors")).values()
            assert all(torch.isfinite(tensor).all() for tensor in tensors if tensor.is_floating_point())


def test_weights_that_outgrow_their_numbers_are_found_in_that_step(tmp_path: Path) -> None:
    loop, fresh = prepared(tmp_path, plain, optimizer="sgd", lr=3e38, weight_decay=0.0, warmup=0)
    next(fresh.nets["model"].parameters()).register_hook(
        lambda gradient: gradient.fill_(1e3)
    )  # 3e38 · 1e3 is no float32
    with pytest.raises(UserError, match="weights or their running means are not finite in step 0: "):
        loop.train(fresh, Guard(), unwatched)
    saved = checkpoint.latest(loop.run.checkpoints)
    assert saved is not None and saved.step == 0


@pytest.mark.parametrize(
    ("keep", "steps"), [(0, [19, 20]), (1, [0, 19, 20]), (2, [0, 16, 19, 20]), (6, [0, 4, 8, 12, 16, 19, 20])]
)
def test_checkpoints_that_are_to_stay_are_spread_evenly_over_the_epochs(
    tmp_path: Path, keep: int, steps: list[int]
) -> None:
    """Five epochs of 4 steps, saved after every step: beside the newest two those of every epoch, or second, or fourth."""
    loop, fresh = prepared(tmp_path, plain, steps=20, keep_checkpoints=keep)
    loop.train(fresh, Guard(), unwatched)
    assert checkpoint.steps(loop.run.checkpoints) == steps


def test_checkpoints_stay_where_seconds_have_not_passed_and_are_the_weights_of_their_epoch(tmp_path: Path) -> None:
    loop, fresh = prepared(tmp_path, plain, steps=12, keep_checkpoints=4)
    loop = replace(loop, config=replace(loop.config, save_every=1e6))
    seen = {}

    def watch(counters: Counters, _loss: float) -> None:
        seen[counters.step] = fresh.nets["model"][0].weight.detach().clone()

    loop.train(fresh, Guard(), watch)
    kept = [checkpoint.at_step(loop.run.checkpoints, step) for step in checkpoint.steps(loop.run.checkpoints)]
    assert [each.step for each in kept] == [0, 4, 8, 12]
    assert all(torch.equal(each.tensors("model")["0.weight"], seen[each.step]) for each in kept[1:])
    assert [len(each.state["counters"]["rows"]) for each in kept] == [0, 1, 2, 3]
