"""What may happen to an image while the network learns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from neocog.augment import pixel
from neocog.augment.pixel import PixelChange
from neocog.checked import number
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, did_you_mean, printable, raise_all

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def amount(usual: float, most: float, by: PixelChange | None = None, off: Any = 0.0) -> Any:
    """A field for how far a kind of change goes: ``usual`` is what "on" stands for, ``most`` the most that makes sense.

    ``by``: the function that changes the pixels' values; None of what moves pixels, which all is done at once (``geometry``).
    """
    return field(default=off, metadata={"range": (usual, most), "by": by})


def ranges(policy: type[DataclassInstance]) -> dict[str, tuple[float, float]]:
    """{kind: (the usual amount, the most)} of a policy, in the order of its fields."""
    return {each.name: each.metadata["range"] for each in fields(policy) if "range" in each.metadata}


@dataclass(frozen=True)
class Augmentation:
    """How far each kind of change goes at most; 0 is off. Each sample draws its own amount, evenly within the bounds.

    The pixels are moved first, then changed in the order of the fields. One line here and its function add a kind of change.
    Raises UserError for values outside their range, all of them at once.
    """

    flip: float = amount(0.5, 1)
    """Probability of mirroring left and right."""
    flip_vertical: float = amount(0.5, 1)
    """Probability of mirroring top and bottom."""
    turn: float = amount(10, 180)
    """Degrees to either side."""
    scale: float = amount(0.1, 1)
    """Larger or smaller by this fraction."""
    stretch: float = amount(0.1, 1)
    """Wider or higher by this fraction, at the same area."""
    shear: float = amount(10, 60)
    """Skewed sideways by degrees to either side."""
    translate: float = amount(0.1, 1)
    """Shifted by this fraction of the side, in both directions."""
    crop: int = amount(4, 1000, off=0)
    """Pixels: the image is widened by so many at each edge and cut to its size again at a random place."""
    blur: float = amount(1, 20, pixel.blurred)
    """Standard deviation in pixels of a Gaussian blur, for half of the samples."""
    brightness: float = amount(0.1, 1, pixel.lit)
    """Brighter or darker by this fraction of the pixels' range."""
    contrast: float = amount(0.2, 1, pixel.lit)
    """Contrast about the middle grey, higher or lower by this fraction."""
    saturation: float = amount(0.5, 10, pixel.coloured)
    """Colours stronger or paler by this fraction: away from or towards each pixel's own grey."""
    tint: float = amount(0.2, 1, pixel.coloured)
    """Each channel brighter or darker by this fraction, as in light of another colour (dusk, another lamp or stain)."""
    erase: float = amount(0.25, 1, pixel.erased)
    """Probability of erasing a rectangle of 2 to 33 % of the area (Zhong et al. 2020)."""
    cutout: float = amount(0.25, 1, pixel.cut_out)
    """A square of this fraction of the shorter side, at any place, filled with the training images' mean (DeVries and Taylor
    2017)."""
    noise: float = amount(0.05, 1, pixel.noisy)
    """Standard deviation of Gaussian noise, as a fraction of the pixels' range."""
    salt_pepper: float = amount(0.02, 1, pixel.salted)
    """Share of the pixels that turn black or white."""
    fill: Literal["edge", "mirror"] = "edge"
    """What comes in from outside the image: its edge pixels drawn out, or its mirror image."""
    flips: Literal["random", "alternate"] = "random"
    """Which images ``flip`` mirrors, where it is on: any at random, or those that it draws in the first epoch, all others in the
    next, and so on, so that each is seen from both sides in any two epochs (Jordan 2024)."""

    def __post_init__(self) -> None:
        raise_all(self._faults())

    def _faults(self) -> Iterable[UserError]:
        yield from outside(self, KINDS)
        if self.fill not in ("edge", "mirror"):
            yield UserError(f"augmentation fill={printable(str(self.fill))} is unknown", fix="fill=edge or fill=mirror")
        if self.flips not in ("random", "alternate"):
            what = f"augmentation flips={printable(str(self.flips))} is unknown"
            yield UserError(what, fix="flips=random or flips=alternate")

    @classmethod
    def default(cls, preprocessing: Preprocessing, mirror: bool) -> Augmentation:
        """Sensible changes by kind of data; ``mirror`` says whether a mirrored image keeps its label (digits do not).

        Digits and letters: small turns, scalings and shifts. Small pictures (≤ 64 pixels): crop and flip, as is usual
        for CIFAR. Larger ones: flip, small turns, scalings and shifts, and of pictures brightness and contrast; what was
        measured (16 bits, floats, other channels than colours) keeps its values, of which few lie near the middle of the range.
        """
        size = preprocessing.plane
        if not mirror:
            return cls(turn=8, scale=0.08, stretch=0.05, shear=5, translate=0.05)
        if max(size) <= 64:
            return cls(flip=0.5, crop=max(1, round(min(size) / 8)), fill="mirror")
        light = 0.1 if preprocessing.pictures else 0.0
        return cls(flip=0.5, turn=10, scale=0.15, translate=0.05, brightness=light, contrast=2 * light, fill="mirror")

    def changed(self, edits: Iterable[str]) -> Augmentation:
        """With edits as on the command line, in their order: "turn=15", "flip=off", "noise=on", or "off" for everything."""
        return edited(self, KINDS, edits)

    def is_on(self) -> bool:
        """Whether anything happens at all."""
        return any(getattr(self, name) for name in KINDS)

    def pixel_changes(self) -> list[tuple[PixelChange, dict[str, float]]]:
        """Those that are on, in their order, each once with all its amounts."""
        found: dict[PixelChange, dict[str, float]] = {}
        for each in fields(self):
            if by := each.metadata.get("by"):
                found.setdefault(by, {})[each.name] = getattr(self, each.name)
        return [(change, amounts) for change, amounts in found.items() if any(amounts.values())]


