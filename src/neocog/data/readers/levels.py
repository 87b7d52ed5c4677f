"""What the levels of class folders are: the class, a group such as a patient, a part of a given split, or nothing.

    cat/1.png   class/patient/slice.png   patient/class/slice.png   class/train/1.png   images/class/1.png

A deeper folder that only ever lies under one class, or a numbered one, groups samples: they must not stand on two sides of
a split. Where the level above and the level below could both be the class, it stops and names both.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from neocog.data.dataset import Taken
from neocog.data.readers.reading import ambiguous
from neocog.errors import UserError, did_you_mean, listed

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
LEVELS = ("split", "class", "group", "ignore")
UNIT = re.compile(
    r"(patient|patients|pat|pt|subject|subj|sub|case|animal|mouse|rat|donor|person|participant|volunteer|p|s|slide|wsi|video|"
    r"scan|study|specimen|sample|well|plate|plot|tree|writer|user|id|tcga)[-_ ]?\d.*|tcga.*",
    re.IGNORECASE,
)
LEAST_MERGED = 5  # folders of one name under several classes that are taken for one group: counters are fewer

Folders = Mapping[tuple[str, ...], int]  # the folders above images, from the top, and how many images lie there


@dataclass(frozen=True)
class Levels:
    """A role for each level, and how sure it is. ``merged``: whether group folders of one name are one group."""

    roles: tuple[str, ...]
    taken: tuple[Taken, ...] = ()
    merged: bool = True

    def of(self, folders: tuple[str, ...]) -> dict[str, str]:
        """{role: the folder that plays it} of one image; levels that it does not have are left out."""
        found = {role: name for role, name in zip(self.roles, folders, strict=False) if role != "ignore"}
        if "group" in found and not self.merged:
            found["group"] = f"{found.get('class', '')}/{found['group']}"
        return found


def given_levels(text: str, where: str) -> Levels:
    """``--levels class,group``. Raises UserError."""
    roles = tuple(role.strip() for role in text.split(","))
    for role in roles:
        if role not in LEVELS:
            hint = did_you_mean(role, LEVELS)
            raise UserError(f"--levels {text}: no level '{role}'", where, f"{hint}levels are: {', '.join(LEVELS)}")
    if roles.count("class") != 1 or any(roles.count(role) > 1 for role in ("split", "group")):
        raise UserError(f"--levels {text}: one class is needed, and each of the others once at most", where)
    names = [f"folder level {number}" for number in range(1, len(roles) + 1)]
    return Levels(
        roles, tuple(Taken(name, role, "as asked", "--levels") for name, role in zip(names, roles, strict=True))
    )


def find_levels(folders: Folders, where: str) -> Levels:
    """The role of each level of some images' folders, by what names repeat where. Raises UserError where two are plausible."""
    depth = max(map(len, folders))
    top = _wrappers(folders)
    roles, taken = ["ignore"] * top, [_taken(level, "not used", "the only folder there") for level in range(top)]
    roles.append("class")
    merged = True
    for level in range(top + 1, depth):
        if "group" in roles:
            roles.append("ignore")
            continue
        role, evidence, merged = _below(folders, top, level, where)
        if role == "class":  # and what stood above is the group
            roles[top] = "group"
            taken.append(_taken(top, "group", evidence, "--levels class,ignore"))
        roles.append(role)
        named = {"split": "given split", "ignore": "not used"}.get(role, role)
        ignored = ",".join(["ignore"] * top + ["class"] + ["ignore"] * (level - top))
        taken.append(_taken(level, named, evidence, f"--levels {ignored}" if role != "ignore" else "--levels"))
        if role == "class":
            break
    return Levels(tuple(roles), tuple(taken), merged)


def _taken(level: int, role: str, evidence: str, flag: str = "--levels") -> Taken:
    return Taken(f"folder level {level + 1}", role, evidence, flag)


def _wrappers(folders: Folders) -> int:
    """Levels at the top with one folder only, all images further below, as in images/cat/1.png."""
    level, least = 0, min(map(len, folders))
    while level + 1 < least and len({names[level] for names in folders}) == 1:
        if _units({names[level + 1] for names in folders}):
            break
        level += 1
    return level


def _below(folders: Folders, top: int, level: int, where: str) -> tuple[str, str, bool]:
    """(role, evidence, merged) of a level below the one that is taken for the class."""
    inner: defaultdict[str, set[str]] = defaultdict(set)
    images: Counter[tuple[str, ...]] = Counter()
    for names, count in folders.items():
        if len(names) > level:
            inner[names[top]].add(names[level])
            images[names[top], names[level]] += count
    below = set().union(*inner.values())
    shown = listed(sorted(below), 3)
    if {name.lower() for name in below} <= SPLIT_NAMES.keys() and images.total() == sum(folders.values()):
        return "split", f"named so: {shown}", True
    if len(below) == 1 or all(len(names) == 1 for names in inner.values()):
        return "ignore", f"one folder under each: {shown}", True
    if images.total() < 2 * len(images):
        return "ignore", f"hardly more than one image in each: {shown}", True
    several = Counter(name for names in inner.values() for name in names)
    repeated = [name for name, count in several.items() if count > 1]
    if 2 * len(repeated) >= len(below):
        return _repeated(inner, below, level, where)
    if _units(below):
        return "group", f"{len(below):,} numbered folders ({shown}), each under one class", True
    classes = (f"{len(inner)} classes ({listed(sorted(inner), 3)})", _flag(level, "class", "group"))
    raise ambiguous(
        f"folder level {level + 1}", f"{where}: {shown}", classes,
        (f"{len(below)} finer classes ({shown})", _flag(level, "ignore", "class")),
    )  # fmt: skip


def _repeated(inner: dict[str, set[str]], below: set[str], level: int, where: str) -> tuple[str, str, bool]:
    """The same names under several folders: below numbered ones they are classes, and numbered ones are groups."""
    above_units, below_units = _units(set(inner)), _units(below)
    if above_units == below_units:  # then a patient's folder is told by its word, or by being one of many
        above_units, below_units = (all(map(UNIT.fullmatch, names)) for names in (inner, below))
    tops, shown = listed(sorted(inner), 3), listed(sorted(below), 3)
    if above_units == below_units and len(below) >= 5 * len(inner) and _units(below):
        above_units, below_units = False, True
    if below_units and not above_units:
        merged = len(below) >= LEAST_MERGED or all(map(UNIT.fullmatch, below))
        same = "of one name are one group" if merged else "too few to be told apart by their names alone"
        return "group", f"{len(below):,} numbered folders ({shown}), those under several classes {same}", merged
    if above_units and not below_units:
        return "class", f"the same {len(below)} names ({shown}) under {len(inner)} numbered folders ({tops})", True
    raise ambiguous(
        f"folders {tops}, with the same names below each of them,", where,
        (f"{len(inner)} classes of level {level} ({tops})", _flag(level, "class", "group" if _units(below) else "ignore")),
        (f"{len(below)} classes of level {level + 1} ({shown})", _flag(level, "group", "class")),
    )  # fmt: skip


def _flag(level: int, above: str, here: str) -> str:
    return f"--levels {','.join([*['ignore'] * (level - 1), above, here])}"


def _units(names: set[str]) -> bool:
    """Whether nearly all names are numbered: patients, dates, runs, codes."""
    return sum(any(c.isdigit() for c in name) or bool(UNIT.fullmatch(name)) for name in names) >= 0.8 * len(names)
