"""What names tell of a change: classes that a mirror image swaps, targets whose sign it turns, letters that it spoils."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

SIDES = (
    "left right", "l r", "lt rt", "lhs rhs", "links rechts", "gauche droite", "izquierda derecha", "sinistra destra",
    "esquerda direita", "sinister dexter", "sinistral dextral", "levo dextro", "port starboard", "east west", "ost west",
    "est ouest", "clockwise counterclockwise", "clockwise anticlockwise", "cw ccw", "lefthanded righthanded",
)  # fmt: skip
HEIGHTS = (
    "up down", "top bottom", "upper lower", "above below", "north south", "upright inverted", "oben unten", "haut bas",
    "nord süd", "nord sud", "arriba abajo", *SIDES[-4:],
)  # fmt: skip
STRANDS = ("forward reverse", "fwd rev", "sense antisense", "plus minus", "watson crick", "leading lagging")
PAIRS: Mapping[str, tuple[str, ...]] = {
    "flip": SIDES, "flip_vertical": HEIGHTS, "reverse": STRANDS, "flip_w": SIDES, "flip_h": (*SIDES, *HEIGHTS),
    "flip_d": (*SIDES, *HEIGHTS),
}  # fmt: skip
SIGNED: Mapping[str, set[str]] = {
    "flip": {
        "steering",
        "steer",
        "yaw",
        "roll",
        "curvature",
        "lateral",
        "handedness",
        "chirality",
        "asymmetry",
        "torsion",
        "turn",
    },
    "flip_vertical": {"pitch", "elevation", "altitude", "roll", "handedness", "chirality", "torsion"},
}


def words(name: str) -> list[str]:
    """ "arrowLeft_2" → ["arrow", "left"]."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", spaced.lower())


def swapped(names: Sequence[str], change: str) -> tuple[str, str] | None:
    """Two names that differ in one word alone, of which each is the other's mirror image: left_lung and right_lung."""
    known = {tuple(words(name)): name for name in names}
    for parts, name in known.items():
        for pair in PAIRS.get(change, ()):
            first, second = pair.split()
            other = tuple({first: second, second: first}.get(word, word) for word in parts)
            if other != parts and other in known:
                return name, known[other]
    return None


def signed(target_names: Sequence[str], change: str) -> str | None:
    """A target whose name says that its sign turns."""
    return next((name for name in target_names if set(words(name)) & SIGNED.get(change, set())), None)


def letters(names: Sequence[str]) -> bool:
    """Whether all classes are single digits or letters, whose mirror images often are none."""
    return bool(names) and all(len(name) == 1 and name.isalnum() for name in names)
