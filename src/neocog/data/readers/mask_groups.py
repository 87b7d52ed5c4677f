"""Groups that names tell for certain: the patient of a slice, the video of a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from sys import intern

import numpy as np
from numpy.typing import NDArray

CAMVID = re.compile(r"(0016E5|0001TP|0006R0|Seq05VD)_f?\d+")
PATTERNS = (
    ("patient", re.compile(r"(TCGA_[A-Z0-9]{2}_[A-Z0-9]{4})_")),
    ("video", CAMVID),
    ("patient", re.compile(r"((?:patient|subject|sub|case|pat)[-_]?\d+)[-_.]", re.IGNORECASE)),
)


def inferred_groups(names: Sequence[str]) -> tuple[NDArray[np.str_] | None, str]:
    """((N,) the group of each image, a note), or (None, "") where names do not say it, or say nothing useful.

    Only what is certain: every name must begin as such names do, and some group must hold several images.
    """
    for what, pattern in PATTERNS:
        matches = (pattern.match(name.rpartition("/")[2]) for name in names)
        groups = [intern(match[1]) for match in takewhile(bool, matches) if match]
        if len(groups) == len(names) and 1 < len(set(groups)) < len(names):
            note = f"{len(set(groups))} groups taken from the names, by {what}: {groups[0]} and others stay together"
            return np.array(groups), note
    return None, ""
