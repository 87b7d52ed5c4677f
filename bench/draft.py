"""How far pixels of ``--draft`` are from those of whole images, in grey levels of 255: made photographs, and ants and bees.

python bench/draft.py          # 100 images of each, half a minute
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from audit import make
from neocog.data.images import Decoding, decode
from neocog.data.preprocessing import Preprocessing
from neocog.data.resize import fit

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).parents[2] / "shared/data"))


def apart(path: Path, size: int) -> float:
    plan = Preprocessing(3, (size, size), "uint8", (0.0,) * 3, (1.0,) * 3, draft=True)
    draft, whole = (fit(decode(path, how), plan).astype(float) for how in (Decoding.recorded(plan), Decoding()))
    return float(np.abs(draft - whole).mean())


with tempfile.TemporaryDirectory() as temporary:
    make(Path(temporary) / "made", 100)
    for folder in (Path(temporary) / "made", DATA / "hymenoptera"):
        files = sorted(folder.rglob("*.jpg"))
        for size in (64, 96, 128):
            found = [apart(path, size) for path in files[:: -(-len(files) // 100)]]
            print(
                f"{folder.name}, {size} × {size}: mean {np.mean(found):.2f}, worst image {max(found):.2f}, n = {len(found)}"
            )
