"""A change of the image moves an angle that belongs to it, and what would falsify a value is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neocog.augment import Augmentation
from neocog.augment.values import ValueChanges, check, usual
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.angles import period_of, words
from neocog.errors import UserError

PREPROCESSING = Preprocessing(1, (41, 41), "uint8", (0.0,), (1.0,))


def needle(angle: float) -> np.ndarray:
    """(1, 41, 41): a blob that lies from the middle at ``angle`` degrees counter-clockwise from the right."""
    rows, columns = np.mgrid[:41, :41] - 20.0
    x, y = 12 * np.cos(np.radians(angle)), -12 * np.sin(np.radians(angle))  # rows point down
    return (255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8))[None].astype(np.float32)


def pointed(image: torch.Tensor) -> float:
    """The angle at which the blob lies."""
    rows, columns = np.mgrid[:41, :41] - 20.0
    weight = image[0].numpy()
    return float(np.degrees(np.arctan2(-(rows * weight).sum(), (columns * weight).sum())))


@pytest.mark.parametrize(
    "policy",
    [
        Augmentation(flip=1),
        Augmentation(flip_vertical=1),
        Augmentation(flip=0.5, flip_vertical=0.5),
        Augmentation(turn=180),
        Augmentation(flip=0.5, flip_vertical=0.5, turn=180, scale=0.1),
    ],
)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("period", [360, 2 * np.pi])
def test_the_target_still_says_where_the_needle_points(policy: Augmentation, positive: bool, period: float) -> None:
    angles = torch.tensor([20.0, 100.0, 200.0, 310.0] * 6)
    images = torch.from_numpy(np.stack([needle(a) for a in angles.tolist()]))
    targets = torch.stack([angles / 360 * period, torch.full_like(angles, 7.0)], 1)
    call = ValueChanges(policy, (period, 0.0), positive)
    changed, moved = call(images, targets, torch.arange(24), 1, 2, PREPROCESSING)
    for image, target in zip(changed, moved, strict=True):
        assert abs((pointed(image) - float(target[0]) / period * 360 + 180) % 360 - 180) < 2
    assert (moved[:, 1] == 7).all()
    low, high = (0, period) if positive else (-period / 2, period / 2)
    assert low - 1e-6 <= moved[:, 0].min() and moved[:, 0].max() <= high + 1e-6


@pytest.mark.parametrize(
    ("quantity", "policy", "reason"),
    [
        ("tilt angle [°]", Augmentation(shear=5), "shear bends angles"),
        ("x position", Augmentation(flip=0.5), "flip moves what is measured"),
        ("cell area [µm²]", Augmentation(scale=0.1), "scale makes it larger or smaller"),
        ("count", Augmentation(crop=4), "crop brings things in or loses them"),
        ("mean_intensity", Augmentation(brightness=0.1), "brightness changes it"),
        ("concentration", Augmentation(tint=0.1), "tint changes it"),
        ("hue", Augmentation(saturation=0.1), "saturation changes it"),
    ],
)
def test_what_would_falsify_a_value_is_refused_with_the_reason(
    quantity: str, policy: Augmentation, reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        check(policy, [quantity])
    check(policy, ["temperature"])


def test_names_are_taken_apart_into_words() -> None:
    assert words("tilt_angle [°]") == {"tilt", "angle", "°"}


def test_angles_close_over_the_period_of_their_unit_and_temperatures_over_none() -> None:
    degrees = ("Heading (deg)", "angle", "tilt_angle [°]")
    assert [period_of(name) for name in degrees] == [360] * 3
    assert [period_of(name) for name in ("angle_rad", "theta [rad]", "heading in radians")] == [2 * np.pi] * 3
    other = ("triangles", "temperature [°C]", "temp_deg_C", "gradient", "speed (deg/s)")
    assert [period_of(name) for name in other] == [0] * 5


def test_by_itself_only_mirroring_happens_and_only_where_it_is_right() -> None:
    assert usual(["temperature"], True) == Augmentation(flip=0.5)
    assert usual(["angle"], True) == Augmentation(flip=0.5, flip_vertical=0.5)
    assert usual(["x"], True) == Augmentation() == usual(["temperature"], False)
