"""Training parts within training parts: what a learning curve is drawn over."""

from __future__ import annotations

import numpy as np
import pytest

from neocog.data.dataset import Dataset
from neocog.data.nested import halved
from neocog.errors import UserError


def made(labels: list[int], groups: list[str] | None = None) -> Dataset:
    count = len(labels)
    return Dataset(
        names=[f"{i:03}" for i in range(count)], images=np.zeros((count, 1, 2, 2), np.uint8), labels=np.array(labels),
        classes=tuple("abc"[: max(labels) + 1]), kind="x", root=None, groups=None if groups is None else np.array(groups, object),
    )  # fmt: skip


def digests(count: int) -> list[str]:
    return [f"{i * 7919 % 1000:04}" for i in range(count)]


def test_each_half_lies_within_the_one_before_and_keeps_the_classes() -> None:
    labels = [0] * 48 + [1] * 12 + [2]
    pool = np.arange(61)
    half, quarter, eighth = halved(made(labels), digests(61), [], pool, 0, True)
    assert set(eighth) < set(quarter) < set(half) < set(pool)
    counts = [np.bincount(np.array(labels)[part], minlength=3).tolist() for part in (half, quarter, eighth)]
    assert counts == [[24, 6, 1], [12, 3, 1], [6, 2, 1]] or counts == [[24, 6, 1], [12, 3, 1], [6, 1, 1]]


def test_groups_and_near_copies_stay_whole() -> None:
    groups = [f"g{i // 4}" for i in range(64)]
    families = ["" for _ in range(64)]
    families[0], families[63] = "f", "f"
    for part in halved(made([0, 1] * 32, groups), digests(64), families, np.arange(64), 0, True):
        taken = {groups[i] for i in part}
        assert len(part) == 4 * len(taken) and ("g0" in taken) == ("g15" in taken)


def test_the_seed_and_the_content_decide_and_not_the_order() -> None:
    first = halved(made([0, 1] * 32), digests(64), [], np.arange(64), 0, True)
    assert [part.tolist() for part in first] == [
        part.tolist() for part in halved(made([0, 1] * 32), digests(64), [], np.arange(64), 0, True)
    ]
    assert first[0].tolist() != halved(made([0, 1] * 32), digests(64), [], np.arange(64), 1, True)[0].tolist()


def test_what_cannot_be_halved_three_times_is_told() -> None:
    with pytest.raises(UserError, match="4 training samples cannot be halved 3 times"):
        halved(made([0, 1] * 2), digests(4), [], np.arange(4), 0, True)
