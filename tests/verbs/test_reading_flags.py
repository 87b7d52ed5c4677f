"""What the user says of columns, folder levels and names reaches what is learned and how it is split."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

import neocog

QUICK = {"epochs": 1, "threads": 1, "model": "cnn", "widths": "2", "quiet": True, "split": (0.5, 0.25, 0.25)}


def pictures(root: Path, names: list[str]) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(root / name)
    return root


def trained(data: Path, run: Path, **said: object) -> tuple[list[str], dict[str, set[str]]]:
    """The classes, and the parts of each recorded group."""
    neocog.train(data, run, **QUICK, **said)
    sides: dict[str, set[str]] = {}
    with (run / "splits.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            sides.setdefault(row["group"], set()).add(row["split"])
    return json.loads((run / "result.json").read_text())["classes"], sides


def test_columns_levels_and_groups_reach_the_split(tmp_path: Path) -> None:
    table = pictures(tmp_path / "t", [f"{i}.png" for i in range(48)]) / "t.csv"
    rows = [f"{i}.png,{'ab'[i % 2]},{'xy'[i // 2 % 2]},u{i // 4}" for i in range(48)]
    table.write_text("\n".join(["image,label,kind,unit", *rows]))
    classes, sides = trained(table, tmp_path / "1", columns=("label=kind", "group=unit"))
    assert classes == ["x", "y"] and len(sides) == 12 and all(len(parts) == 1 for parts in sides.values())
    names = [
        f"{style}/{k}/{u}-{i}.png" for style in ("art", "photo") for k in "xy" for u in "abcdefgh" for i in range(2)
    ]
    folders = pictures(tmp_path / "f", names)
    classes, sides = trained(folders, tmp_path / "2", levels="ignore,class", groups=r"names:/(.)-\d")
    assert classes == ["x", "y"] and set(sides) == set("abcdefgh") and all(len(parts) == 1 for parts in sides.values())
