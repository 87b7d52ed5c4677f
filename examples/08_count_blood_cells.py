"""How many blood cells of each kind are in a picture? Boxes found in real micrographs (BCCD), and corrected by hand.

    python examples/08_count_blood_cells.py [OUT]

Takes about seven minutes on one core. The pictures are looked for in bccd/ below NEOCOG_DATA; they come with a split of their
own. The audit comes first: two of the boxes that people drew have no area, which stops a training unless it is told to leave
them out. What is found in the test pictures is written as labelme's files: correct them there, and learn from them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import neocog
from neocog.errors import UserError

DATA = Path(os.environ.get("NEOCOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "bccd"


def main(out: Path, epochs: int = 40, size: tuple[int, int] = (240, 320)) -> dict[str, float]:
    """The story; returns AP50, that of the nearest training picture's boxes, and the error of a count of red cells."""
    for finding in neocog.audit(DATA, task="detection", quiet=True).findings:
        print(f"{finding.severity}: {finding.what}")
    settings = {"task": "detection", "size": size, "epochs": epochs, "augment": ("flip_vertical=0.5",)}
    try:
        neocog.train(DATA, out / "refused", quiet=True, **settings)
    except UserError as error:
        print(f"refused: {error.what}")
    run = neocog.train(DATA, out / "run", quiet=True, on_bad="skip", **settings)
    result = json.loads(run.result.read_text())
    ap50, red = result["measures"]["test"]["ap50"], result["per_class"]["RBC"]
    nearest = result["baselines"]["nearest_boxes"]["measures"]["ap50"]["value"]
    low, high = result["limits_of_agreement"]["RBC"]
    print(
        f"AP50 {ap50['value']:.3f} ({ap50['low']:.3f} to {ap50['high']:.3f}, n = {ap50['n']}); nearest picture {nearest:.3f}"
    )
    print(
        f"red cells are miscounted by {red['count_error']['value']:.1f} a picture, 95 of 100 times by {low:+.1f} to {high:+.1f}"
    )
    names = [name for name, part in parts(run.splits_csv).items() if part == "test"][:5]
    neocog.predict(run, [DATA / name for name in names], out / "found", quiet=True, format="labelme")
    print(f"to be corrected by hand, then: neocog train {out / 'found' / 'labelme'} --task detection; see {run.report}")
    return {"ap50": ap50["value"], "nearest": nearest, "red": red["count_error"]["value"]}


def parts(splits: Path) -> dict[str, str]:
    """{picture: its part}, of splits.csv."""
    rows = (line.split(",") for line in splits.read_text(encoding="utf-8").splitlines()[1:])
    return {row[0]: next(cell for cell in row if cell in ("train", "validation", "test")) for row in rows}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
