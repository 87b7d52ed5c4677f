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
) -> Section:
    """``kind``: what the data was taken for; ``counts``: for each part of the split, the images of each class (K,)."""
    totals = [sum(column) for column in zip(*counts.values(), strict=True)]
    everything = sum(totals)
    rows = []
    for part, numbers in counts.items():
        count = sum(numbers)
        fewest = min(range(len(classes)), key=numbers.__getitem__)
        share = f"{count / everything * 100:.1f} %" if everything else "—"
        rows.append((part, count, share, f"{classes[fewest]} ({numbers[fewest]:,})"))
    summary = f"{everything:,} images in {len(classes)} classes, read as {kind}."
    if totals and min(totals) > 0:
        ratio = max(totals) / min(totals)
        summary += " The classes are about equal in size." if ratio < 1.2 else ""
        summary += f" The largest class has {ratio:.1f} times the images of the smallest." if ratio >= 1.2 else ""
    items: list[Item] = [
        Text(summary),
        Findings(tuple(findings)),
        Table(("part", "images", "share", "smallest class"), tuple(rows)),
        Bars(tuple(classes), tuple(map(float, totals)), "images, all parts together"),
    ]
    if samples:
        items.append(Pictures(tuple(samples), "Training images as the network is shown them, without augmentation."))
    return Section("The data", tuple(items), "data")
