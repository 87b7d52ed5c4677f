"""Angles: the turn that is asked for is the turn that was made, errors close over the circle, two answers stay two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from neocog.augment import Augmentation
from neocog.augment.turning import Turning, in_disc
from neocog.data.loader import Batch
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError
from neocog.tasks.orientation.objective import Orientation, directions, truth
from neocog.tasks.orientation.task import radius_of

PREPROCESSING = Preprocessing(1, (33, 33), "uint8", (10.0,), (50.0,))


def arrow() -> torch.Tensor:
    """(1, 1, 33, 33): a smooth bar from the middle to the top."""
    pixels = np.zeros((33, 33), np.float32)
    pixels[4:16, 15:18] = 255
    return torch.from_numpy(ndimage.gaussian_filter(pixels, 1.0))[None, None]


def turned(quarters: bool, samples: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    images = arrow().expand(samples, -1, -1, -1)
    return Turning(Augmentation(), quarters)(images, torch.empty(0), torch.arange(samples), 3, 5, PREPROCESSING)


@pytest.mark.parametrize("quarters", [False, True])
def test_the_target_is_the_angle_by_which_the_image_was_turned_counter_clockwise(quarters: bool) -> None:
    images, angles = turned(quarters)
    assert angles.min() < -80 and angles.max() > 80
    for image, angle in zip(images, angles.tolist(), strict=True):
        expected = ndimage.rotate(arrow()[0, 0].numpy(), angle, reshape=False, order=1)  # counter-clockwise, by SciPy
        expected = in_disc(torch.from_numpy(expected)[None, None], PREPROCESSING)
        assert np.abs(image.numpy() - expected[0].numpy()).max() < 30  # of 255; another angle differs by over 150


def test_angles_are_a_function_of_seed_epoch_and_sample() -> None:
    images = arrow().expand(6, -1, -1, -1)
    call = Turning(Augmentation(scale=0.1))
    _, all_six = call(images, torch.empty(0), torch.arange(6), 1, 2, PREPROCESSING)
    _, two = call(images[:2], torch.empty(0), torch.tensor([4, 1]), 1, 2, PREPROCESSING)
    assert two.tolist() == all_six[[4, 1]].tolist()
    _, later = call(images, torch.empty(0), torch.arange(6), 1, 3, PREPROCESSING)
    assert not torch.equal(later, all_six)


def test_nothing_outside_the_disc_tells_of_the_angle() -> None:
    images, _ = turned(False)
    assert (images[:, :, 0, 0] == 10).all() and (images[:, :, -1, 0] == 10).all()
    other = in_disc(torch.full((1, 1, 20, 40), 99.0), replace(PREPROCESSING, size=(20, 40)))
    assert (other[0, 0, :, :9] == 10).all() and other[0, 0, 10, 20] == 99


def test_the_truth_is_a_distribution_about_its_angle_that_closes_over_the_circle() -> None:
    shares = truth(torch.tensor([359.0, 1.0, -1.0, 90.0]), 72)
    torch.testing.assert_close(shares.sum(1), torch.ones(4))
    torch.testing.assert_close(shares[0], shares[2])
    assert shares[0].argmax() == 0 == shares[1].argmax() and shares[3].argmax() == 18
    assert truth(torch.tensor([-90.0, 180.0, 0.0, 90.0]), 4).argmax(1).tolist() == [3, 2, 0, 1]


def test_directions_read_the_angle_between_the_bins() -> None:
    angles = torch.linspace(-179, 180, 97)
    found, sure = directions(truth(angles, 72).clamp(min=1e-9).log())
    error = (found - angles + 180).remainder(360) - 180
    assert error.abs().max() < 1.0 and (sure > 0.8).all()


def test_of_two_opposite_answers_one_is_given_and_not_their_mean() -> None:
    both = 0.51 * truth(torch.tensor([30.0]), 72) + 0.49 * truth(torch.tensor([-150.0]), 72)
    found, sure = directions(both.clamp(min=1e-9).log())
    assert abs(float(found) - 30) < 1 and 0.4 < float(sure) < 0.55


def test_losses_of_pieces_add_up_and_tallies_too() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(33 * 33, 72))
    task = Orientation(lambda: net)
    images, angles = turned(False, 10)

    def batch(a: int, b: int) -> Batch:
        return Batch(images[a:b] / 255, angles[a:b], None, np.arange(a, b), 10)

    whole = next(task.losses({"model": net}, batch(0, 10)))[1]
    parts = sum(next(task.losses({"model": net}, batch(a, b)))[1] * (b - a) / 10 for a, b in ((0, 3), (3, 10)))
    torch.testing.assert_close(whole, parts)
    tallies = [task.tally({"model": net}, batch(a, b)) for a, b in ((0, 3), (3, 10))]
    for name, value in task.tally({"model": net}, batch(0, 10)).items():
        torch.testing.assert_close(value, tallies[0][name] + tallies[1][name])


def test_the_disc_holds_nothing_from_outside_however_the_image_is_moved() -> None:
    """A picture whose edge is bright: drawn out beyond it, the edge would tell the angle."""
    images = torch.full((64, 1, 40, 40), 100.0)
    images[:, :, [0, -1]] = 255
    images[..., [0, -1]] = 255
    preprocessing = Preprocessing(1, (40, 40), "uint8", (100.0,), (50.0,))
    policy = Augmentation(scale=0.1, translate=0.05)

    def brightest(radius: float) -> float:
        return float(
            Turning(policy, False, radius)(images, torch.empty(0), torch.arange(64), 0, 0, preprocessing)[0].max()
        )

    assert brightest(radius_of(policy, mirror=True) - 0.03) < 101  # a pixel of interpolation less
    assert brightest(0.5) > 200


def test_shifts_that_leave_no_disc_are_refused() -> None:
    with pytest.raises(UserError, match="leaves a disc"):
        radius_of(Augmentation(translate=0.4), mirror=True)
