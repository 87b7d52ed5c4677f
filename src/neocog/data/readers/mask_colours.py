"""Masks of colours: by a colour map, in the order of their values, or a colour for each object."""

from __future__ import annotations

from dataclasses import replace

from neocog.data.dataset import Taken
from neocog.data.formats.mask_values import COLOUR
from neocog.data.masks import Coding, key_text
from neocog.data.readers.mask_decided import AS_FOREGROUND, OBJECTS, Decided, Given, foreground
from neocog.data.readers.mask_evidence import Verdict, objects_or_classes
from neocog.data.readers.mask_look import FEW
from neocog.data.readers.mask_looks import Looks
from neocog.errors import UserError, listed

MOST_COLOURS = 32  # taken for classes where no colour map says so
MOST_REDS = 64  # numbers in the red channel alone that keep touching objects apart


def red_objects(found: list[int]) -> Decided | None:
    """Small numbers in the red channel alone are objects, as in BBBC039: numbers that only keep touching ones apart."""
    greys, coloured = [key for key in found if 0 < key < COLOUR], [key - COLOUR for key in found if key >= COLOUR]
    most = max(coloured) >> 16
    if greys or most > MOST_REDS or any(key & 0xFFFF for key in coloured):
        return None
    role = "background, and single objects, all of the class 'object'; --instances tells them apart"
    taken = Taken(f"mask colours 0 … {most} of red", role, "small numbers in the red channel alone")
    return Decided(Coding((0, 1), (0, 1), ranges=True), OBJECTS, (taken,))


def colours(looks: Looks, given: Given) -> Decided:
    """Colours by a map, or in order where there are few. Greys are colours with three equal parts."""
    found = looks.keys
    if given.colours:
        return _mapped(looks, given, found)
    verdict = objects_or_classes(looks) if given.meaning == "auto" else Verdict("classes", "")
    if given.meaning == "foreground" or verdict.reading == "objects":
        decided = foreground(given, found, verdict)
        return replace(decided, coding=Coding((0, 1), (0, 1), ranges=True))
    if looks.lossy or len(found) > MOST_COLOURS:
        what = f"lossy mask: {len(found)} unexpected values (colours), expected at most {MOST_COLOURS}"
        fix = (
            "save masks as PNG, or write a colour map beside them (labelmap.txt: name:r,g,b); or --task classification"
        )
        raise UserError(what, looks.holders(found), f"{fix} where these are photographs")
    names = given.names if len(given.names) == len(found) else tuple(f"colour {key_text(key)}" for key in found)
    if found[0] == 0 and not given.names and given.background != "none":
        names = ("background", *names[1:])
    evidence = f"no colour map, {len(found)} colours in the order of their values; labelmap.txt would name them"
    taken = Taken("mask colours", f"classes: {listed(names, 8)}", evidence, f"labelmap.txt, {AS_FOREGROUND}")
    return Decided(Coding(tuple(found), tuple(range(len(found)))), names, (taken,))


def _mapped(looks: Looks, given: Given, found: list[int]) -> Decided:
    order = list(dict.fromkeys(given.colours.values()))
    known = {_grey(key): order.index(name) for key, name in given.colours.items()}
    if strange := [key for key in found if key not in known]:
        what = f"{len(strange)} colours that the colour map does not know: {', '.join(map(key_text, strange[:10]))}"
        if looks.lossy or len(strange) >= FEW:
            what = f"lossy mask: {len(strange)} unexpected values, {', '.join(map(key_text, strange[:10]))}"
        raise UserError(what, looks.holders(strange), "save masks as PNG, or add the colours to the map")
    keys = sorted(known)
    taken = Taken("mask colours", "classes", "the colour map beside the masks")
    return Decided(Coding(tuple(keys), tuple(known[key] for key in keys)), tuple(order), (taken,))


def _grey(key: int) -> int:
    """The key that a mask file gives for a colour: of a grey one, its number."""
    red, green, blue = key >> 16 & 255, key >> 8 & 255, key & 255
    return red if red == green == blue else key
