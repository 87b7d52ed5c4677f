"""Images and the images that are wanted of them: how many times larger these are, and whether the two can belong together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import BadImage, Header, Images
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, count, listed, raise_all

LARGEST = 4  # times
MOST = 10  # faults that are told


def scale_of(inputs: Images, wanted: Images, names: Sequence[str]) -> int:
    """How many pixels of the wanted images stand for one of their inputs, each way: 1 to 4, the same for all.

    What cannot be read is told when it is decoded. Raises UserError with every pair that is of another size, type or channels.
    """
    scales, faults = Counter[int](), list[UserError]()
    for index, name in enumerate(names):
        try:
            first, second = inputs.header(index), wanted.header(index)
        except BadImage:
            continue
        scale = second.height // max(1, first.height)
        if fault := _apart(first, second, scale, name):
            faults.append(fault)
        scales[scale] += 1
    if len(scales) > 1 and not faults:
        what = "pairs of several scales: " + listed(f"{count} of {scale} ×" for scale, count in sorted(scales.items()))
        faults.append(UserError(what, fix="keep pairs of one scale, each scale is another network"))
    raise_all([*faults[:MOST], *([UserError(f"{len(faults)} pairs do not fit")] if len(faults) > MOST else [])])
    return next(iter(scales), 1)


def _apart(first: Header, second: Header, scale: int, name: str) -> UserError | None:
    sizes = f"{first.height} × {first.width} and {second.height} × {second.width} (height × width)"
    if first.depth or second.depth:
        return UserError("volumes are not restored yet, images are", name, "give single slices as images")
    if not 1 <= scale <= LARGEST or second.size != (scale * first.height, scale * first.width):
        what = f"a pair of {sizes}: the target image is not 1, 2, 3 or 4 times as large"
        return UserError(what, name, "cut or resize both so that one is a whole multiple of the other")
    if first.channels != second.channels:
        return UserError(
            f"{count(first.channels, 'channel')}, the target image {second.channels}",
            name,
            "give both the same channels",
        )
    if first.dtype != second.dtype:
        what = f"{first.dtype} pixels, the target image {second.dtype}"
        return UserError(what, name, "save both in one type and scale")
    return None


def fields_of(wanted: Images, names: Sequence[str]) -> NDArray[np.str_] | None:
    """(N,) one name for all whose wanted image is the same file, as many noisy takes of a field may share one clean image; ""
    for the others. None where each input has its own."""
    places = defaultdict[str, list[int]](list)
    for index in range(len(names)):
        try:
            places[wanted.digest(index)].append(index)
        except BadImage:
            continue
    shared = [indices for indices in places.values() if len(indices) > 1]
    if not shared:
        return None
    fields = np.full(len(names), "", object)
    for indices in shared:
        fields[indices] = str(names[indices[0]])
    return fields.astype(np.str_)


def wanted_plan(plan: Preprocessing, scale: int) -> Preprocessing:
    """The shape that wanted images get, where inputs get that of ``plan``."""
    return replace(plan, size=tuple(scale * side for side in plan.size))
