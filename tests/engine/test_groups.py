"""Groups in the loss: a small group's weight, and group DRO, which is the same in any pieces and goes on where it was."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import neocog
from neocog.config import Config
from neocog.data.loader import Batch
from neocog.engine.groups import RATE, Groups
from neocog.engine.learner import learner
from neocog.engine.loop import Loop
from neocog.engine.precision import choose
from neocog.engine.ranks import Ranks
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.run import Run
from neocog.tasks.task import Session
from neocog.verbs.ahead import planned
from neocog.verbs.fit import worst_most
from neocog.verbs.prepare import arrange, read

MODEL = {"model": "mlp", "hidden": (4,), "threads": 1, "augment": ("off",), "batch": 10, "epochs": 3}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of the north, bright ones of class b; eight of the south, where bright ones are of class a."""
    folder, rng = tmp_path_factory.mktemp("sites"), np.random.default_rng(0)
    lines = ["image,label,site,split"]
    for number in range(96):
        site, label = "south" if number % 6 == 5 else "north", "ab"[number // 2 % 2]
        bright = (label == "b") == (site == "north")
        pixels = np.clip((160 if bright else 70) + rng.normal(0, 20, (8, 8)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(
            f"{number}.png,{label},{site},{'train' if number < 60 else 'validation' if number < 72 else 'test'}"
        )
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return folder / "table.csv"


def arranged(sites: Path, **settings: Any) -> Session:
    given = {"data": str(sites), "columns": ("group=site",), **MODEL, **settings}
    config = planned(Config(), given, None)
    quiet = Progress(quiet=True)
    return arrange(config, read(config, quiet), Ranks(), quiet)


def loop_of(session: Session, folder: Path) -> Loop:
    return Loop(
        session.objective, session.loader, session.config.training, choose("cpu", "fp32"), Ranks(), Run(folder),
        session.dataset, groups=worst_most(session),
    )  # fmt: skip


def counts(session: Session) -> dict[str, float]:
    """The weight of each group's training samples, in all."""
    train, weights = session.loader.parts["train"], session.loader.weights
    assert weights is not None and session.dataset.groups is not None
    groups = session.dataset.groups[train]
    return {name: float(weights[train][groups == name].sum()) for name in np.unique(groups).tolist()}


def test_balanced_groups_count_alike_and_the_mean_stays_one(sites: Path) -> None:
    session = arranged(sites, group_weights="balanced")
    assert counts(session) == {"north": pytest.approx(30, rel=1e-6), "south": pytest.approx(30, rel=1e-6)}
    assert arranged(sites).loader.weights is None


def test_weights_of_the_data_hold_within_a_group() -> None:
    groups = Groups(("a", "b"), np.array([0, 0, 0, 1, -1]), np.array([0.75, 0.25]))
    weights = groups.balanced(np.array([1.0, 2.0, 3.0, 4.0, 7.0]), np.array([0, 1, 2, 3]))
    assert weights[:3].sum() == pytest.approx(weights[3]) == pytest.approx(5)
    assert weights[1] == pytest.approx(2 * weights[0]) and weights[4] == 7


def test_a_group_s_weight_reaches_the_gradient(sites: Path, tmp_path: Path) -> None:
    gradients = {}
    for given in ("none", "balanced"):
        session = arranged(sites, group_weights=given)
        fresh = learner(session.objective, session.config.training, torch.device("cpu"))
        ((_, pieces), *_) = session.loader.training(0, 1)
        for _, loss in session.objective.losses(fresh.nets, pieces[0]):
            loss.backward()  # type: ignore[no-untyped-call]
        gradients[given] = torch.cat([p.grad.flatten() for p in fresh.nets["model"].parameters() if p.grad is not None])
    assert not torch.allclose(gradients["none"], gradients["balanced"], rtol=0.01)


def test_group_dro_is_the_papers_update_of_the_losses_that_the_step_had(sites: Path, tmp_path: Path) -> None:
    session = arranged(sites, group_weights="dro")
    loop = loop_of(session, tmp_path)
    fresh = learner(session.objective, session.config.training, torch.device("cpu"))
    fresh.counters.steps = 6
    ((step, pieces), *_) = session.loader.training(0, 1)
    logits = fresh.nets["model"].train()(pieces[0].inputs)
    losses = torch.nn.functional.cross_entropy(logits, pieces[0].targets, reduction="none").detach().numpy()
    groups = session.dataset.groups
    assert groups is not None
    mine = groups[pieces[0].samples]
    raised = np.array([0.5 * np.exp(RATE * losses[mine == name].mean()) for name in ("north", "south")])
    loop.step(fresh, step, pieces)
    np.testing.assert_allclose(fresh.counters.groups, raised / raised.sum(), rtol=1e-6)


def test_q_goes_on_from_step_to_step(sites: Path, tmp_path: Path) -> None:
    session = arranged(sites, group_weights="dro")
    fresh = learner(session.objective, session.config.training, torch.device("cpu"))
    fresh.counters.steps, fresh.counters.groups = 6, [0.9, 0.1]
    ((step, pieces), *_) = session.loader.training(0, 1)
    loop_of(session, tmp_path).step(fresh, step, pieces)
    assert fresh.counters.groups == pytest.approx([0.9, 0.1], abs=0.01)


def test_a_group_that_is_not_in_the_step_keeps_its_place_and_the_worse_one_rises() -> None:
    groups = Groups(("a", "b", "c"), np.arange(3), np.full(3, 1 / 3))
    q = groups.after(groups.even, torch.tensor([[3.0, 1.0, 0.0], [1, 1, 0]], dtype=torch.float64))
    assert q[0] > q[1] > q[2] and sum(q) == pytest.approx(1)


def test_the_loss_is_weighted_by_what_each_group_counts(sites: Path) -> None:
    groups = Groups(("a", "b"), np.array([0, 0, 0, 1]), np.array([0.75, 0.25]))
    batch = Batch(torch.zeros(4, 1), torch.zeros(4), None, np.arange(4), 4)
    losses = torch.tensor([1.0, 2.0, 3.0, 10.0])
    seen = groups.weighted(batch, (0.1, 0.9))
    assert float(seen.mean(losses)) == pytest.approx(0.1 * 2 + 0.9 * 10)
    assert groups.sums([seen]).tolist() == [[6, 10], [3, 1]]


def test_pieces_of_a_batch_change_nothing(sites: Path, tmp_path: Path) -> None:
    found = []
    for most in (1024, 3):
        session = arranged(sites, group_weights="dro")
        object.__setattr__(session.loader, "at_most", most)
        fresh = learner(session.objective, session.config.training, torch.device("cpu"))
        fresh.counters.steps = 6
        loop = loop_of(session, tmp_path)
        for step, pieces in session.loader.training(0, 3):
            loop.step(fresh, step, pieces)
        found.append((fresh.counters.groups, torch.cat([p.flatten() for p in fresh.nets["model"].parameters()])))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-4, atol=1e-6)


def sha(run: Run) -> str:
    return hashlib.sha256(run.weights.read_bytes()).hexdigest()


def test_a_stopped_training_goes_on_with_what_each_group_counted(sites: Path, tmp_path: Path) -> None:
    settings = {"columns": ("group=site",), "group_weights": "dro", "quiet": True, **MODEL}

    def stop(row: Any) -> None:
        if row["epoch"] == 1:
            raise neocog.Stop

    whole = neocog.train(sites, out=tmp_path / "whole", **settings)
    with pytest.raises(neocog.Interrupted):
        neocog.train(sites, out=tmp_path / "stopped", after_epoch=stop, **settings)
    stopped = neocog.resume(tmp_path / "stopped", quiet=True)
    assert sha(stopped) == sha(whole) and stopped.metrics_csv.read_bytes() == whole.metrics_csv.read_bytes()
    assert "group DRO: at the end the groups counted " in whole.report.read_text(encoding="utf-8")
    plain = neocog.train(sites, out=tmp_path / "plain", **{**settings, "group_weights": "none"})
    assert sha(plain) != sha(whole)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"columns": ()}, "needs two groups or more to learn from, and there are 0"),
        ({"adversarial": 0.01, "adversary": "trades"}, "to which --adversary trades adds another"),
        ({"task": "vae", "columns": ()}, "--group-weights belongs to --task"),
    ],
)
def test_groups_that_cannot_count_are_refused(sites: Path, tmp_path: Path, settings: Any, words: str) -> None:
    given = {"columns": ("group=site",), "group_weights": "dro", **({} if "task" in settings else MODEL), **settings}
    with pytest.raises(UserError, match=words):
        neocog.train(sites, out=tmp_path / "run", quiet=True, **given)
