"""Whether images are like those of the training: their range of values, channels, sides, and the millimetres of a pixel.

A network answers floats of 0 … 255 as readily as the 0 … 1 that it learned, and as surely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocog.data.dataset import Array, BadImage, Header
from neocog.data.records import Headers

BEYOND = 8.0  # times the largest value of all training images: 12 bits in 16 are 16 times, 8 bits 255 times as large
BELOW = 64.0  # of it the usual training image's largest value is, where none of them is nearly as dark
MARGIN = 0.05  # of the training images' range
OTHER = 1.5  # times as large, or as small, as all training images
PHYSICAL = 1.25  # the same of the millimetres of a pixel
Three = tuple[float, float, float]


def three(values: Array) -> Three:
    """Lowest, middle, highest."""
    return values.min().item(), float(np.median(values)), values.max().item()


@dataclass(frozen=True)
class Seen:
    """What training images were like, of each the lowest, middle and highest: the smallest and the largest value of an
    image, fitted; the larger of these two without its sign (``peak``); the sides as stored; millimetres of a pixel, ()
    where files do not say; and the ``channels`` that occur."""

    low: Three
    high: Three
    peak: Three
    sides: tuple[Three, ...]
    channels: tuple[int, ...]
    spacing: tuple[Three, ...] = ()

    @classmethod
    def of(cls, extremes: Array | Sequence[tuple[float, float]], headers: Sequence[Header | None]) -> Seen:
        """``extremes``: smallest and largest value of each fitted training image."""
        ends, heads = np.asarray(extremes, np.float64), Headers.of(headers)
        numbers, which = np.unique(heads.kinds, return_inverse=True)
        kinds = [heads.known[number] for number in numbers.tolist()]
        known = all(kind.spacing for kind in kinds) and len({len(kind.spacing) for kind in kinds}) == 1
        return cls(
            low=three(ends[:, 0]),
            high=three(ends[:, 1]),
            peak=three(np.abs(ends).max(axis=1)),
            sides=tuple(map(three, heads.sides.T)),
            channels=tuple(sorted({kind.channels for kind in kinds})),
            spacing=tuple(map(three, np.array([kind.spacing for kind in kinds])[which].T)) if known else (),
        )

    @classmethod
    def recorded(cls, facts: Mapping[str, Any]) -> Seen | None:
        """From model.json; None in runs that did not record it."""
        given = facts.get("seen")
        return None if given is None else cls(**given)

    def other_scale(self, low: float, high: float) -> str:
        """Why an image of these extreme values is beyond doubt of another scale; "" where it need not be."""
        peak, (least, usual, most) = max(abs(low), abs(high)), self.peak
        too_large = 0 < BEYOND * most < peak
        too_small = low < high and peak < min(least / 2, usual / BELOW)
        if not too_large and not too_small:
            return ""
        return f"values {low:g} … {high:g} are of another range than the training's {self.low[0]:g} … {self.high[2]:g}"


@dataclass
class Watch:
    """Looks at every image on its way to a network. ``strict``: refuse those of another scale."""

    seen: Seen
    strict: bool = True
    extremes: list[tuple[float, float]] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)

    def look(self, pixels: Array, name: str, header: Header | None = None) -> None:
        """``pixels`` (C, …) fitted. Raises BadImage."""
        low, high = float(pixels.min()), float(pixels.max())
        reason = self.seen.other_scale(low, high)
        if reason and self.strict:
            raise BadImage(reason, name, "scale the values as for training, or add --any-range")
        self.extremes.append((low, high))
        self.headers += [header] if header else []

    def differences(self) -> list[str]:
        """What of the images that were looked at differs from the training's, in words."""
        return [*self._values(), *self._forms()] if self.extremes else []

    def _values(self) -> list[str]:
        seen, (low, high) = self.seen, np.array(self.extremes).T
        margin = MARGIN * (seen.high[2] - seen.low[0])
        outside = (low < seen.low[0] - margin) | (high > seen.high[2] + margin)
        trained = f"{seen.low[0]:g} … {seen.high[2]:g}"
        if outside.any():
            where = f"{low.min():g} … {high.max():g}"
            return [
                f"{outside.sum():,} of {len(low):,} images have values beyond the training's range: {where}, not {trained}"
            ]
        if np.median(high) < seen.high[0] - margin:
            return [
                f"brightest values of {np.median(high):g}, while every training image reaches {seen.high[0]:g}: another range?"
            ]
        if np.median(low) > seen.low[2] + margin:
            return [
                f"darkest values of {np.median(low):g}, while every training image has {seen.low[2]:g}: another range?"
            ]
        return []

    def _forms(self) -> list[str]:
        seen, headers, found = self.seen, self.headers, []
        other = sum(header.channels not in seen.channels for header in headers)
        if other:
            channels = " or ".join(map(str, seen.channels))
            found.append(
                f"{other:,} of {len(headers):,} images do not have {channels} channels, as in training: converted"
            )
        sides = [header.size for header in headers if len(header.size) == len(seen.sides)]
        if sides and (text := unlike(np.median(sides, axis=0), seen.sides, OTHER)):
            found.append(f"images of {text}: objects may appear at another scale")
        spacing = [header.spacing for header in headers if len(header.spacing) == len(seen.spacing) > 0]
        if spacing and (text := unlike(np.median(spacing, axis=0), seen.spacing, PHYSICAL, " mm")):
            found.append(f"pixels of {text}: objects appear at another scale")
        return found


def unlike(values: Array, seen: Sequence[Three], times: float, unit: str = "") -> str:
    """Values, one a side, and the training's, in words, where one lies beyond all of these by so many times; else ""."""
    if all(least / times <= value <= most * times for value, (least, _, most) in zip(values, seen, strict=True)):
        return ""
    given, usual = (" × ".join(f"{value:.3g}" for value in row) for row in (values, [middle for _, middle, _ in seen]))
    return f"{given}{unit}, those of the training of about {usual}{unit}"
