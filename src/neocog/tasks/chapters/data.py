"""The chapter on the data: how much of what, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neocog.run import Bars, Finding, Findings, Item, Picture, Pictures, Section, Table, Text


def data_chapter(
    kind: str,
    classes: Sequence[str],
    counts: Mapping[str, Sequence[int]],
    findings: Sequence[Finding] = (),
    samples: Sequence[Picture] = (),
    form: str = "images",
) -> Section:
    """``kind``: what the data was taken for; ``counts``: for each part of the split, the samples of each class (K,).

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
        summary += " The classes are about equal in size." if ratio < 1.2 else ""
        summary += f" The largest class has {ratio:.1f} times the {form} of the smallest." if ratio >= 1.2 else ""
    items: list[Item] = [
        Text(summary),
        Findings(tuple(findings)),
        Table(("part", form, "share", "smallest class")[: 3 + several], tuple(row[: 3 + several] for row in rows)),
    ]
    if several:
        items.append(Bars(tuple(classes), tuple(map(float, totals)), f"{form}, all parts together"))
    if samples:
        items.append(Pictures(tuple(samples), f"Training {form} as the network is shown them, without augmentation."))
    return Section("The data", tuple(items), "data")
