"""Class names that may mean one class: "cat" and "Cat", "1" and "01", Latin a and Cyrillic а, one letter apart."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from neocog.data.dataset import Dataset
from neocog.data.records import Records
from neocog.errors import listed
from neocog.records import Finding

# Cyrillic and Greek letters that are drawn like Latin ones (after case folding).
TWINS = str.maketrans("аеіјорсухѕԁԛԝһνορικα", "aeijopcyxsdqwhvopika")
LONG = 6  # letters from which on one wrong letter is more likely a slip than another word


def look_alike_classes(dataset: Dataset, records: Records) -> Iterator[Finding]:
    """Names that differ in nothing that one sees, and long names that differ in one letter."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in dataset.classes:
        alike[_plain(name)].append(name)
    for names in alike.values():
        if len(names) > 1:
            what = f"class names that look alike: {listed(f'{name!a}' for name in names)}"
            yield Finding("warning", what, advice="give them one name if they are one class")
    for one, other in _slips([name for name in alike if len(name) >= LONG]):
        what = f"class names one letter apart: {listed([alike[one][0], alike[other][0]])}"
        yield Finding("note", what, advice="give them one name if one is misspelt")


def _plain(name: str) -> str:
    """What two names have in common that a reader takes for the same."""
    text = unicodedata.normalize("NFKC", name).casefold().translate(TWINS)
    text = " ".join(re.sub(r"[\s_\-.\u200b\ufeff]+", " ", text).split())
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)


def _slips(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs that become equal by one letter put in, left out, replaced or swapped with its neighbour."""
    shorter: defaultdict[str, list[str]] = defaultdict(list)  # two such names have a shortened form in common
    for name in names:
        for form in {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}:
            shorter[form].append(name)
    pairs = {pair for near in shorter.values() for pair in combinations(sorted(near), 2)}
    yield from sorted(pair for pair in pairs if _one_slip(*pair))


def _one_slip(one: str, other: str) -> bool:
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    ours, theirs = one[start : len(one) - end], other[start : len(other) - end]
    word = one[:start].split(" ")[-1] + one[len(one) - end :].split(" ")[0] if end else one[:start].split(" ")[-1]
    meant = len(word) < LONG - 1 or not (ours + theirs).isalpha()  # "type a", "stage 2": the letter is the name
    return not meant and (max(len(ours), len(theirs)) == 1 or (len(ours) == 2 and ours == theirs[::-1]))
