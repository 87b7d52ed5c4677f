"""Pictures of samples as the network is shown them, before normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neocog.data.nucleotides import shares
from neocog.tasks.classification.sequences import strip
from neocog.tasks.report.pictures import thumbnail
from neocog.tasks.task import Session


def thumbnails(session: Session, samples: NDArray[np.int64] | Sequence[int]) -> list[str]:
    """Base64 PNGs of the samples at these positions in the data set; sequences as coloured cells."""
    where: NDArray[Any] = np.asarray(samples, dtype=np.int64)
    if not len(where):
        return []
    pixels = np.asarray(torch.as_tensor(next(iter(session.loader.store.stream([where])))).cpu())
    if session.preprocessing.encoding == "nucleotides":
        return [strip(shares()[codes[0, 0]].T) for codes in pixels]
    return [thumbnail(image, session.preprocessing.low, session.preprocessing.high) for image in pixels]
