"""Changes of volumes: exact where they can be, a function of (seed, epoch, sample), and refused where they make no sense."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neocog.augment.volume import VolumeAugmentation, VolumeChanges
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError

CUBE = (6, 6, 6)
VOLUMES = torch.rand(40, 2, *CUBE, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(40)


def preprocessing(size: tuple[int, ...] = CUBE) -> Preprocessing:
    return Preprocessing(2, size, "float32", (0.0, 0.0), (1.0, 1.0), low=0.0, high=1.0)


def changed(policy: VolumeAugmentation, samples: Tensor = LABELS, epoch: int = 0, seed: int = 0) -> Tensor:
    found, targets = VolumeChanges(policy)(VOLUMES[samples], samples, samples, seed, epoch, preprocessing())
    assert torch.equal(targets, samples)
    return found


@pytest.mark.parametrize(("kind", "axis"), [("flip_d", 2), ("flip_h", 3), ("flip_w", 4)])
def test_a_certain_flip_is_the_flipped_volume_exactly(kind: str, axis: int) -> None:
    assert torch.equal(changed(VolumeAugmentation(**{kind: 1.0})), VOLUMES.flip(axis))


def test_an_even_flip_flips_about_half() -> None:
    same = (changed(VolumeAugmentation(flip_h=0.5)) == VOLUMES).flatten(1).all(1)
    assert 10 < same.sum() < 30


@pytest.mark.parametrize(("axis", "plane"), [("d", (3, 4)), ("h", (2, 4)), ("w", (2, 3))])
def test_quarter_turns_are_exact_and_all_four_come_up(axis: str, plane: tuple[int, int]) -> None:
    found = changed(VolumeAugmentation(quarters=axis))
    turns = [VOLUMES.rot90(k, plane) for k in range(4)]
    which = torch.stack([(found == turned).flatten(1).all(1) for turned in turns])
    assert (which.sum(0) == 1).all() and (which.sum(1) > 3).all()


def test_a_turn_about_an_axis_leaves_that_axis_in_place() -> None:
    volume = VOLUMES[:, :, :, :1, :1].expand(-1, -1, 6, 6, 6)  # constant in every slice
    found, _ = VolumeChanges(VolumeAugmentation(turn_d=180))(volume, LABELS, LABELS, 0, 0, preprocessing())
    torch.testing.assert_close(found, volume.contiguous())
    assert not torch.allclose(changed(VolumeAugmentation(turn_d=180)), VOLUMES)


def test_a_shift_moves_by_a_fraction_of_each_side() -> None:
    line = torch.arange(8.0).view(1, 1, 8, 1, 1).expand(30, 1, 8, 4, 4)
    samples = torch.arange(30)
    found, _ = VolumeChanges(VolumeAugmentation(translate=0.25))(line, samples, samples, 0, 0, preprocessing((8, 4, 4)))
    moved = (found - line)[:, 0, 3:5, 0, 0]  # far from the border
    assert (moved.abs() <= 2).all() and moved.abs().max() > 1
    torch.testing.assert_close(moved[:, 0], moved[:, 1])


def test_every_sample_draws_for_itself_whatever_the_batch() -> None:
    policy = VolumeAugmentation.default().changed(["flip_w=on", "noise=on", "quarters=any"])
    whole, part = changed(policy), changed(policy, LABELS[7:9])
    torch.testing.assert_close(whole[7:9], part, rtol=0, atol=0)
    assert not torch.equal(whole, changed(policy, epoch=1)) and not torch.equal(whole, changed(policy, seed=1))
    assert VOLUMES.min() >= 0 and whole.min() >= 0 and whole.max() <= 1


def test_edits_are_read_and_faults_told_together() -> None:
    policy = VolumeAugmentation.default().changed(["turn_d=180,flip-h=on", "scale=off"])
    assert (policy.turn_d, policy.flip_h, policy.scale, policy.turn_h) == (180, 0.5, 0, 10)
    assert not VolumeAugmentation.default().changed(["off"]).is_on() and not VolumeAugmentation().is_on()
    assert VolumeAugmentation(quarters="d").changed(["off,flip_w=1"]) == VolumeAugmentation(flip_w=1.0)
    with pytest.raises(UserError) as error:
        policy.changed(["trun_d=3", "noise=loud"])
    assert "did you mean 'turn_d'" in str(error.value) and "noise=loud" in str(error.value)
    with pytest.raises(UserError, match="outside 0 … 180"):
        VolumeAugmentation(turn_w=181)
    with pytest.raises(UserError, match="quarters=x"):
        VolumeAugmentation(quarters="x")


def test_quarter_turns_of_what_is_no_cube_are_refused() -> None:
    policy = VolumeChanges(VolumeAugmentation(quarters="d"))
    with pytest.raises(UserError, match="6 × 6 × 5"):
        policy(torch.zeros(2, 1, 6, 6, 5), LABELS[:2], LABELS[:2], 0, 0, preprocessing((6, 6, 5)))
