"""What all masks together say of their values: single objects or classes, ramps or probabilities, which level is the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from neocog.data.dataset import Array
from neocog.data.formats.mask_values import COLOUR
from neocog.data.readers.mask_look import MOSTLY
from neocog.data.readers.mask_looks import Looks
from neocog.errors import UserError, listed, printable

MANY = 64  # numbers beyond which no list of classes is expected
SURE = 0.9
LARGER = 1.5  # times the pixels: equal objects differ too, where some are covered in part
FEWEST = 5  # masks from which a rule about them is relied on
INVERT = "invert these masks, or --background 0 where 0 is the background in every mask"


@dataclass(frozen=True)
class Verdict:
    """``reading``: "objects", "classes", or "" where both are plausible; and by what evidence."""

    reading: str
    evidence: str


def objects_or_classes(looks: Looks) -> Verdict:
    """Whether values other than 0 number single objects, or are classes.

    A class may lie in several pieces, an object hardly ever does. Of values that are whole: objects are numbered anew in each
    mask, so their number varies and they go from 1 to it, and which of two is larger is chance; classes stand in every
    mask, or one is always larger than the other (a tumour and its organ).
    """
    whole = whole_share(looks)
    each = looks.objects()
    counts, objects = each[each > 0], looks.values[looks.values != 0]  # (H,) masks with objects, and these
    fewest, most = int(counts.min(initial=counts.max(initial=0))), int(counts.max(initial=0))
    if np.isnan(whole):
        return Verdict("classes", "no mask holds more than one of them")
    share = f"{whole:.0%} of the values of a mask lie in one piece"
    known = {int(key) for key in objects}
    if whole < MOSTLY:
        return Verdict("classes" if len(known) <= MANY else "", f"only {share}, of {len(known)}")
    varying = f"{share}, {fewest if fewest == most else f'{fewest} to {most}'} of them in a mask"
    if min(known) >= COLOUR or max(known) >= COLOUR:
        shared = np.mean([int((objects == key).sum()) for key in list(known)[:MANY]])
        if len(known) > 2 * most and shared < 2:
            return Verdict("objects", f"{varying}, hardly one colour in two masks")
    elif len(known) > MANY:
        return Verdict("objects", f"{len(known)} numbers; {varying}")
    nested = np.mean(objects[counts.cumsum() - 1] <= 1.2 * counts + 1)
    if most >= FEWEST and most - fewest >= 2 and nested >= MOSTLY:
        return Verdict("objects", f"{varying}, numbered from 1 in each")
    ordered = _ordered(looks, sorted(known)[:MANY])
    alike = fewest == most and bool((objects.reshape(-1, most) == objects[:most]).all())
    if alike and len(counts) >= FEWEST and most < FEWEST:
        return Verdict("classes", f"every mask holds the same {most}")
    if ordered >= SURE:
        return Verdict("classes", "of two values the same one is nearly always larger")
    return Verdict("", varying)


def whole_share(looks: Looks) -> float:
    """Of the values other than 0 in masks that hold several, the share that lies in one piece; NaN where there are none."""
    whole = looks.wholes()
    return float(whole.mean()) if len(whole) else float("nan")


def _ordered(looks: Looks, known: Sequence[int]) -> float:
    """1 where of any two ``known`` values the same one is clearly larger in every mask that holds both, 0 where that is chance.

    Counted are pairs that at least ``FEWEST`` masks hold; without any, 0.
    """
    signs = []
    for first, second in combinations(known, 2):
        masks, a, b = looks.both(looks.counts, first, second)
        if len(masks) >= FEWEST:
            signs.append(abs(np.mean((a > LARGER * b).astype(int) - (b > LARGER * a))))
    return float(np.mean(signs)) if signs else 0.0


def ramps_only(looks: Looks) -> Verdict:
    """Whether the greys of soft masks are ramps between black and full, or values of their own such as probabilities."""
    soft, grey, ramps, full = looks.levels[looks.soft].sum(axis=0).tolist()
    share = f"{ramps / max(grey, 1):.0%} of the greys lie on an edge between black and full"
    clear = ramps >= SURE * grey and grey <= 2 * full
    return Verdict("ramps" if clear else "", f"{soft} masks hold greys; {share}")


def background_of(looks: Looks, high: int) -> tuple[int, str]:
    """(the background of masks of 0 and ``high``, by what evidence): 0, unless ``high`` surrounds what is 0.

    Raises UserError where it does so in some masks, and the other way round in others.
    """
    both, *areas_of = looks.both(looks.counts, 0, high)
    edges, areas = _share(*looks.both(looks.edge, 0, high)[1:]), _share(*areas_of)
    turned = (edges >= SURE) & (areas > 0.5)
    usual = (edges <= 1 - SURE) & (areas < 0.5)
    evidence = f"{high} surrounds 0 in {turned.sum()} of {len(both)} masks"
    if turned.sum() >= MOSTLY * len(both) and usual.sum() < 0.1 * len(both) and turned.any():
        return high, f"{evidence} and takes {areas.mean():.0%} of the pixels"
    fewer = min((turned, usual), key=np.sum)
    if fewer.sum() >= max(2, 0.1 * len(both)):
        names = listed([printable(looks.names[i]) for i in both[fewer].tolist()], 5)
        what = f"some masks are the negative of others: {evidence}, the other way round in {usual.sum()}"
        raise UserError(what, names, INVERT)
    takes = (
        f"{high} takes {areas.mean():.0%} of the pixels of masks with both"
        if len(both)
        else f"no mask holds 0 and {high}"
    )
    return 0, f"{takes}; 0 is the background as is usual"


def background_of_levels(looks: Looks, highs: Sequence[int]) -> tuple[int, str]:
    """As ``background_of``, where some masks store the object as one of ``highs`` and others as another: asked of each level.

    Raises UserError where the levels disagree: the masks of one are then the negatives of the other's.
    """
    found = {high: background_of(looks, high) for high in highs}
    evidence = "; ".join(text for _, text in found.values())
    turned = [high for high, (background, _) in found.items() if background]
    if turned and len(turned) < len(highs):
        masks = np.unique(looks.mask[np.isin(looks.values, turned)])
        names = listed([printable(looks.names[i]) for i in masks.tolist()], 5)
        raise UserError(f"some masks are the negative of others: {evidence}", names, INVERT)
    return found[highs[0]][0], evidence


def _share(low: Array, high: Array) -> Array:
    """How many of the pixels that are one or the other are ``high``."""
    return np.asarray(high / np.maximum(low + high, 1))
