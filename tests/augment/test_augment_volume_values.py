"""What belongs to a volume as a number stays true, or the change is refused with the reason."""

from __future__ import annotations

import pytest

from neocog.augment.volume import VolumeAugmentation
from neocog.augment.volume_values import true_changes
from neocog.errors import UserError


def test_what_nothing_falsifies_gets_the_usual_changes() -> None:
    assert true_changes(["age"], []) == VolumeAugmentation.default()


def test_a_size_is_not_scaled_and_an_angle_not_turned() -> None:
    size, angle = true_changes(["diameter [mm]"], []), true_changes(["angle [°]"], [])
    assert size.scale == 0 and size.turn_d == 10
    assert angle.turn_d == angle.turn_h == angle.turn_w == 0 and angle.scale == 0.1


@pytest.mark.parametrize(
    ("quantity", "edit", "reason"),
    [
        ("volume [mm³]", "scale=0.2", "scale: it makes it larger or smaller"),
        ("tilt angle", "turn_h=5", "turn_h: it changes tilt angle, an angle"),
        ("angle", "quarters=d", "quarters: it changes angle"),
        ("x", "flip_w=on", "flip_w: it moves what is measured"),
        ("nuclei", "translate=0.1", "translate: it brings things in or loses them at the edge"),
    ],
)
def test_a_change_that_falsifies_is_refused_with_the_reason(quantity: str, edit: str, reason: str) -> None:
    with pytest.raises(UserError) as error:
        true_changes(["age", quantity], [edit])
    assert reason in str(error.value) and f"{edit.split('=')[0]}=off" in str(error.value)
