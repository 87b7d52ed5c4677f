"""Which numbers or colours of the masks are which classes: decided once from all that occurs, every doubt an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from neocog.data.dataset import Array
from neocog.data.mask_values import COLOUR
from neocog.data.masks import IGNORED, Coding, shown
from neocog.errors import UserError, listed, printable

MOST_COLOURS = 32  # taken for classes where no colour map says so
MOST_CLASSES = 64  # numbers taken for classes where no list of classes says so; more are objects
FEW = 8  # unexpected values from which a mask is taken for a lossy or blurred one


@dataclass
class Values:
    """What occurs in all masks together."""

    pixels: dict[int, int] = field(default_factory=dict)  # key → pixels
    masks: dict[int, list[str]] = field(default_factory=dict)  # key → the masks that hold it
    lossy: list[str] = field(default_factory=list)  # JPEG files

    def add(self, keys: Array, counts: Array, name: str, kind: str) -> None:
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            self.pixels[key] = self.pixels.get(key, 0) + count
            self.masks.setdefault(key, []).append(name)
        if kind == "JPEG":
            self.lossy.append(name)

    def holders(self, keys: Sequence[int]) -> str:
        """The masks with these values, for a message."""
        return listed(map(printable, dict.fromkeys(name for key in keys for name in self.masks[key])), 5)


@dataclass(frozen=True)
class Given:
    """What is said about the masks beside them."""

    names: tuple[str, ...] = ()  # of class 0, 1, …
    colours: Mapping[int, str] = field(default_factory=dict)  # key → class, in the map's order
    ignore: int | None = None  # the number that does not count
    remap: bool = False
    where: str = ""


@dataclass(frozen=True)
class Decided:
    coding: Coding
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def decide(values: Values, given: Given) -> Decided:
    """The coding of the masks. Raises UserError where values are unexpected, and where all masks are empty."""
    found = sorted(values.pixels)
    if any(key >= COLOUR for key in found):
        return _red_objects(found) or _colours(values, given)
    numbers = [key for key in found if key != given.ignore]
    ignored = (given.ignore,) if given.ignore is not None and given.ignore in values.pixels else ()
    if not any(numbers):
        what = f"all {len(values.masks.get(0, ()))} masks are empty: they hold the value 0 only"
        raise UserError(what, given.where, "give masks with objects in them")
    if not (set(numbers) - {0, 255}) and 255 in numbers:
        names = given.names if len(given.names) == 2 else ("background", "foreground")
        return Decided(_coding((0, 255), ignored), names, ("masks of 0 and 255: 255 is class 1",))
    if given.names:
        return _named(values, given, numbers, ignored)
    if len(numbers) > MOST_CLASSES and not values.lossy and not _blurred(values, numbers):
        note = f"{len(numbers)} numbers, taken for single objects: all of them are class 1"
        return Decided(Coding((0, *ignored), (0, *(IGNORED for _ in ignored)), True), ("background", "object"), (note,))
    return _counted(values, given, numbers, ignored)


def _named(values: Values, given: Given, numbers: list[int], ignored: tuple[int, ...]) -> Decided:
    """A list of classes says which numbers there may be."""
    expected = range(len(given.names))
    if strange := [key for key in numbers if key not in expected]:
        raise _unexpected(values, given, strange, f"0 … {len(given.names) - 1}, the {len(given.names)} known classes")
    return Decided(_coding(tuple(expected), ignored), given.names)


def _counted(values: Values, given: Given, numbers: list[int], ignored: tuple[int, ...]) -> Decided:
    """Without a list, numbers count from 0 without a gap; ``remap`` closes gaps."""
    first = 1 if given.ignore == 0 else 0
    gaps = numbers != list(range(first, first + len(numbers)))
    if values.lossy and (gaps or len(numbers) > FEW):
        raise _unexpected(values, given, numbers, "few exact numbers")
    blurred = gaps and _blurred(values, numbers)
    if gaps and (blurred or not given.remap):
        strange = numbers[1:-1] if blurred else [key for key in numbers if key >= first + len(numbers)]
        raise _unexpected(values, given, strange, f"{first} … {first + len(numbers) - 1}")
    notes: tuple[str, ...] = ()
    if gaps:
        told = ", ".join(f"{key} → {i}" for i, key in enumerate(numbers))
        notes = (f"mask values numbered anew: {told}",)
    names = tuple(f"class {key}" for key in numbers)
    names = ("background", *names[1:]) if numbers[0] == 0 else names
    return Decided(_coding(tuple(numbers), ignored), names, notes)


def _unexpected(values: Values, given: Given, strange: list[int], expected: str) -> UserError:
    """Lossy, blurred, with gaps, or out of range: told by what is found."""
    where = values.holders(strange)
    found = f"{', '.join(map(shown, sorted(strange)[:20]))}{' …' if len(strange) > 20 else ''}"
    if values.lossy or len(strange) >= FEW:
        kind = "lossy (JPEG) mask" if values.lossy else "lossy or blurred mask"
        what = f"{kind}: {len(strange)} unexpected values ({found}), expected {expected}"
        return UserError(what, where, "save masks as PNG, and resize them by the nearest pixel only")
    if strange == [255]:
        what = f"value 255 beside other numbers, expected {expected}"
        return UserError(
            what, where, "--ignore 255 where it marks pixels that do not count, or --remap where it is a class"
        )
    what = (
        f"mask values {found}, expected {expected}; found in all: {', '.join(map(shown, sorted(values.pixels)[:20]))}"
    )
    fix = "--remap numbers the values that occur anew, --ignore VALUE leaves pixels out, classes.txt names all classes"
    return UserError(what, where, "correct the masks, or the list of classes" if given.names else fix)


def _blurred(values: Values, numbers: list[int]) -> bool:
    """Two numbers hold nearly all pixels, and many others lie between: what smooth resizing leaves."""
    if len(numbers) < FEW:
        return False
    total = sum(values.pixels[key] for key in numbers)
    return values.pixels[numbers[0]] + values.pixels[numbers[-1]] > 0.8 * total


def _red_objects(found: list[int]) -> Decided | None:
    """Small numbers in the red channel alone are objects, as in BBBC039: numbers that only keep touching ones apart."""
    greys, coloured = [key for key in found if 0 < key < COLOUR], [key - COLOUR for key in found if key >= COLOUR]
    most = max(coloured) >> 16
    if greys or most > MOST_CLASSES or any(key & 0xFFFF for key in coloured):
        return None
    note = f"objects numbered 1 … {most} in the red channel: all of them are class 1"
    return Decided(Coding((0,), (0,), True), ("background", "object"), (note,))


def _colours(values: Values, given: Given) -> Decided:
    """Colours by a map, or in order where there are few. Greys are colours with three equal parts."""
    found = sorted(values.pixels)
    if given.colours:
        order = list(dict.fromkeys(given.colours.values()))
        known = {_grey(key): order.index(name) for key, name in given.colours.items()}
        if strange := [key for key in found if key not in known]:
            what = f"{len(strange)} colours that the colour map does not know: {', '.join(map(shown, strange[:10]))}"
            if values.lossy or len(strange) >= FEW:
                what = f"lossy mask: {len(strange)} unexpected values, {', '.join(map(shown, strange[:10]))}"
            raise UserError(what, values.holders(strange), "save masks as PNG, or add the colours to the map")
        keys = sorted(known)
        return Decided(Coding(tuple(keys), tuple(known[key] for key in keys)), tuple(order))
    if values.lossy or len(found) > MOST_COLOURS:
        what = f"lossy mask: {len(found)} unexpected values (colours), expected at most {MOST_COLOURS}"
        fix = "save masks as PNG, or write a colour map beside them (labelmap.txt: name:r,g,b)"
        raise UserError(what, values.holders(found), fix)
    names = given.names if len(given.names) == len(found) else tuple(f"colour {shown(key)}" for key in found)
    note = f"no colour map: {len(found)} colours are classes in the order of their values; labelmap.txt would name them"
    return Decided(Coding(tuple(found), tuple(range(len(found)))), names, (note,))


def _grey(key: int) -> int:
    """The key that a mask file gives for a colour: of a grey one, its number."""
    red, green, blue = key >> 16 & 255, key >> 8 & 255, key & 255
    return red if red == green == blue else key


def _coding(numbers: tuple[int, ...], ignored: Sequence[int]) -> Coding:
    classes = {key: i for i, key in enumerate(numbers)} | dict.fromkeys(ignored, IGNORED)
    keys = sorted(classes)
    return Coding(tuple(keys), tuple(classes[key] for key in keys))


def unique_keys(keys: Array) -> tuple[Array, Array]:
    """(values, counts) of (H, W) keys; small numbers are counted without sorting."""
    if keys.max() < 1 << 16:
        counts = np.bincount(keys.reshape(-1))
        values = np.flatnonzero(counts)
        return values, counts[values]
    return np.unique(keys, return_counts=True)
