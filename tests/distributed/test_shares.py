"""What the ranks are fed: together every sample once, each as many pieces as the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from neocog.data.batches import Batches
from neocog.data.loader import Loader, Resident
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError


def loader(count: int, batch: int, at_most: int) -> Loader:
    """A feed of ``count`` images whose one pixel is their number; the first ten positions are no training samples."""
    pixels = np.arange(count + 10, dtype=np.float32).reshape(-1, 1, 1, 1)
    preprocessing = Preprocessing(1, (1, 1), "float32", (0.0,), (1.0,))
    parts = {"train": np.arange(10, count + 10)}
    labels = np.arange(count + 10)
    return Loader(
        Resident(pixels),
        Resident(labels),
        None,
        parts,
        Batches(count, batch, 0),
        preprocessing,
        None,
        torch.device("cpu"),
        at_most=at_most,
    )


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize(("count", "batch", "at_most"), [(33, 33, 8), (33, 33, 16), (100, 7, 2), (64, 16, 100)])
def test_ranks_meet_after_each_piece_and_see_every_sample_once(
    count: int, batch: int, at_most: int, world: int
) -> None:
    whole = loader(count, batch, at_most)
    steps = 2 * whole.batches.per_epoch
    each = [list(replace(whole, rank=rank, world=world).training(0, steps)) for rank in range(world)]
    seen: list[int] = []
    for step, together in enumerate(zip(*each, strict=True)):
        assert {number for number, _ in together} == {step}
        pieces = [[len(piece) for piece in own] for _, own in together]
        assert len({len(own) for own in pieces}) == 1, f"step {step}: {pieces}"
        assert all(1 <= size <= at_most for own in pieces for size in own)
        batches = [piece for _, own in together for piece in own]
        assert {piece.total for piece in batches} == {sum(map(len, batches))}
        seen += [int(sample) for piece in batches for sample in piece.samples]
        assert all(torch.equal(piece.inputs.flatten().long(), piece.targets) for piece in batches)
    assert sorted(seen) == sorted(2 * list(range(10, count + 10)))


def test_batches_smaller_than_the_number_of_processes_are_refused() -> None:
    with pytest.raises(UserError, match="--batch 2 gives batches of 3 images to 4 processes"):
        replace(loader(3, 2, 8), world=4)
