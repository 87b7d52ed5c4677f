"""Changes of volumes that leave the numbers true which belong to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from neocog.augment.values import RULES
from neocog.augment.volume import VolumeAugmentation
from neocog.data.readers.angles import period_of, words
from neocog.errors import UserError

LIKE = {  # kind of change of a volume → of an image
    "flip_d": "flip", "flip_h": "flip", "flip_w": "flip", "turn_d": "turn", "turn_h": "turn", "turn_w": "turn",
    "quarters": "turn", "scale": "scale", "translate": "translate",
}  # fmt: skip


def true_changes(target_names: Sequence[str], edits: Sequence[str]) -> VolumeAugmentation:
    """The default policy without what falsifies a target, then ``edits``. Raises UserError where those falsify one."""
    usual = VolumeAugmentation.default()
    off = {name: 0.0 for name, _ in falsified(usual, target_names)}
    policy = replace(usual, **off).changed(edits)  # type: ignore[arg-type]
    problems = list(falsified(policy, target_names))
    if problems:
        names = list(dict.fromkeys(name for name, _ in problems))
        reasons = "; ".join(f"{name}: {why}" for name, why in problems)
        raise UserError(
            f"augmentation would falsify the targets: {reasons}", fix=f"--augment {' '.join(f'{n}=off' for n in names)}"
        )
    return policy


def falsified(policy: VolumeAugmentation, target_names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(kind of change, why) for each that is on and falsifies. An angle in space is not followed, as one in a plane is."""
    for name, image_kind in LIKE.items():
        if getattr(policy, name) in (0, "off"):
            continue
        for target in target_names:
            if period_of(target) and image_kind in ("flip", "turn"):
                yield name, f"it changes {target}, an angle"
            for what, known, kinds, why in RULES:
                if words(target) & known and image_kind in kinds:
                    yield name, f"it {why} ({target} is {what})"
