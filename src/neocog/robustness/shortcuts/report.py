"""What part ``shortcuts`` says: the suspects, the accused, what they saw, leaks, and its verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS
from neocog.errors import listed
from neocog.metrics import title
from neocog.metrics.stored import stored_measure
from neocog.records import Item, Measure, Picture, Pictures, Section, Table, Text, Whiskers
from neocog.robustness.outcome import Grade, Verdict, shown
from neocog.robustness.shortcuts.court import Suspect
from neocog.robustness.shortcuts.cues import CUES
from neocog.robustness.shortcuts.leaks import KINDS
from neocog.robustness.shortcuts.looked import swappable
from neocog.robustness.shortcuts.pictures import Seen

SUSPECTED = 0.1  # of the way from chance to all, from which on a cue is named
STRONG = 0.5  # … and from which on it is doubtful though the network does not go by it
NEARLY_ALL = 0.7  # … that a cue of the whole picture must tell, to be accused: colours may be the object's own
ACCUSED = 0.2  # share of the answers that go over to the cue's class
LEAKY = 0.01  # share of the test samples that surely repeat others, above which it fails
SURE = ("identical", "group")
SHIFTED = 0.75  # AUROC from which on the test part is said to be of another kind
FACTS = {
    "camera": "the camera or program that EXIF names",
    "day": "the day on which it was taken, by EXIF",
    "compression": "how strongly JPEG pressed it",
    "image size": "height and width of the file",
    "file size": "bytes, and bytes a pixel",
    "date of the file": "the day of its last change",
    "order of names": "its place among all file names",
}
WHAT = {**{cue.name: cue.what for cue in CUES}, **FACTS}
WHOLE = {cue.name for cue in CUES if cue.whole}
NAMES = "order of names"
HEADS = (
    "cue", "accuracy", "low", "high", "n", "by_chance", "strength", "follows", "follows_low", "follows_high", "swapped",
    "right_with_own_class", "right_with_other_class", "judged",
)  # fmt: skip
Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Charge:
    """A cue: how well the label is told by it alone (``chance``: the best of the permutations), and what swapping it did."""

    name: str
    accuracy: Measure
    chance: float
    strength: float
    above: bool
    followed: Mapping[str, Measure] | None = None

    @classmethod
    def of(cls, piece: Mapping[str, Any]) -> Charge:
        return cls(**{**piece, "accuracy": stored_measure(piece["accuracy"])})

    @staticmethod
    def stored(suspect: Suspect) -> dict[str, Any]:
        e = suspect.evidence
        kept = {"chance": max(e.chance), "strength": e.strength, "above": e.above_chance}
        return {"name": suspect.name, "accuracy": asdict(e.accuracy), **kept}

    @property
    def suspected(self) -> bool:
        return self.above and self.strength >= SUSPECTED

    @property
    def accused(self) -> bool:
        """Whether the network goes by it: beyond chance, and by much; of the whole picture only what tells nearly all."""
        if not self.suspected or self.followed is None:
            return False
        follows = self.followed["follows"]
        surely = follows.low > 0 and follows.value >= ACCUSED
        return surely and (self.name not in WHOLE or self.strength >= NEARLY_ALL)

    @property
    def doubtful(self) -> bool:
        """Strong, but nobody goes by it, or none can say; of the whole picture only what answers follow."""
        if self.accused or not self.suspected:
            return False
        if self.followed is not None and self.followed["follows"].low > 0:
            return self.followed["follows"].value >= ACCUSED / 2
        return self.strength >= STRONG and self.name not in WHOLE

    @property
    def judged(self) -> str:
        if not self.suspected:
            return "no better than chance" if not self.above else "hardly better than chance"
        if self.followed is None:
            return "not tried" if swappable(self.name) else "cannot be swapped"
        if self.accused:
            return "the network goes by it"
        return (
            "the network follows it a little" if self.followed["follows"].low > 0 else "the network does not follow it"
        )


@dataclass(frozen=True)
class Leaks:
    """``pairs``: {kind: (sample, the one that it repeats)}; ``measure``: what ``_without`` says, or {}."""

    pairs: Mapping[str, Sequence[tuple[int, ...]]]
    sizes: Mapping[str, int]
    auroc: Measure | None
    tried: Sequence[str]
    measure: Mapping[str, Any]

    def of_test(self, kind: str, parts: NDArray[np.str_]) -> set[int]:
        """The test samples that repeat others so."""
        return {one for one, _ in self.pairs[kind] if parts[one] == "test"}


@dataclass(frozen=True)
class Found:
    """``reason``: why the court could not sit; ``few``: classes with too few samples; ``accuracy``: the network's own."""

    charges: Sequence[Charge]
    leaks: Leaks
    reason: str
    few: Sequence[str]
    accuracy: Measure | None
    n: int

    @property
    def named(self) -> list[Charge]:
        """The accused, then the other suspects, the strongest first."""
        return sorted((each for each in self.charges if each.suspected), key=lambda each: not each.accused)


