"""What part ``shortcuts`` says: the suspects, the accused, what they saw, and leaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS
from neocog.errors import listed
from neocog.records import Item, Picture, Pictures, Section, Table, Text, Whiskers
from neocog.robustness.outcome import bounds, shown
from neocog.robustness.shortcuts.charge import NAMES, SHIFTED, WHAT, WHOLE, Charge, Found, Leaks
from neocog.robustness.shortcuts.cues import APART, CUES
from neocog.robustness.shortcuts.leaks import KINDS
from neocog.robustness.shortcuts.pictures import Seen
from neocog.robustness.shortcuts.verdicts import clean_measure

HEADS = (
    "cue", "accuracy", "low", "high", "n", "by_chance", "strength", "follows", "follows_low", "follows_high", "swapped",
    "right_with_own_class", "right_with_other_class", "conclusion",
)  # fmt: skip
Row = tuple[str | int | float | None, ...]


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
        made["train_and_test"] = Table(("auroc", "low", "high", "n"), ((m.value, *bounds(m), m.n),))
    return made


def _row(charge: Charge) -> Row:
    m, swapped = charge.accuracy, Row((None,) * 6)
    if charge.followed is not None:
        follows, own, other = (charge.followed[which] for which in ("follows", "own", "other"))
        swapped = (follows.value, *bounds(follows), follows.n, own.value, other.value)
    return (charge.name, m.value, *bounds(m), m.n, charge.chance, charge.strength, *swapped, charge.conclusion)


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
         _share(each, "own"), _share(each, "other"), each.conclusion)
        for each in found.charges
    ]  # fmt: skip
    note = (
        "Alone: how often a linear model of this cue tells the label, by folds; by chance: the best of 19 permutations of the "
        "labels. Goes over: answers that go over to the class of the picture that gave its cue, beyond those that a picture of "
        "the same class brings there."
    )
    heads = ("cue", "what", "alone", "by chance", "goes over", "right, own class's", "right, other's", "conclusion")
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
        cues = [f"{each.name} ({shown('accuracy', each.accuracy)} alone)" for each in named]
        lines.append(f"Better than chance: {listed(cues, 4)}.")
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
    unseen = sorted({cue.name for cue in CUES if cue.edge} - {each.name for each in found.charges})
    if unseen:
        lines.append(
            f"Not looked at: {listed(unseen)}, since some pictures are smaller than {APART} pixels, and nearly all object."
        )
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
    lines += clean_measure(leaks)
    if leaks.auroc is not None:
        m = leaks.auroc
        kind = "the test part is of another kind than the training part" if m.low > SHIFTED else "they are of one kind"
        lines.append(
            f"Cheap views tell the test part from the training part with an AUROC of {m.value:.3f} ({m.interval}): {kind}."
        )
    return lines
