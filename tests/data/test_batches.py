"""Claims about the order of samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocog.data.batches import Batches, order, share


@given(count=st.integers(1, 500), batch=st.integers(1, 600), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 3))
def test_every_sample_comes_once_an_epoch_in_batches_of_nearly_one_size(
    count: int, batch: int, seed: int, epoch: int
) -> None:
    batches = Batches(count, batch, seed)
    steps = [batches[epoch * batches.per_epoch + place] for place in range(batches.per_epoch)]
    assert sorted(np.concatenate(steps)) == list(range(count))
    sizes = [len(step) for step in steps]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(count, 2) or batch == 1


def test_a_step_is_a_function_of_seed_and_step_alone() -> None:
    first = Batches(1000, 32, seed=7)
    later = Batches(1000, 32, seed=7)
    _ = [first[step] for step in range(70)]
    np.testing.assert_array_equal(first[40], later[40])
    assert not np.array_equal(order(1000, 7, 0), order(1000, 7, 1))
    assert not np.array_equal(order(1000, 7, 0), order(1000, 8, 0))


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_ranks_share_a_batch_without_loss_or_overlap(world: int) -> None:
    batch = np.arange(5, 36)
    parts = [share(batch, rank, world) for rank in range(world)]
    np.testing.assert_array_equal(np.concatenate(parts), batch)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