def tables(found: Found, names: Sequence[str], parts: NDArray[np.str_]) -> dict[str, Table]:
    """``shortcuts``: a row a cue; ``leaks``: how many samples; ``leak_pairs``: which; ``train_and_test``: the AUROC."""
    made = {"shortcuts": Table(HEADS, tuple(_row(each) for each in found.charges))} if found.charges else {}
    made["leaks"] = Table(("kind", "part", "repeats", "samples", "of", "share"), tuple(_counted(found.leaks, parts)))
    rows = [
        (kind, names[one], str(parts[one]), names[other], str(parts[other]))
        for kind, pairs in found.leaks.pairs.items()
        for one, other in pairs
    ]
    made["leak_pairs"] = Table(("kind", "sample", "part", "repeats", "its_part"), tuple(rows))
    if found.leaks.auroc is not None:
        m = found.leaks.auroc
        made["train_and_test"] = Table(("auroc", "low", "high", "n"), ((*_numbers(m), m.n),))
    return made


def _row(charge: Charge) -> Row:
    m, chance = charge.accuracy, (charge.chance, charge.strength)
    if charge.followed is None:
        return (charge.name, *_numbers(m), m.n, *chance, None, None, None, None, None, None, charge.judged)
    f = charge.followed
    swapped = (*_numbers(f["follows"]), f["follows"].n, f["own"].value, f["other"].value)
    return (charge.name, *_numbers(m), m.n, *chance, *swapped, charge.judged)


def _numbers(m: Measure) -> Row:
    return m.value, *(None if math.isnan(bound) else bound for bound in (m.low, m.high))


def _counted(leaks: Leaks, parts: NDArray[np.str_]) -> Iterable[Row]:
    for kind, pairs in leaks.pairs.items():
        for later in SPLITS[1:]:
            for earlier in SPLITS[: SPLITS.index(later)]:
                count = len({one for one, other in pairs if (parts[one], parts[other]) == (later, earlier)})
                if count:
                    yield kind, later, earlier, count, leaks.sizes[later], count / leaks.sizes[later]


def sections(
    found: Found, pictures: Mapping[str, Seen], pairs: Iterable[tuple[str, list[Picture]]]
) -> tuple[Section, ...]:
    court = Section("Stress: shortcuts", tuple(_court(found, pictures)), "stress-shortcuts")
    return (court, Section("Stress: leaks", tuple(_leaks(found.leaks, pairs)), "stress-leaks"))


def _court(found: Found, pictures: Mapping[str, Seen]) -> Iterable[Item]:
    if found.reason or not found.charges:
        yield Text(found.reason or "There was no time for the court, or each class has too few samples.")
        return
    yield Text(_summary(found))
    rows = [
        (each.name, WHAT[each.name], shown("accuracy", each.accuracy), f"{each.chance:.1%}", _share(each, "follows"),
         _share(each, "own"), _share(each, "other"), each.judged)
        for each in found.charges
    ]  # fmt: skip
    note = (
        "Alone: how often a linear model of this cue tells the label, by folds; by chance: the best of 19 permutations of the "
        "labels. Goes over: answers that go over to the class of the picture that gave its cue, beyond those that a picture of "
        "the same class brings there."
    )
    heads = ("cue", "what", "alone", "by chance", "goes over", "right, own class's", "right, other's", "judged")
    yield Table(heads, tuple(rows), note)
    charted = [each for each in found.charges if each.followed is not None]
    if charted:
        measures = tuple(each.followed["follows"] for each in charted if each.followed is not None)
        yield Whiskers(
            tuple(each.name for each in charted), measures, "share of answers that go over to the cue's class"
        )
    for name, each in pictures.items():
        if each.seen:
            yield Pictures(
                each.seen, f"{name}: {WHAT[name]}. What it leaves of the pictures that it tells most surely."
            )
        if each.swapped:
            yield Pictures(each.swapped, f"{name}: answers that change with the cue alone.")


def _share(charge: Charge, which: str) -> str:
    return "—" if charge.followed is None else shown("accuracy", charge.followed[which])


def _summary(found: Found) -> str:
    named = found.named
    lines = [f"Can the label be told without the object? Asked of {found.n:,} samples of all parts."]
    if not named:
        lines.append("No cue tells it better than chance.")
    else:
        told = [f"{each.name} ({shown('accuracy', each.accuracy)} alone)" for each in named]
        lines.append(f"Better than chance: {listed(told, 4)}.")
    if found.accuracy is not None:
        lines.append(f"The network itself is right on {shown('accuracy', found.accuracy)} of the test part.")
    lines.append("Honest data have cues, too: bees sit on flowers. So the network is asked whether it goes by them.")
    accused = [each.name for each in named if each.accused]
    lines.append(f"It goes by {listed(accused)}." if accused else "It goes by none that was tried.")
    if set(accused) & WHOLE:
        lines.append(
            "Colours and brightness may be the object's own: look at the pictures before you call that a shortcut."
        )
    if any(each.name == NAMES and each.suspected for each in named):
        lines.append("File names tell the label where files are numbered class by class; no network sees them.")
    if found.few:
        lines.append(f"{len(found.few)} classes have too few samples (or groups) to be asked: {listed(found.few, 3)}.")
    return " ".join(lines)


