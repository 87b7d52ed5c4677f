"""The section on the data: how much of what, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from neocog.data.dataset import Taken
from neocog.data.taken import HEADS, Loss
from neocog.records import Bars, Finding, Findings, Item, Picture, Pictures, Section, Table, Text


def data_section(
    kind: str,
    classes: Sequence[str],
    counts: Mapping[str, Sequence[int]],
    findings: Sequence[Finding] = (),
    samples: Sequence[Picture] = (),
    form: str = "images",
    taken: Sequence[Taken] = (),
    lost: Sequence[Loss] = (),
) -> Section:
    """``kind``: what the data was taken for; ``counts``: for each part of the split, the samples of each class (K,);
    ``taken``: what each part of the data was taken for; ``lost``: what is left out of which class.

    With one class only there is nothing to compare: the parts alone are shown.
    """
    totals = [sum(column) for column in zip(*counts.values(), strict=True)]
    everything = sum(totals)
    rows = []
    for part, numbers in counts.items():
        count = sum(numbers)
        fewest = min(range(len(classes)), key=numbers.__getitem__)
        share = f"{count / everything * 100:.1f} %" if everything else "—"
        rows.append((part, count, share, f"{classes[fewest]} ({numbers[fewest]:,})"))
    several = len(classes) > 1
    summary = f"{everything:,} {form}{f' in {len(classes)} classes' if several else ''}, read as {kind}."
    if several and min(totals) > 0:
        ratio = max(totals) / min(totals)
        summary += " The classes are about balanced." if ratio < 1.2 else ""
        summary += f" The largest class has {ratio:.1f} times as many {form} as the smallest." if ratio >= 1.2 else ""
    items: list[Item] = [
        Text(summary),
        *_taken(taken),
        *_lost(lost, form),
        Findings(tuple(findings)),
        Table(("part", form, "share", "smallest class")[: 3 + several], tuple(row[: 3 + several] for row in rows)),
    ]
    if several:
        items.append(Bars(tuple(classes), tuple(map(float, totals)), f"{form} per class, all parts"))
    if samples:
        items.append(Pictures(tuple(samples), f"Training {form} as the network sees them, without augmentation."))
    return Section("Data", tuple(items), "data")


def _taken(taken: Sequence[Taken]) -> Iterator[Item]:
    if taken:
        rows = tuple((each.part, each.role, each.evidence, each.flag) for each in taken)
        yield Table(HEADS, rows, "How the data were read, and the flag that overrides it.")


def _lost(lost: Sequence[Loss], form: str) -> Iterator[Item]:
    if lost:
        rows = tuple(
            (
                loss.label or "of no known class",
                loss.used,
                loss.lost,
                f"{loss.share * 100:.1f} %",
                "; ".join(f"{times:,} {reason}" for reason, times in loss.reasons),
            )
            for loss in lost
        )
        yield Table(("class", "used", "left out", "share", "because"), rows, f"{form.capitalize()} that are left out.")
