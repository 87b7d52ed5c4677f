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
        yield Text(found.reason or "There was no time to test cues, or each class has too few samples.")
        return
    yield Text(_summary(found))
    rows = [
        (each.name, WHAT[each.name], shown("accuracy", each.accuracy), f"{each.chance:.1%}", _share(each, "follows"),
         _share(each, "own"), _share(each, "other"), each.conclusion)
        for each in found.charges
    ]  # fmt: skip
    note = (
        "Alone: cross-validated accuracy of a linear model that sees only this cue. Chance: the best of 19 permutations of the "
        "labels. Flipped: predictions that change to the class of the image whose cue was pasted in, minus those that change if "
        "that image is of the same class."
    )
    heads = (
        "cue",
        "what it is",
        "alone",
        "chance",
        "flipped",
        "accuracy, same class",
        "accuracy, other class",
        "conclusion",
    )
    yield Table(heads, tuple(rows), note)
    charted = [each for each in found.charges if each.followed is not None]
    if charted:
        measures = tuple(each.followed["follows"] for each in charted if each.followed is not None)
        yield Whiskers(
            tuple(each.name for each in charted), measures, "share of predictions that flip to the class of the cue"
        )
    for name, each in pictures.items():
        if each.seen:
            yield Pictures(
                each.seen,
                f"{name}: {WHAT[name]}. All that the linear model sees, for the images it is most confident about.",
            )
        if each.swapped:
            yield Pictures(each.swapped, f"{name}: predictions that flip when only the cue is swapped.")


def _share(charge: Charge, which: str) -> str:
    return "—" if charge.followed is None else shown("accuracy", charge.followed[which])


def _summary(found: Found) -> str:
    named = found.named
    lines = [f"Can the label be predicted without the object? Tested on {found.n:,} samples of all parts."]
    if not named:
        far = "far " if any(each.above for each in found.charges) else ""
        lines.append(found.blind or f"No cue predicts it {far}better than chance.")
    else:
        cues = [f"{each.name} ({shown('accuracy', each.accuracy)} alone)" for each in named]
        lines.append(f"Better than chance: {listed(cues, 4)}.")
    if found.accuracy is not None:
        lines.append(f"The network's own accuracy on the test part is {shown('accuracy', found.accuracy)}.")
    lines.append(
        "Good data have cues, too (bees sit on flowers), so what counts is whether the network relies on them."
    )
    accused = [each.name for each in named if each.accused]
    lines.append(f"It relies on {listed(accused)}." if accused else "It relies on none of those tested.")
    if set(accused) & WHOLE:
        lines.append(
            "Colours and brightness may belong to the object: look at the images before you call that a shortcut."
        )
    if any(each.name == NAMES and each.suspected for each in named):
        lines.append(
            "File names predict the label if files are numbered class by class; the network does not see them."
        )
    unseen = sorted({cue.name for cue in CUES if cue.edge} - {each.name for each in found.charges})
    if unseen:
        lines.append(
            f"Not tested: {listed(unseen)}, as some images are smaller than {APART} pixels, and nearly all object."
        )
    if found.few:
        lines.append(f"{len(found.few)} classes have too few samples (or groups) to be tested: {listed(found.few, 3)}.")
    return " ".join(lines)


def _leaks(leaks: Leaks, pairs: Iterable[tuple[str, list[Picture]]]) -> Iterable[Item]:
    yield Text(" ".join(_leak_sentences(leaks)))
    rows = [(kind, KINDS[kind], f"{len({one for one, _ in found}):,}") for kind, found in leaks.pairs.items() if found]
    if rows:
        yield Table(
            ("kind", "what it is", "samples that repeat one of an earlier part"),
            tuple(rows),
            "All pairs: stress/leak_pairs.csv",
        )
    for kind, pictures in pairs:
        yield Pictures(tuple(pictures), f"{kind}: {KINDS[kind]}. Each sample is followed by the one that it repeats.")


def _leak_sentences(leaks: Leaks) -> list[str]:
    lines = []
    missing = [name for name in ("copies", "groups") if name not in leaks.tried]
    if not any(leaks.pairs.values()):
        lines.append("No sample of the test or validation part repeats one of an earlier part.")
    if missing:
        lines.append(f"Not searched for, for lack of time: {listed(missing)}.")
    lines += clean_measure(leaks)
    if leaks.auroc is not None:
        m = leaks.auroc
        kind = "their distributions differ" if m.low > SHIFTED else "no sign that their distributions differ"
        lines.append(
            f"A classifier of simple features tells test from training samples with AUROC {m.value:.3f} ({m.interval}): {kind}."
        )
    return lines
