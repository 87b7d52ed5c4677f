"""The linear probe: the optimum that scikit-learn finds too, with a penalty that folds of the training part choose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from neocog.engine.probe import FEW, held_out, logits_by_folds, solve
from neocog.networks.head import features, set_head


def clouds(count: int, classes: int, wide: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(count, wide) float32 and labels: Gaussian clouds whose centres are so far apart, on features of unlike scales."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = apart * rng.standard_normal((classes, wide))
    scale = 10.0 ** rng.uniform(-2, 2, wide)
    return (scale * (centres[labels] + rng.standard_normal((count, wide))) + 3 * scale).astype(np.float32), labels


def shares(found: object, given: np.ndarray) -> np.ndarray:
    logits = torch.from_numpy(given) @ torch.from_numpy(found.weight).T + torch.from_numpy(found.bias)  # type: ignore[attr-defined]
    return logits.double().softmax(1).numpy()


@pytest.mark.parametrize(("classes", "wide"), [(2, 5), (3, 5), (3, 200)])
def test_the_head_is_the_logistic_regression_of_that_penalty(classes: int, wide: int) -> None:
    given, labels = clouds(90, classes, wide, 0.5)
    found = solve(given, labels, classes)
    scaled = (given - given.mean(0, dtype=np.float64)) / given.std(0, dtype=np.float64)
    expected = LogisticRegression(C=found.inverse_penalty, max_iter=5000, tol=1e-8).fit(scaled, labels)
    assert np.abs(shares(found, given) - expected.predict_proba(scaled)).max() < 0.01
    own = expected.predict_proba(scaled)[np.arange(len(labels)), labels]
    assert found.loss == pytest.approx(-np.log(own).mean(), abs=0.01)


def test_noise_is_penalised_more_than_what_tells_the_classes() -> None:
    clear, labels = clouds(80, 2, 30, 1.5)
    noise = clouds(80, 2, 30, 0.0)[0]
    assert solve(noise, labels, 2).inverse_penalty < solve(clear, labels, 2).inverse_penalty


def test_samples_of_one_group_never_stand_on_both_sides() -> None:
    """Each picture is there four times: told apart by their noise, copies make the weakest penalty look best."""
    noise, labels = clouds(24, 2, 60, 0.0)
    copies, of = np.repeat(noise, 4, axis=0), np.repeat(labels, 4)
    groups = np.repeat(np.arange(24), 4).tolist()
    torn, whole = solve(copies, of, 2), solve(copies, of, 2, groups=groups)
    assert whole.inverse_penalty < torn.inverse_penalty


def test_weights_count() -> None:
    given, labels = clouds(60, 2, 4, 0.2)
    heavy = np.where(labels == 1, 20.0, 1.0)
    assert shares(solve(given, labels, 2, weights=heavy), given)[:, 1].mean() > 0.8
    assert shares(solve(given, labels, 2), given)[:, 1].mean() == pytest.approx(0.5, abs=0.02)


def test_one_sample_of_a_class_leaves_nothing_to_fold() -> None:
    given, labels = clouds(7, 2, 10, 1.0)
    labels[:] = [0, 0, 0, 0, 0, 0, 1]
    assert solve(given, labels, 2).inverse_penalty == FEW


def test_a_feature_that_never_moves_changes_nothing() -> None:
    given, labels = clouds(40, 2, 5, 1.0)
    still = np.concatenate([given, np.full((40, 1), 7.0, np.float32)], axis=1)
    found = solve(still, labels, 2)
    assert np.all(found.weight[:, -1] == 0) and np.isfinite(found.bias).all()


@pytest.mark.parametrize("head", [nn.Linear(6, 3), nn.Conv2d(6, 3, 1)])
def test_the_solution_is_what_the_network_then_answers(head: nn.Module) -> None:
    torch.manual_seed(0)
    body: list[nn.Module] = [nn.Conv2d(3, 6, 3), nn.ReLU()]
    maps = isinstance(head, nn.Conv2d)
    pool: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*body, *([head, *pool] if maps else [*pool, head])).eval()
    images = torch.randn(30, 3, 8, 8)
    given = features(net, images).detach().numpy()
    found = solve(given, np.arange(30) % 3, 3)
    set_head(net, torch.from_numpy(found.weight), torch.from_numpy(found.bias))
    assert np.allclose(net(images).softmax(1).detach().numpy(), shares(found, given), atol=1e-4)


def test_held_out_samples_are_answered_without_their_fold() -> None:
    """A label by itself cannot be learned, so a sample that is alone with its features is answered by chance."""
    rng = np.random.default_rng(0)
    features, labels = rng.normal(0, 1, (400, 300)).astype(np.float32), rng.integers(0, 2, 400)
    found = held_out(features, labels, 3)
    assert found[:, 2].max() == 0 and found.sum(axis=1) == pytest.approx(1)
    assert 0.35 < (found.argmax(1) == labels).mean() < 0.65


def test_held_out_keeps_groups_together() -> None:
    """Each group has its own features and a label of its own: what is told of it, other groups would have to know."""
    rng = np.random.default_rng(0)
    groups, own = np.repeat(np.arange(40), 10), rng.integers(0, 2, 40)
    features = rng.normal(0, 1, (40, 30))[groups] + rng.normal(0, 0.1, (400, 30))
    apart, torn = (held_out(features.astype(np.float32), own[groups], 2, g) for g in (groups.tolist(), None))
    right = [(each.argmax(1) == own[groups]).mean() for each in (apart, torn)]
    assert right[0] < 0.75 < 0.95 < right[1]


def test_every_view_is_learned_from_with_its_share_of_the_samples_weight() -> None:
    given, labels = clouds(60, 3, 40, 0.5)
    alone, thrice = solve(given, labels, 3), solve(np.stack([given] * 3), labels, 3)
    assert thrice.inverse_penalty == alone.inverse_penalty and thrice.loss == pytest.approx(alone.loss, abs=0.005)
    assert np.abs(shares(thrice, given) - shares(alone, given)).max() < 0.01
    mirrored = given.copy()
    mirrored[:, 0] = 2 * given[:, 0].mean() - given[:, 0]  # what the views do not share is not learned
    both = solve(np.stack([given, mirrored]), labels, 3)
    assert np.abs(both.weight[:, 0]).max() < 0.1 * np.abs(alone.weight[:, 0]).max()


def test_the_view_that_is_evaluated_alone_chooses_the_penalty() -> None:
    clear, labels = clouds(80, 2, 30, 1.5)
    noise = clouds(80, 2, 30, 0.0, seed=5)[0] / clouds(80, 2, 30, 0.0)[0].std(0) * clear.std(0)
    judged_by_noise, judged_clearly = (solve(np.stack(each), labels, 2) for each in ((noise, clear), (clear, noise)))
    assert judged_by_noise.inverse_penalty < judged_clearly.inverse_penalty
    assert judged_by_noise.loss > judged_clearly.loss


@pytest.mark.parametrize("views", [1, 3])
def test_answers_by_folds_are_of_heads_that_had_not_seen_the_sample(views: int) -> None:
    """A sample's answer does not move with its own label, and those of the others do."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    given = (rng.normal(0, 1, (views, 60, 5)) + labels[:, None]).astype(np.float32)
    groups = [str(k) for k in range(60)]
    said = logits_by_folds(given, labels, 3, 0.1, None, groups)
    assert said is not None and 0.4 < (said.argmax(1) == labels).mean() < 1
    twins = [str(k // 30) for k in range(60)]  # two folds: each is answered by what the other half says
    first = logits_by_folds(given, labels, 3, 0.1, None, twins)
    changed = np.where(np.arange(60) < 30, (labels + 1) % 3, labels)
    second = logits_by_folds(given, changed, 3, 0.1, None, twins)
    assert first is not None and second is not None
    assert np.allclose(first[:30], second[:30]) and not np.allclose(first[30:], second[30:], atol=0.1)
    assert logits_by_folds(given[:, :4], np.array([0, 0, 0, 1]), 3, 0.1) is None