# name: (the usual amount, the most that makes sense)
KINDS = ranges(Augmentation)


P = TypeVar("P", bound="DataclassInstance")


def edited(policy: P, kinds: Mapping[str, tuple[float, float]], edits: Iterable[str]) -> P:
    """A policy of any form of data with edits as on the command line; its fields beyond ``kinds`` take words."""
    errors, found = [], dict[str, Any]()
    words = [each.name for each in fields(policy) if each.name not in kinds]
    for edit in (part for text in edits for part in text.replace(",", " ").split()):
        try:
            found |= _edit(edit, kinds, words)
        except UserError as error:
            errors.append(error)
    raise_all(errors)
    return replace(policy, **found)


def outside(policy: object, kinds: Mapping[str, tuple[float, float]]) -> Iterator[UserError]:
    """The values beyond their range."""
    for name, (_, most) in kinds.items():
        value = getattr(policy, name)
        if not 0 <= value <= most:
            yield UserError(f"augmentation {name}={value:g} is outside 0 … {most:g}", fix=f"{name}=off turns it off")


def _edit(text: str, kinds: Mapping[str, tuple[float, float]], words: Sequence[str]) -> dict[str, Any]:
    """One edit as fields: "turn=15" → {"turn": 15.0}."""
    if text in ("off", "none"):
        return dict.fromkeys(kinds, 0)
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in kinds and name not in words:
        hint = did_you_mean(name, [*kinds, *words])
        raise UserError(f"no augmentation '{printable(name)}'", fix=f"{hint}known: {', '.join((*kinds, *words))}")
    if name in words:
        return {name: value}
    if value.lower() in ("off", "none", "false"):
        return {name: 0}
    if value.lower() in ("on", "true") or not equals:
        return {name: kinds[name][0]}
    amount = number(value)
    if amount is None or (name == "crop" and amount % 1):
        kind = "a whole number" if name == "crop" else "a number"
        raise UserError(
            f"augmentation {name}={printable(value)} is not {kind}", fix=f"{name}={kinds[name][0]:g}, or {name}=off"
        )
    return {name: int(amount) if name == "crop" else amount}
