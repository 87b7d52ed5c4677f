"""What changes of an image do to the numbers that belong to it: some move them, some falsify them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neocog.augment.apply import apply
from neocog.augment.draw import ImageStreams, draw
from neocog.augment.policy import KINDS, Augmentation
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.angles import ANGLE, period_of, words
from neocog.errors import UserError

# What a target's name tells of it: the words, the kinds of change that falsify it, and why.
POSITION = words("x y row column col left right top bottom position latitude longitude")
SIZE = words("area length width height diameter radius size perimeter distance volume mm cm µm um px")
COUNT = words("count counts number cells nuclei objects people")
LIGHT = words("brightness intensity luminance grey gray exposure concentration fluorescence")
COLOUR = words("colour color hue saturation chroma redness greenness yellowness")
BENT, AFFINE = ("shear", "stretch"), ("turn", "scale", "stretch", "shear", "translate", "crop")
RULES: tuple[tuple[str, set[str], tuple[str, ...], str], ...] = (
    ("an angle", ANGLE, BENT, "bends angles by an unknown amount"),
    ("a position", POSITION, ("flip", "flip_vertical", *AFFINE), "moves what is measured"),
    ("a size", SIZE, ("scale", *BENT), "makes it larger or smaller"),
    ("a count", COUNT, (*AFFINE, "erase", "cutout"), "brings things in or loses them at the edge"),
    ("a brightness", LIGHT, ("brightness", "contrast", "tint", "erase", "cutout"), "changes it"),
    ("a colour", COLOUR, ("saturation", "tint"), "changes it"),
)


def check(policy: Augmentation, target_names: Sequence[str]) -> None:
    """Raise UserError, with the reason, for kinds of change that would falsify a target."""
    problems = list(falsified(policy, target_names))
    if problems:
        names = sorted({name for name, _, _ in problems}, key=list(KINDS).index)
        reasons = "; ".join(dict.fromkeys(f"{name} {why} ({what})" for name, what, why in problems))
        raise UserError(
            f"augmentation would falsify the targets: {reasons}", fix=f"--augment {' '.join(f'{n}=off' for n in names)}"
        )


def falsified(policy: Augmentation, target_names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(kind of change, target, why) for each that is on and falsifies."""
    for target in target_names:
        for what, known, kinds, why in RULES:
            if words(target) & known:
                yield from ((name, f"{target} is {what}", why) for name in kinds if getattr(policy, name))


def usual(target_names: Sequence[str], mirror: bool) -> Augmentation:
    """Mirroring, unless a name says that it falsifies; everything else only where it is asked for."""
    policy = Augmentation(
        flip=0.5 if mirror else 0.0, flip_vertical=0.5 if mirror and any(map(period_of, target_names)) else 0.0
    )
    off = {name: 0.0 for name, _, _ in falsified(policy, target_names)}
    return replace(policy, **off)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ValueChanges:
    """Images are changed; angles among their values (B, V) move with them, the others stay.

    Angles run counter-clockwise from the right, as in mathematics: mirrored left and right a becomes half a period − a, top
    and bottom −a, turned by t it becomes a + t. Results lie within half a period of 0, or in 0 … period where ``positive``.
    """

    policy: Augmentation
    periods: tuple[float, ...]  # (V,) 360 of an angle in degrees, 2π in radians, 0 of what is no angle
    positive: bool = False

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        drawn = draw(self.policy, seed, epoch, samples, preprocessing)
        changed = apply(drawn, pixels)
        if not any(self.periods):
            return changed, targets
        which = torch.tensor(self.periods, device=targets.device, dtype=torch.float64)  # (V,)
        period, moved = torch.where(which > 0, which, 1.0), targets.double()
        if drawn.flips is not None:  # mirrored first, then turned, as geometry.source does it
            moved = torch.where(drawn.flips[:, 1, None], period / 2 - moved, moved)
            moved = torch.where(drawn.flips[:, 0, None], -moved, moved)
        if self.policy.turn:
            turn = ImageStreams(seed, epoch, samples).between("turn", -self.policy.turn, self.policy.turn)
            moved = moved + turn[:, None] / 360 * period
        moved = moved.remainder(period) if self.positive else (moved + period / 2).remainder(period) - period / 2
        return changed, torch.where(which > 0, moved.to(targets.dtype), targets)
