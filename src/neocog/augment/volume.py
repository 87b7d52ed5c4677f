"""What may happen to a volume while the network learns: flips, turns, scalings, shifts and noise.

Letters: B samples, C channels, D slices, H × W pixels. "About D" means in the plane of H and W, and so on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from neocog.augment.counter import pixel_normal
from neocog.augment.policy import amount, edited, outside, ranges
from neocog.augment.random_streams import RandomStreams
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, printable, raise_all

AXES = ("d", "h", "w")
QUARTERS = ("off", "any", *AXES)


@dataclass(frozen=True)
class VolumeAugmentation:
    """How far each kind of change goes at most; 0 is off. Each sample draws its own amount, evenly within the bounds.

    Raises UserError for values outside their range, all of them at once.
    """

    flip_d: float = amount(0.5, 1)
    """Probability of mirroring along D, the slices."""
    flip_h: float = amount(0.5, 1)
    """Probability of mirroring along H, the rows."""
    flip_w: float = amount(0.5, 1)
    """Probability of mirroring along W, the columns."""
    turn_d: float = amount(10, 180)
    """Degrees to either side about D: every slice is turned in its plane."""
    turn_h: float = amount(10, 180)
    """Degrees to either side about H."""
    turn_w: float = amount(10, 180)
    """Degrees to either side about W."""
    scale: float = amount(0.1, 1)
    """Larger or smaller by this fraction."""
    translate: float = amount(0.05, 1)
    """Shifted by this fraction of the side, along each axis."""
    noise: float = amount(0.05, 1)
    """Standard deviation of Gaussian noise, as a fraction of the values' range."""
    quarters: str = "off"
    """Quarter turns about d, h, w, or any of them; cubes only."""

    def __post_init__(self) -> None:
        raise_all(self._faults())

    def _faults(self) -> Iterable[UserError]:
        yield from outside(self, KINDS)
        if self.quarters not in QUARTERS:
            what = f"augmentation quarters={printable(self.quarters)} is unknown"
            yield UserError(what, fix=f"quarters= one of {', '.join(QUARTERS)}")

    @classmethod
    def default(cls) -> VolumeAugmentation:
        """Small turns about every axis, small scalings and shifts: no axis is known to be up, none to be symmetric."""
        return cls(turn_d=10, turn_h=10, turn_w=10, scale=0.1, translate=0.05)

    def changed(self, edits: Iterable[str]) -> VolumeAugmentation:
        """With edits as on the command line: "turn_d=180", "flip_w=on", "quarters=d", or "off" for everything."""
        words = [word for edit in edits for word in edit.replace(",", " ").split()]
        off = any(word in ("off", "none") for word in words)
        return edited(replace(self, quarters="off") if off else self, KINDS, words)

    def is_on(self) -> bool:
        """Whether anything happens at all."""
        return self.quarters != "off" or any(getattr(self, name) for name in KINDS)


KINDS = ranges(VolumeAugmentation)


@dataclass(frozen=True)
class VolumeChanges:
    """Volumes (B, C, D, H, W) are changed, their targets stay."""

    policy: VolumeAugmentation

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        streams = VolumeStreams(seed, epoch, samples)
        low, high, policy = preprocessing.low, preprocessing.high, self.policy
        volumes = pixels.float()
        matrix = moves(policy, streams, tuple(pixels.shape[2:]))
        if matrix is not None:
            between = any((policy.turn_d, policy.turn_h, policy.turn_w, policy.scale, policy.translate))
            volumes = moved(volumes, matrix, "bilinear" if between else "nearest")
        if policy.noise:
            normal = pixel_normal(streams.bits("noise_voxels"), volumes[0].numel()).view(volumes.shape)
            spread = (streams.between("noise", 0, policy.noise) * (high - low)).float()
            volumes = (volumes + spread.view(-1, 1, 1, 1, 1) * normal).clamp_(low, high)
        return volumes, targets


class VolumeStreams(RandomStreams):
    """The streams of volumes."""

    first = 1000
    streams = (
        "flip_d", "flip_h", "flip_w", "turn_d", "turn_h", "turn_w", "quarter_d", "quarter_h", "quarter_w",
        "scale", "down_d", "down_h", "down_w", "noise", "noise_voxels",
    )  # fmt: skip


def moves(policy: VolumeAugmentation, streams: RandomStreams, size: tuple[int, ...]) -> Tensor | None:
    """(B, 3, 4) float64: an output voxel's (d, h, w, 1) about the centre → where it comes from; None: nothing moves."""
    quarters = AXES if policy.quarters == "any" else tuple(axis for axis in AXES if axis == policy.quarters)
    if quarters and len(set(size)) > 1:
        raise UserError(
            f"augmentation quarters={policy.quarters} on volumes of {' × '.join(map(str, size))}: no cube",
            fix="--size with one side for all, or quarters=off",
        )
    if not quarters and not any(getattr(policy, name) for name in KINDS if name != "noise"):
        return None
    back = torch.eye(3, dtype=torch.float64, device=streams.samples.device).expand(len(streams.samples), 3, 3)
    if any((policy.flip_d, policy.flip_h, policy.flip_w)):
        signs = [1 - 2 * (streams.between(f"flip_{a}", 0, 1) < getattr(policy, f"flip_{a}")).double() for a in AXES]
        back = back * torch.stack(signs, 1)[:, None]
    for number, axis in enumerate(AXES):
        if axis in quarters:
            turns = streams.between(f"quarter_{axis}", 0, 4).floor()
            back = back @ rotation(torch.deg2rad(90 * turns), number).round()
        if most := getattr(policy, f"turn_{axis}"):
            back = back @ rotation(torch.deg2rad(streams.between(f"turn_{axis}", -most, most)), number)
    if policy.scale:
        back = back * ((1 + policy.scale) ** streams.between("scale", -1, 1)).view(-1, 1, 1)
    shift = torch.zeros(len(back), 3, dtype=torch.float64, device=back.device)
    if policy.translate:
        most = policy.translate
        shift = torch.stack([streams.between(f"down_{a}", -most, most) * s for a, s in zip(AXES, size, strict=True)], 1)
    return torch.cat([back, shift[:, :, None]], 2)


def rotation(angle: Tensor, axis: int) -> Tensor:
    """(B,) radians about axis 0, 1 or 2 of (d, h, w) → (B, 3, 3)."""
    cos, sin = angle.cos(), angle.sin()
    first, second = [other for other in range(3) if other != axis]
    matrix = torch.zeros(len(angle), 3, 3, dtype=angle.dtype, device=angle.device)
    matrix[:, axis, axis] = 1
    matrix[:, first, first] = matrix[:, second, second] = cos
    matrix[:, first, second], matrix[:, second, first] = -sin, sin
    return matrix


def moved(volumes: Tensor, matrix: Tensor, mode: str) -> Tensor:
    """Volumes (B, C, D, H, W) float fetched from where ``matrix`` (B, 3, 4) says; what is outside repeats the border."""
    size = torch.tensor(volumes.shape[2:], dtype=torch.float64, device=volumes.device)
    # grid_sample counts from −1 to 1 between the outer edges, and its coordinates stand in the order w, h, d
    unit = torch.cat([matrix[:, :, :3] * size / size[:, None], 2 * matrix[:, :, 3:] / size[:, None]], 2).flip(1)
    unit = torch.cat([unit[:, :, :3].flip(2), unit[:, :, 3:]], 2)
    grid = torch.nn.functional.affine_grid(unit.float(), list(volumes.shape), align_corners=False)
    return grid_sample(volumes, grid, mode=mode, padding_mode="border", align_corners=False)
