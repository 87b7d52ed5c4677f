"""Which numbers or colours of the masks are which classes: decided once from all that occurs, every doubt an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from neocog.data.dataset import Taken
from neocog.data.mask_evidence import Verdict, background_of, objects_or_classes, ramps_only
from neocog.data.mask_look import FEW, TOPS, Look
from neocog.data.mask_values import COLOUR
from neocog.data.masks import IGNORED, Coding, shown
from neocog.data.reading import MaskValues, ambiguous
from neocog.errors import UserError, listed, printable

MOST_COLOURS = 32  # taken for classes where no colour map says so
OBJECTS = ("background", "object")
AS_CLASSES, AS_FOREGROUND = "--mask-values classes", "--mask-values foreground"


@dataclass(frozen=True)
class Values:
    """What occurs in all masks together."""

    looks: Sequence[Look]

    @cached_property
    def masks(self) -> dict[int, list[str]]:
        """Key → the masks that hold it."""
        found: dict[int, list[str]] = {}
        for mask in self.looks:
            for key in mask.values.tolist():
                found.setdefault(key, []).append(mask.name)
        return found

    @property
    def lossy(self) -> bool:
        return any(mask.kind == "JPEG" for mask in self.looks)

    @property
    def soft(self) -> bool:
        return any(mask.soft for mask in self.looks)

    def holders(self, keys: Sequence[int]) -> str:
        """The masks with these values, for a message."""
        return listed(map(printable, dict.fromkeys(name for key in keys for name in self.masks[key])), 5)


@dataclass(frozen=True)
class Given:
    """What is said about the masks beside them, or by the user."""

    names: tuple[str, ...] = ()  # of class 0, 1, …
    colours: Mapping[int, str] = field(default_factory=dict)  # key → class, in the map's order
    ignore: int | None = None  # the number that does not count
    remap: bool = False
    where: str = ""
    meaning: MaskValues = "auto"
    background: str = ""  # a number, a class, or "none"


@dataclass(frozen=True)
class Decided:
    coding: Coding
    classes: tuple[str, ...]
    taken: tuple[Taken, ...] = ()
    notes: tuple[str, ...] = ()


def decide(values: Values, given: Given) -> Decided:
    """The coding of the masks. Raises UserError where values are unexpected or ambiguous, and where all masks are empty."""
    found = sorted(values.masks)
    if any(key >= COLOUR for key in found):
        return _red_objects(found) or _colours(values, given)
    numbers = [key for key in found if key != given.ignore]
    if not any(numbers):
        what = f"all {len(values.looks)} masks are empty: they hold the value 0 only"
        if given.ignore in values.masks:
            what = f"no mask holds anything but 0 and {given.ignore}, which does not count"
        raise UserError(what, given.where, "give masks with objects in them")
    if levels := _two_levels(values, numbers, given):
        return levels
    if given.names:
        return _named(values, given, numbers)
    if given.meaning != "classes" and values.soft:
        return _thresholded(values, given)
    if given.meaning == "foreground":
        return _foreground(given, numbers, Verdict("objects", "as was asked for"))
    return _numbered(values, given, numbers)


def _two_levels(values: Values, numbers: list[int], given: Given) -> Decided | None:
    """Masks of 0 and 255 (or 65535), and of 0 and 1 beside them where no mask holds both: background and one object."""
    tops = [key for key in numbers if key in (1, *TOPS)]
    if set(numbers) - {0, *tops} or (tops == [1] and given.names) or len(given.names) not in (0, 2):
        return None
    mixed = len(tops) > 1
    if mixed and (given.remap or any(len(mask.objects) > 1 for mask in values.looks)):
        return None
    told = " and ".join(map(str, tops))
    if given.background in ("none", *map(str, numbers)):
        background, evidence = int(given.background) if given.background != "none" else 0, "as was asked for"
    elif mixed:
        counts = ", ".join(f"{len(values.masks[key])} masks hold {key}" for key in tops)
        evidence, background = f"{counts}, none two of them: one object stored in two ways", 0
    else:
        background, evidence = background_of(values.looks, tops[0]) if not given.names else (0, "listed")
    if mixed and background:
        return None
    classes = {0: int(background != 0)} | dict.fromkeys(tops, int(background == 0))
    names = given.names or ("background", "class 1" if tops == [1] else "foreground")
    names = tuple(f"class {key}" for key in (0, tops[0])) if given.background == "none" else names
    role = " and ".join(f"{key}: {names[c]}" for key, c in classes.items())
    flags = "--remap (one class each)" if mixed else f"--background {tops[0] if background == 0 else 0} (or none)"
    return Decided(_coding(classes, given), names, (Taken(f"mask values 0 and {told}", role, evidence, flags),))


def _named(values: Values, given: Given, numbers: list[int]) -> Decided:
    """A list of classes says which numbers there may be."""
    expected = range(len(given.names))
    if strange := [key for key in numbers if key not in expected]:
        raise _unexpected(values, given, strange, f"0 … {len(given.names) - 1}, the {len(given.names)} known classes")
    taken = Taken(
        f"mask values 0 … {len(given.names) - 1}", "classes", "listed beside the masks, or known of such data"
    )
    return Decided(_coding({key: key for key in expected}, given), given.names, (taken,))


def _thresholded(values: Values, given: Given) -> Decided:
    """Soft masks: half of the full intensity parts object from background where all greys are ramps, or if asked for."""
    verdict, top = ramps_only(values.looks), next(top for top in TOPS if max(values.masks) <= top)
    if verdict.reading != "ramps" and given.meaning != "foreground":
        kind = "lossy (JPEG)" if values.lossy else "soft"
        names = listed([printable(mask.name) for mask in values.looks if mask.soft], 5)
        what = f"{kind} masks whose greys are no clear edges between black and full: {verdict.evidence}"
        fix = f"save masks as PNG of exact numbers; {AS_FOREGROUND} takes half of the full intensity for the edge"
        raise UserError(what, names, fix)
    half = top // 2 + 1
    taken = Taken(f"mask values 0 … {top}", f"background, and object from {half} on", verdict.evidence, AS_CLASSES)
    if given.background == str(top):
        return Decided(_ranges({0: 1, half: 0}, given), OBJECTS, (taken,))
    return Decided(_ranges({0: 0, half: 1}, given), OBJECTS, (taken,))


def _foreground(given: Given, numbers: Sequence[int], verdict: Verdict) -> Decided:
    """Every value but 0 is an object, all of one class."""
    role = "background 0, and single objects, all of the class 'object'; --instances tells them apart"
    taken = Taken(f"mask values {_told(numbers)}", role, verdict.evidence, AS_CLASSES)
    return Decided(_ranges({0: 0, 1: 1}, given), OBJECTS, (taken,))


def _numbered(values: Values, given: Given, numbers: list[int]) -> Decided:
    """Without a list, numbers are classes or single objects; classes count from 0 without a gap, ``remap`` closes gaps."""
    verdict = Verdict("classes", "as was asked for")
    if given.meaning == "auto":
        verdict = objects_or_classes(values.looks)
    if verdict.reading == "objects":
        return _foreground(given, numbers, verdict)
    first = 1 if given.ignore == 0 else 0
    gaps = numbers != list(range(first, first + len(numbers)))
    if values.lossy and given.meaning != "classes" and len(numbers) > 2:
        raise _unexpected(values, given, numbers, "few exact numbers")
    if gaps and not given.remap:
        strange = [key for key in numbers if key >= first + len(numbers)]
        raise _unexpected(values, given, strange, f"{first} … {first + len(numbers) - 1}")
    if not verdict.reading and not given.remap:
        classes = f"{len(numbers) - (0 in numbers)} classes"
        what = f"mask values {_told(numbers)} ({verdict.evidence})"
        raise ambiguous(what, given.where, ("single objects of one class", AS_FOREGROUND), (classes, AS_CLASSES))
    notes: tuple[str, ...] = ()
    if gaps:
        notes = (f"mask values numbered anew: {', '.join(f'{key} → {i}' for i, key in enumerate(numbers))}",)
    names = tuple(f"class {key}" for key in numbers)
    if numbers[0] == 0 and given.background != "none":
        names = ("background", *names[1:])
    evidence = verdict.evidence if len(numbers) > 2 else "two values"
    flags = f"{AS_FOREGROUND} (single objects: --instances)" if len(numbers) > 2 else "--background none"
    taken = Taken(f"mask values {_told(numbers)}", listed(names, 8), evidence, flags)
    return Decided(_coding({key: i for i, key in enumerate(numbers)}, given), names, (taken,), notes)


def _unexpected(values: Values, given: Given, strange: list[int], expected: str) -> UserError:
    """Lossy, blurred, with gaps, or out of range: told by what is found."""
    where = values.holders(strange)
    found = f"{', '.join(map(shown, sorted(strange)[:20]))}{' …' if len(strange) > 20 else ''}"
    if values.lossy or len(strange) >= FEW:
        kind = "lossy (JPEG) mask" if values.lossy else "lossy or blurred mask"
        what = f"{kind}: {len(strange)} unexpected values ({found}), expected {expected}"
        fix = "save masks as PNG, and resize them by the nearest pixel only"
        return UserError(what, where, f"{fix}; {AS_FOREGROUND} where all but 0 is one kind of object")
    if strange == [255]:
        what = f"value 255 beside other numbers, expected {expected}"
        return UserError(
            what, where, "--ignore 255 where it marks pixels that do not count, or --remap where it is a class"
        )
    what = f"mask values {found}, expected {expected}; found in all: {', '.join(map(shown, sorted(values.masks)[:20]))}"
    fix = "--remap numbers the values that occur anew, --ignore VALUE leaves pixels out, classes.txt names all classes"
    return UserError(what, where, "correct the masks, or the list of classes" if given.names else fix)


def _red_objects(found: list[int]) -> Decided | None:
    """Small numbers in the red channel alone are objects, as in BBBC039: numbers that only keep touching ones apart."""
    greys, coloured = [key for key in found if 0 < key < COLOUR], [key - COLOUR for key in found if key >= COLOUR]
    most = max(coloured) >> 16
    if greys or most > 64 or any(key & 0xFFFF for key in coloured):
        return None
    role = "background, and single objects, all of the class 'object'; --instances tells them apart"
    taken = Taken(f"mask colours 0 … {most} of red", role, "small numbers in the red channel alone")
    return Decided(Coding((0, 1), (0, 1), ranges=True), OBJECTS, (taken,))


def _colours(values: Values, given: Given) -> Decided:
    """Colours by a map, or in order where there are few. Greys are colours with three equal parts."""
    found = sorted(values.masks)
    if given.colours:
        return _mapped(values, given, found)
    verdict = objects_or_classes(values.looks) if given.meaning == "auto" else Verdict("classes", "")
    if given.meaning == "foreground" or verdict.reading == "objects":
        decided = _foreground(given, found, verdict)
        return replace(decided, coding=Coding((0, 1), (0, 1), ranges=True))
    if values.lossy or len(found) > MOST_COLOURS:
        what = f"lossy mask: {len(found)} unexpected values (colours), expected at most {MOST_COLOURS}"
        fix = (
            "save masks as PNG, or write a colour map beside them (labelmap.txt: name:r,g,b); or --task classification"
        )
        raise UserError(what, values.holders(found), f"{fix} where these are photographs")
    names = given.names if len(given.names) == len(found) else tuple(f"colour {shown(key)}" for key in found)
    if found[0] == 0 and not given.names and given.background != "none":
        names = ("background", *names[1:])
    evidence = f"no colour map, {len(found)} colours in the order of their values; labelmap.txt would name them"
    taken = Taken("mask colours", f"classes: {listed(names, 8)}", evidence, f"labelmap.txt, {AS_FOREGROUND}")
    return Decided(Coding(tuple(found), tuple(range(len(found)))), names, (taken,))


def _mapped(values: Values, given: Given, found: list[int]) -> Decided:
    order = list(dict.fromkeys(given.colours.values()))
    known = {_grey(key): order.index(name) for key, name in given.colours.items()}
    if strange := [key for key in found if key not in known]:
        what = f"{len(strange)} colours that the colour map does not know: {', '.join(map(shown, strange[:10]))}"
        if values.lossy or len(strange) >= FEW:
            what = f"lossy mask: {len(strange)} unexpected values, {', '.join(map(shown, strange[:10]))}"
        raise UserError(what, values.holders(strange), "save masks as PNG, or add the colours to the map")
    keys = sorted(known)
    taken = Taken("mask colours", "classes", "the colour map beside the masks")
    return Decided(Coding(tuple(keys), tuple(known[key] for key in keys)), tuple(order), (taken,))


def _grey(key: int) -> int:
    """The key that a mask file gives for a colour: of a grey one, its number."""
    red, green, blue = key >> 16 & 255, key >> 8 & 255, key & 255
    return red if red == green == blue else key


def _coding(classes: Mapping[int, int], given: Given) -> Coding:
    """Number → class, and what does not count."""
    if given.ignore is not None:
        classes = {**classes, given.ignore: IGNORED}
    keys = sorted(classes)
    return Coding(tuple(keys), tuple(classes[key] for key in keys))


def _ranges(classes: Mapping[int, int], given: Given) -> Coding:
    """The class from each number on, and the one that does not count."""
    steps = dict(classes)
    if given.ignore is not None:
        after = max(key for key in steps if key <= given.ignore)
        steps = {given.ignore + 1: steps[after], **steps, given.ignore: IGNORED}
    keys = sorted(steps)
    return Coding(tuple(keys), tuple(steps[key] for key in keys), ranges=True)


def _told(keys: Sequence[int]) -> str:
    """ "0, 1, 2" or "0 … 40"."""
    return ", ".join(map(shown, keys)) if len(keys) <= 6 else f"{shown(keys[0])} … {shown(keys[-1])}"
