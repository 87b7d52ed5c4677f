"""Between data and loss: what is known of a sample reaches the step that learns from it, and nothing of the test part does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from neocog.augment import Augmentation
from neocog.augment.transforms import MaskChanges
from neocog.config import Config
from neocog.data.preprocessing import Preprocessing
from neocog.engine.interrupt import Guard
from neocog.engine.learner import learner
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.networks import build
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Session
from neocog.verbs.ahead import planned
from neocog.verbs.prepare import arrange, read
from neocog.verbs.transfer import start_from

N = 60


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures, the test ones much brighter and of one class more often, with a given split and weights."""
    folder, rng = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    lines = ["image,label,split,weight"]
    for i in range(N):
        part = ("train", "train", "validation", "test")[i % 4]
        level = 220 if part == "test" else 60 + 40 * (i % 3)
        pixels = (level + rng.integers(-30, 31, (8, 8, 3))).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
        label = "a" if part == "test" or i % 5 == 0 else "b"
        lines.append(f"{i}.png,{label},{part},{9 if part == 'test' else (0, 1, 4)[i % 3]}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "table.csv"


def arranged(data: Path, fold: int | None = None, **settings: Any) -> Session:
    given = {"model": "mlp", "hidden": "4", "epochs": 2, "threads": 1, "batch": 8, "augment": ("off",), **settings}
    given = {name: value for name, value in given.items() if value is not None}
    config, progress = planned(Config(), {"data": str(data), **given}, None), Progress(quiet=True)
    return arrange(config, read(config, progress), Ranks(), progress, fold)


def loop_of(session: Session, folder: Path) -> Loop:
    (folder / "checkpoints").mkdir()
    return Loop(
        session.objective,
        session.loader,
        session.config.training,
        choose("cpu", "fp32"),
        Ranks(),
        Run(folder),
        session.dataset,
    )


def test_the_weights_of_the_table_are_those_of_the_loss(table: Path, tmp_path: Path) -> None:
    session = arranged(table, columns=("weight=weight",))
    assert session.dataset.weights is not None
    train = session.parts == "train"
    expected = session.dataset.weights / session.dataset.weights[train].mean()
    fresh = learner(session.objective, session.config.training, torch.device("cpu"))
    fresh.counters.steps = 2
    (_, (batch,)) = next(iter(session.loader.training(0, 1)))
    np.testing.assert_allclose(batch.weights, expected[batch.samples], rtol=1e-6)
    assert {0.0} < set(batch.weights.tolist()), "the test wants samples that do not count"
    with torch.no_grad():
        each = F.cross_entropy(fresh.nets["model"].train()(batch.inputs), batch.targets, reduction="none")
    loss = loop_of(session, tmp_path).step(fresh, 0, [batch])
    assert loss == pytest.approx(float((each * batch.weights).mean()), rel=1e-5)


def test_validation_counts_every_sample_whatever_the_pieces(table: Path, tmp_path: Path) -> None:
    session = arranged(table)
    object.__setattr__(session.loader, "at_once", 4)  # 15 samples: a last piece of 3
    fresh = learner(session.objective, session.config.training, torch.device("cpu"))
    net, where = fresh.nets["model"].eval(), session.loader.parts["validation"]
    with torch.no_grad():
        logits = net(session.loader.seen(where, None).inputs)
    right = float((logits.argmax(1).numpy() == session.dataset.labels[where]).mean())
    found = loop_of(session, tmp_path).measured(fresh.nets, "validation", Guard())
    assert found is not None and len(where) == 15
    assert found["accuracy"] == pytest.approx(right)
    assert found["loss"] == pytest.approx(
        float(F.cross_entropy(logits, torch.from_numpy(session.dataset.labels[where])))
    )


def test_mean_deviation_and_class_weights_are_those_of_the_training_part(table: Path) -> None:
    session = arranged(table, class_weights="balanced")
    train = np.flatnonzero(session.parts == "train")
    pixels = np.stack([session.dataset.images.read(int(i)) for i in train]).astype(np.float64)
    np.testing.assert_allclose(session.preprocessing.mean, pixels.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(session.preprocessing.std, pixels.std((0, 1, 2)), rtol=1e-4)
    counts = np.bincount(session.dataset.labels[train])
    np.testing.assert_allclose(session.objective.class_weights, len(train) / (2 * counts))  # type: ignore[attr-defined]


def test_an_epoch_learns_every_training_sample_once_and_nothing_else(table: Path) -> None:
    session = arranged(table)
    per_epoch = session.loader.batches.per_epoch
    seen = Counter(
        int(i) for _, pieces in session.loader.training(0, per_epoch) for piece in pieces for i in piece.samples
    )
    assert seen == Counter(np.flatnonzero(session.parts == "train").tolist())


def test_each_epoch_changes_the_images_anew(table: Path) -> None:
    session = arranged(table, augment=("off", "noise=0.2"))
    first, second = (session.loader.seen(np.array([0, 1, 4]), epoch).inputs for epoch in (0, 1))
    assert not torch.equal(first, second)
    per_epoch = session.loader.batches.per_epoch
    for step, pieces in session.loader.training(0, 2 * per_epoch):
        for piece in pieces:
            assert torch.equal(piece.inputs, session.loader.seen(piece.samples, step // per_epoch).inputs)


def test_folds_have_a_validation_part_unless_it_is_given_away(table: Path) -> None:
    parts = [arranged(table, fold, folds=4).parts for fold in range(4)]
    assert all({"train", "validation", "test"} == set(part.tolist()) for part in parts)
    tested = np.stack([part == "test" for part in parts])
    assert (tested.sum(0) == 1).all() and (np.stack([part == "validation" for part in parts]).sum(0) == 1).all()


def test_masks_move_with_their_images() -> None:
    rng = np.random.default_rng(0)
    masks = np.zeros((6, 40, 40), np.uint8)
    for mask in masks:
        top, left = rng.integers(4, 18, 2)
        mask[top : top + 12, left : left + 9] = 1
    pixels, targets = torch.from_numpy(masks[:, None] * 255), torch.from_numpy(masks)
    preprocessing = Preprocessing(1, (40, 40), "uint8", (0.0,), (255.0,))
    policy = Augmentation(flip=0.5, flip_vertical=0.5, turn=90, scale=0.2, translate=0.2, shear=10)
    for patch in (None, (24, 24)):
        changed, moved = MaskChanges(policy, patch)(pixels, targets, torch.arange(6), 0, 3, preprocessing)
        agree = ((changed[:, 0].float() > 127) == (moved == 1)).float().mean()
        assert agree > 0.98 and not torch.equal(moved, targets)


def test_a_layer_that_begins_with_images_sees_those_of_the_training_part_as_they_are_trained_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["image,label,split"]
    for i in range(40):
        part, level = (("train", 80), ("validation", 160), ("test", 220))[min(i % 4, 2)]
        pixels = (level + rng.integers(-30, 31, (18, 18, 3))).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i // 4 % 2]},{part}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    more = {"model": "airbench", "widths": (4, 4), "lookahead": 5, "hidden": None}
    session = arranged(tmp_path / "table.csv", **more)
    fresh = learner(session.objective, session.config.training, torch.device("cpu"))
    start_from(session, fresh)
    expected = build("airbench", 3, (18, 18), 2, widths=(4, 4))
    expected.learn_from(session.loader.seen(session.loader.parts["train"], None).inputs)  # type: ignore[operator]
    for net in (fresh.nets["model"], fresh.ema["model"]):
        torch.testing.assert_close(net.whiten.weight, expected.whiten.weight)  # type: ignore[union-attr]
    torch.testing.assert_close(fresh.nets["model"].state_dict(), fresh.ema["model"].state_dict())


def test_the_unet_sees_through_its_bridges() -> None:
    """With nothing coming up from the bottom, what is seen is what the bridges carry."""
    torch.manual_seed(0)
    net = build("unet", 1, (16, 16), 2, masks=True, width=4, depth=2).eval()
    hooks = [net.dropout.register_forward_hook(lambda _net, _given, maps: torch.zeros_like(maps))]
    with torch.no_grad():
        plain, dotted = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)
        dotted[0, 0, 8, 8] = 5
        assert not torch.allclose(net(plain), net(dotted))
    for hook in hooks:
        hook.remove()
