"""Changes of letters: functions of (seed, epoch, sample), within their bounds, and the other strand read backwards."""

from __future__ import annotations

import pytest
import torch

from neocog.augment.sequence import SequenceAugmentation, SequenceChanges, reversed_complement
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError

PREPROCESSING = Preprocessing(1, (1, 200), "uint8", (0.0,), (1.0,), encoding="nucleotides")
CODES = (1 << torch.randint(0, 4, (64, 1, 1, 200), generator=torch.Generator().manual_seed(0))).to(torch.uint8)
CODES[..., 180:] = 0
WHERE = torch.arange(64)
OFF = SequenceAugmentation().changed(["off"])


def changed(edits: str, samples: torch.Tensor = WHERE, epoch: int = 1) -> torch.Tensor:
    call = SequenceChanges(OFF.changed([edits]))
    return call(CODES[samples], samples, samples, 0, epoch, PREPROCESSING)[0]


@pytest.mark.parametrize(
    "edits", ["mutate=0.1", "unread=0.2", "shift=20", "reverse=0.5", "mutate=0.1 unread=0.2 shift=9 reverse=0.5"]
)
def test_changes_are_a_function_of_seed_epoch_and_sample(edits: str) -> None:
    whole, some = changed(edits), changed(edits, torch.tensor([40, 3]))
    assert torch.equal(whole[[40, 3]], some) and whole.dtype == torch.uint8
    assert not torch.equal(whole, changed(edits, epoch=2)) and not torch.equal(whole, CODES)


def test_mutations_replace_up_to_the_stated_share_by_single_bases() -> None:
    now = changed("mutate=0.4")
    share = (now != CODES)[..., :180].float().mean((1, 2, 3))
    assert 0.1 < share.mean() < 0.2 and share.max() < 0.4  # a quarter of the draws keep the letter
    assert set(now[..., :180].unique().tolist()) == {1, 2, 4, 8} and not now[..., 180:].any()


def test_unread_stretches_are_one_run_of_n() -> None:
    unread = (changed("unread=0.3") == 15)[:, 0, 0]
    assert unread.sum(1).max() <= 60 and unread.sum(1).float().mean() > 15
    starts = (unread[:, 1:] & ~unread[:, :-1]).sum(1) + unread[:, 0]
    assert starts.max() == 1


def test_shifts_move_the_letters_and_bring_in_padding() -> None:
    now, seen = changed("shift=5"), set()
    for before, after in zip(CODES[:, 0, 0], now[:, 0, 0], strict=True):
        for move in range(-5, 6):
            rolled = torch.roll(before, move)
            if move > 0:
                rolled[:move] = 0
            elif move < 0:
                rolled[move:] = 0
            if torch.equal(rolled, after):
                seen.add(move)
                break
        else:
            pytest.fail("moved otherwise")
    assert {-5, 5} <= seen or len(seen) >= 9


def test_the_other_strand_is_read_backwards_and_twice_is_the_same() -> None:
    codes = torch.tensor([[1, 2, 8, 5, 0, 0]], dtype=torch.uint8)  # A C T R
    assert reversed_complement(codes).tolist() == [[10, 1, 4, 8, 0, 0]]  # Y A G T
    assert torch.equal(reversed_complement(reversed_complement(CODES[:, 0, 0])), CODES[:, 0, 0])


def test_the_other_strand_comes_only_where_it_is_asked_for() -> None:
    assert SequenceAugmentation().reverse == 0 and SequenceAugmentation().changed(["reverse=on"]).reverse == 0.5


@pytest.mark.parametrize(
    ("edit", "told"), [("flip=0.5", "no augmentation 'flip'"), ("mutate=2", "outside"), ("shift=x", "not a number")]
)
def test_wrong_edits_are_told(edit: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        SequenceAugmentation().changed([edit])
