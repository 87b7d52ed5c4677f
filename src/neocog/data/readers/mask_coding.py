"""Which numbers or colours of the masks are which classes: decided once from all that occurs, every doubt an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neocog.data.dataset import Taken
from neocog.data.formats.mask_values import COLOUR
from neocog.data.masks import key_text
from neocog.data.objects import CLASSES, By
from neocog.data.readers.mask_colours import colours, red_objects
from neocog.data.readers.mask_decided import (
    AS_CLASSES,
    AS_FOREGROUND,
    OBJECTS,
    Decided,
    Given,
    coding_of,
    foreground,
    ranges,
    value_list,
)  # fmt: skip
from neocog.data.readers.mask_evidence import (
    Verdict,
    background_of,
    background_of_levels,
    objects_or_classes,
    ramps_only,
    whole_share,
)
from neocog.data.readers.mask_look import FEW, MOSTLY, TOPS
from neocog.data.readers.mask_looks import Looks
from neocog.data.readers.reading import ambiguous
from neocog.errors import UserError, listed, printable


def decide(looks: Looks, given: Given) -> Decided:
    """The coding of the masks. Raises UserError where values are unexpected or ambiguous, and where all masks are empty."""
    found = looks.keys
    if any(key >= COLOUR for key in found):
        return red_objects(found) or colours(looks, given)
    numbers = [key for key in found if key != given.ignore]
    if not any(numbers):
        what = f"all {len(looks)} masks are empty: they hold the value 0 only"
        if given.ignore in found:
            what = f"no mask holds anything but 0 and {given.ignore}, which does not count"
        raise UserError(what, given.where, "give masks with objects in them")
    if levels := _two_levels(looks, numbers, given):
        return levels
    if given.names:
        return _named(looks, given, numbers)
    if given.meaning != "classes" and looks.soft.any():
        return _thresholded(looks, given)
    if given.meaning == "foreground":
        return foreground(given, numbers, Verdict("objects", "as was asked for"))
    return _numbered(looks, given, numbers)


def decide_objects(looks: Looks, given: Given) -> Decided:
    """As ``decide``, where masks are of single objects of one class. Raises UserError also where they are of several classes."""
    if given.colours or len(given.names) > 2:
        what = f"--instances tells objects of one class apart; these masks have {len(given.names or given.colours)}"
        raise UserError(
            what, given.where, "leave --instances out, or give masks of one class with its objects numbered"
        )
    decided = decide(looks, replace(given, names=(), meaning="foreground"))
    several = (looks.objects(but=given.ignore) > 1).any()
    if looks.soft.any() or not several:
        by: By = "piece"
        reason = "each connected piece is one object, for no mask has several values; touching ones are one"
    elif (share := whole_share(looks)) >= MOSTLY:
        by, reason = "value", f"each value of a mask is one object: {share:.0%} of them lie in one piece"
    else:
        by, reason = (
            "piece of a value",
            f"each connected piece of a value is one object: {share:.0%} of the values lie in one",
        )
    role = "single objects, learned as interior and border, then told apart"
    taken = (replace(decided.taken[0], role=role, evidence=reason, flag="without --instances: classes"),)
    return replace(decided, classes=CLASSES, taken=taken, by=by)


def decide_boxed(looks: Looks, given: Given) -> Decided:
    """As ``decide``, where boxes are made of the masks: values that number single objects keep touching ones apart."""
    decided = decide(looks, given)
    if decided.classes != OBJECTS or looks.soft.any():
        return decided
    apart = decide_objects(looks, given)
    evidence = f"{decided.taken[0].evidence}; {apart.taken[0].evidence}"
    taken = replace(
        apart.taken[0], role="background, and single objects", evidence=evidence, flag=decided.taken[0].flag
    )
    return replace(apart, taken=(taken, *apart.taken[1:]))


def _two_levels(looks: Looks, numbers: list[int], given: Given) -> Decided | None:
    """Masks of 0 and 255 (or 65535), and of 0 and 1 beside them where no mask holds both: background and one object."""
    tops = [key for key in numbers if key in (1, *TOPS)]
    if set(numbers) - {0, *tops} or (tops == [1] and given.names) or len(given.names) not in (0, 2):
        return None
    mixed = len(tops) > 1
    if mixed and (given.remap or (looks.objects() > 1).any()):
        return None
    values = " and ".join(map(str, tops))
    if given.background in ("none", *map(str, numbers)):
        background, evidence = int(given.background) if given.background != "none" else 0, "as was asked for"
        if mixed and background:
            return None
    elif mixed:
        background, evidence = background_of_levels(looks, tops)
        counts = ", ".join(f"{len(looks.holding(key))} masks hold {key}" for key in tops)
        evidence = f"{counts}, none two of them: one object stored in two ways; {evidence}"
    else:
        background, evidence = background_of(looks, tops[0]) if not given.names else (0, "listed")
    classes = {0: int(background != 0)} | dict.fromkeys(tops, int(background == 0))
    names = given.names or ("background", "class 1" if tops == [1] else "foreground")
    names = tuple(f"class {key}" for key in (0, tops[0])) if given.background == "none" else names
    role = " and ".join(f"{key}: {names[c]}" for key, c in classes.items())
    flags = "--remap (one class each)" if mixed else f"--background {tops[0] if background == 0 else 0} (or none)"
    return Decided(coding_of(classes, given), names, (Taken(f"mask values 0 and {values}", role, evidence, flags),))


def _named(looks: Looks, given: Given, numbers: list[int]) -> Decided:
    """A list of classes says which numbers there may be."""
    expected = range(len(given.names))
    if strange := [key for key in numbers if key not in expected]:
        raise _unexpected(looks, given, strange, f"0 … {len(given.names) - 1}, the {len(given.names)} known classes")
    taken = Taken(
        f"mask values 0 … {len(given.names) - 1}", "classes", "listed beside the masks, or known of such data"
    )
    return Decided(coding_of({key: key for key in expected}, given), given.names, (taken,))


def _thresholded(looks: Looks, given: Given) -> Decided:
    """Soft masks: half of the full intensity parts object from background where all greys are ramps, or if asked for."""
    verdict, top = ramps_only(looks), next(top for top in TOPS if looks.keys[-1] <= top)
    if verdict.reading != "ramps" and given.meaning != "foreground":
        kind = "lossy (JPEG)" if looks.lossy else "soft"
        names = listed([printable(looks.names[i]) for i in np.flatnonzero(looks.soft).tolist()], 5)
        what = f"{kind} masks whose greys are no clear edges between black and full: {verdict.evidence}"
        fix = f"save masks as PNG of exact numbers; {AS_FOREGROUND} takes half of the full intensity for the edge"
        raise UserError(what, names, fix)
    half = top // 2 + 1
    taken = Taken(f"mask values 0 … {top}", f"background, and object from {half} on", verdict.evidence, AS_CLASSES)
    if given.background == str(top):
        return Decided(ranges({0: 1, half: 0}, given), OBJECTS, (taken,))
    return Decided(ranges({0: 0, half: 1}, given), OBJECTS, (taken,))


def _numbered(looks: Looks, given: Given, numbers: list[int]) -> Decided:
    """Without a list, numbers are classes or single objects; classes count from 0 without a gap, ``remap`` closes gaps."""
    verdict = Verdict("classes", "as was asked for")
    if given.meaning == "auto":
        verdict = objects_or_classes(looks)
    if verdict.reading == "objects":
        return foreground(given, numbers, verdict)
    first = 1 if given.ignore == 0 else 0
    gaps = numbers != list(range(first, first + len(numbers)))
    if looks.lossy and given.meaning != "classes" and len(numbers) > 2:
        raise _unexpected(looks, given, numbers, "few exact numbers")
    if not verdict.reading and not given.remap:
        classes = f"{len(numbers) - (0 in numbers)} classes"
        what = f"mask values {value_list(numbers)} ({verdict.evidence})"
        raise ambiguous(
            what,
            given.where,
            ("single objects of one class", AS_FOREGROUND),
            (classes, f"{AS_CLASSES}{' --remap' * gaps}"),
        )
    if gaps and not given.remap:
        strange = [key for key in numbers if key >= first + len(numbers)]
        raise _unexpected(looks, given, strange, f"{first} … {first + len(numbers) - 1}")
    notes: tuple[str, ...] = ()
    if gaps:
        notes = (f"mask values renumbered: {', '.join(f'{key} → {i}' for i, key in enumerate(numbers))}",)
    names = tuple(f"class {key}" for key in numbers)
    if numbers[0] == 0 and given.background != "none":
        names = ("background", *names[1:])
    evidence = verdict.evidence if len(numbers) > 2 else "two values"
    flags = f"{AS_FOREGROUND} (single objects: --instances)" if len(numbers) > 2 else "--background none"
    taken = Taken(f"mask values {value_list(numbers)}", listed(names, 8), evidence, flags)
    return Decided(coding_of({key: i for i, key in enumerate(numbers)}, given), names, (taken,), notes)


def _unexpected(looks: Looks, given: Given, strange: list[int], expected: str) -> UserError:
    """Lossy, blurred, with gaps, or out of range: told by what is found."""
    where = looks.holders(strange)
    found = f"{', '.join(map(key_text, sorted(strange)[:20]))}{' …' if len(strange) > 20 else ''}"
    if looks.lossy or len(strange) >= FEW:
        kind = "lossy (JPEG) mask" if looks.lossy else "lossy or blurred mask"
        what = f"{kind}: {len(strange)} unexpected values ({found}), expected {expected}"
        fix = "save masks as PNG, and resize them by the nearest pixel only"
        return UserError(what, where, f"{fix}; {AS_FOREGROUND} where all but 0 is one kind of object")
    if strange == [255]:
        what = f"value 255 beside other numbers, expected {expected}"
        return UserError(
            what, where, "--ignore 255 where it marks pixels that do not count, or --remap where it is a class"
        )
    what = f"mask values {found}, expected {expected}; found in all: {', '.join(map(key_text, looks.keys[:20]))}"
    fix = "--remap renumbers the values that occur, --ignore VALUE leaves pixels out, classes.txt names all classes"
    return UserError(what, where, "correct the masks, or the list of classes" if given.names else fix)