def _leaks(leaks: Leaks, pairs: Iterable[tuple[str, list[Picture]]]) -> Iterable[Item]:
    yield Text(" ".join(_leak_sentences(leaks)))
    rows = [(kind, KINDS[kind], f"{len({one for one, _ in found}):,}") for kind, found in leaks.pairs.items() if found]
    if rows:
        yield Table(
            ("kind", "what", "samples that repeat one of an earlier part"), tuple(rows), "Which: stress/leak_pairs.csv"
        )
    for kind, pictures in pairs:
        yield Pictures(tuple(pictures), f"{kind}: {KINDS[kind]}. Each sample stands before the one that it repeats.")


def _leak_sentences(leaks: Leaks) -> list[str]:
    lines = []
    missing = [name for name in ("copies", "groups") if name not in leaks.tried]
    if not any(leaks.pairs.values()):
        lines.append("No sample of the test or validation part repeats one of an earlier part.")
    if missing:
        lines.append(f"Not looked for, as there was no time: {listed(missing)}.")
    lines += _clean_measure(leaks)
    if leaks.auroc is not None:
        m = leaks.auroc
        kind = "the test part is of another kind than the training part" if m.low > SHIFTED else "they are of one kind"
        lines.append(
            f"Cheap views tell the test part from the training part with an AUROC of {m.value:.3f} ({m.interval}): {kind}."
        )
    return lines


def _clean_measure(leaks: Leaks) -> list[str]:
    """What the test part is worth without the samples that leak."""
    if not leaks.measure:
        return []
    name, every, rest = leaks.measure["name"], *(stored_measure(leaks.measure[key]) for key in ("all", "rest"))
    return [
        f"{title(name).capitalize()} is {shown(name, every)} over the whole test part, and {shown(name, rest)} over the "
        f"{rest.counted('samples')} of it that repeat nothing."
    ]


def verdicts(found: Found, parts: NDArray[np.str_]) -> tuple[Verdict, ...]:
    return (_court_verdict(found), _leak_verdict(found.leaks, parts))


def _court_verdict(found: Found) -> Verdict:
    if found.reason or not found.charges:
        return Verdict(
            "Shortcuts", "not tried", found.reason or "There was no time, or each class has too few samples."
        )
    accused = [each for each in found.named if each.accused]
    doubts = [each for each in found.named if each.doubtful]
    followed = [each.followed["follows"].value for each in found.charges if each.followed is not None]
    grade: Grade = "failed" if accused else "doubtful" if doubts else "passed"
    return Verdict(
        "Shortcuts", grade, _sentence(accused, doubts, found.named), max(followed, default=math.nan), ACCUSED
    )


def _sentence(accused: Sequence[Charge], doubts: Sequence[Charge], named: Sequence[Charge]) -> str:
    if accused:
        first = accused[0]
        assert first.followed is not None
        more = f", so {listed([each.name for each in accused[1:]])}" if len(accused) > 1 else ""
        return (
            f"The network goes by {first.name} ({WHAT[first.name]}): alone this tells {shown('accuracy', first.accuracy)}, and "
            f"{shown('accuracy', first.followed['follows'])} of its answers go over with it to another class{more}."
        )
    if doubts:
        told = [f"{each.name} ({shown('accuracy', each.accuracy)}; {each.judged})" for each in doubts]
        return f"The label can be told without the object by {listed(told, 3)}."
    if named:
        return f"By {named[0].name} the label is told best without the object; the network goes by no such cue."
    return "No cue beside the object tells the label better than chance."


def _leak_verdict(leaks: Leaks, parts: NDArray[np.str_]) -> Verdict:
    """By the test samples that repeat others; near copies, films and moments, which may be chance, are doubtful at most."""
    if "copies" not in leaks.tried:
        return Verdict("Leaks", "not tried", "There was no time to compare the samples.")
    n, tested = leaks.sizes["test"], {kind: leaks.of_test(kind, parts) for kind in leaks.pairs}
    every, sure = set().union(*tested.values()), set().union(*(tested.get(kind, ()) for kind in SURE))
    grade: Grade = "failed" if len(sure) > LEAKY * n else "doubtful" if every else "passed"
    if not every:
        sentence = (
            f"None of the {n:,} test samples repeats one of an earlier part: no copy, near copy, shared group or film."
        )
        return Verdict("Leaks", grade, sentence, 0.0, LEAKY)
    kinds = listed([f"{len(found):,} {KINDS[kind].split(':')[0]}" for kind, found in tested.items() if found], 5)
    sentence = f"{len(every):,} of {n:,} test samples repeat one of an earlier part: {kinds}."
    return Verdict("Leaks", grade, " ".join([sentence, *_clean_measure(leaks)]), len(every) / n, LEAKY)
