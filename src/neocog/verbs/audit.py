"""``neocog audit``: what is in the data and what is wrong with it, everything in one pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neocog.checks import findings
from neocog.checks.changed import verify as changed_files
from neocog.config import ReadConfig
from neocog.data.dataset import SPLITS, Dataset
from neocog.data.masks import target_texts
from neocog.data.readers.memory import given
from neocog.data.records import Records
from neocog.data.split import read_splits
from neocog.data.taken import taken_json
from neocog.errors import count, listed, printable
from neocog.progress import Progress
from neocog.records import Finding, Severity
from neocog.run import Run
from neocog.tasks import allowed_by
from neocog.verbs.session import open_data, scan_dataset, settings_for, with_scanned_range, without_unreadable

STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "cyan"}
SAMPLES = 6  # names shown of each finding; --json has all
CLASSES = 40  # classes shown
BAR = 24  # characters of the longest bar


@dataclass(frozen=True)
class Audit:
    """What an audit found. ``classes``: images of each; ``parts``: images of each class in each given part."""

    kind: str
    form: str  # images, sequences, volumes
    task: str
    samples: int
    classes: dict[str, int]
    findings: list[Finding]
    parts: dict[str, dict[str, int]]
    groups: int
    sizes: dict[str, int]  # "28 × 28" → images
    pixels: dict[str, int]  # "1 channel of uint8" → images
    taken: dict[str, Any]  # what was taken for what, and what is left out, as ``taken_json`` has it
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        found = [
            {"severity": f.severity, "what": f.what, "samples": list(f.samples), "advice": f.advice}
            for f in self.findings
        ]
        return {
            "kind": self.kind,
            "form": self.form,
            "task": self.task,
            "samples": self.samples,
            "classes": self.classes,
            **self.taken,
            "findings": found,
        }


def audit(
    source: str | Path | Any,
    *,
    strict: bool = False,
    verify: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Audit:
    """Read a whole data set once and tell what is in it and what is wrong with it. Writes nothing.

    ``strict``: leaks between given parts, and identical images in two classes, are errors. ``verify``: a run folder or its
    splits.csv, to compare the files' SHA-256 with. ``settings``: how the data are read, fields of
    ``neocog.config.ReadConfig``. ``source`` may be data in memory, as ``train`` takes them. Raises UserError where there is no
    data set to look at.
    """
    with given(source) as name:
        return _audited(settings_for(name, settings).data, strict, verify, workers, Progress(quiet))


def _audited(
    config: ReadConfig, strict: bool, verify: str | Path | None, workers: int | None, progress: Progress
) -> Audit:
    begun = time.monotonic()
    listed = Path(verify) if verify else None
    recorded = read_splits(Run(listed).splits_csv if listed.is_dir() else listed) if listed else None
    dataset = open_data(config, progress)
    scanned = scan_dataset(dataset, progress, workers=workers)
    records, masks = scanned.records, scanned.masks
    if config.on_bad == "skip":
        dataset = without_unreadable(dataset, scanned.errors, progress)
    dataset = with_scanned_range(dataset, scanned, progress)
    with progress.bar("comparing", 1):
        found = findings(dataset, records, strict, masks)
    if recorded is not None:
        found = [
            *changed_files(dataset, records.digests, recorded, masks.digests if masks else target_texts(dataset)),
            *found,
        ]
    return _summary(dataset, records, found, time.monotonic() - begun)


def _summary(dataset: Dataset, records: Records, found: list[Finding], seconds: float) -> Audit:
    heads = records.headers.take(records.described).times()
    parts = {} if dataset.splits is None else {p: _counts(dataset, dataset.splits == p) for p in SPLITS}
    return Audit(
        kind=dataset.kind,
        form=dataset.form,
        task=allowed_by(dataset),
        samples=len(dataset),
        classes=_counts(dataset, np.ones(len(dataset), bool)),
        findings=found,
        parts={part: counts for part, counts in parts.items() if any(counts.values())},
        groups=0 if dataset.groups is None else len(np.unique(dataset.groups[dataset.groups != ""])),
        sizes=_totals((f"{head.height} × {head.width}", times) for head, times in heads.items()),
        pixels=_totals((f"{count(head.channels, 'channel')} of {head.dtype}", n) for head, n in heads.items()),
        taken=taken_json(dataset),
        seconds=seconds,
    )


def _totals(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The commonest first."""
    totals = Counter[str]()
    for what, times in counted:
        totals[what] += times
    return dict(totals.most_common())


def _counts(dataset: Dataset, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> dict[str, int]:
    if not dataset.has_classes:
        return {}
    sizes = np.bincount(dataset.labels[chosen], minlength=len(dataset.classes))
    return dict(zip(dataset.classes, sizes.tolist(), strict=True))


def show(audit: Audit, console: Console) -> None:
    """Print an audit for people: the contents, a bar for each class, and the findings, worst first."""
    within = f" in {count(audit.classes, 'class')}" if audit.classes else ""
    _line(console, f"{audit.kind}: {count(audit.samples, audit.form[:-1])}{within}", "bold")
    _line(console, f"size (height × width): {_most(audit.sizes)}")
    _line(console, f"pixels: {_most(audit.pixels)}")
    if audit.groups:
        _line(console, f"groups: {audit.groups:,}")
    speed = f"{audit.samples / audit.seconds:,.0f} {audit.form}/s" if audit.seconds > 0 else ""
    _line(console, f"read and compared in {audit.seconds:.1f} s ({speed})", "dim")
    if audit.classes:
        console.print(Padding(_classes(audit, console), (1, 0)))
    for finding in audit.findings:
        _show_finding(finding, console)
    totals = Counter(finding.severity for finding in audit.findings)
    target_texts = ", ".join(count(totals[severity], severity) for severity in STYLES if totals[severity])
    style = next((STYLES[severity] for severity in STYLES if totals[severity]), "green")
    console.print()
    _line(console, target_texts or "no problems found", style)


def _classes(audit: Audit, console: Console) -> Table:
    """Classes with their counts, in all and in each given part, and a bar each; a long list is cut."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("class", overflow="fold")
    for head in (audit.form, *audit.parts):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    most = max(audit.classes.values(), default=0)
    block = "#" if console.options.ascii_only else "█"
    for name, size in list(audit.classes.items())[:CLASSES]:
        counts = [f"{size:,}", *(f"{part[name]:,}" for part in audit.parts.values())]
        bar = block * max(round(BAR * size / max(most, 1)), min(size, 1))
        table.add_row(Text(printable(name)), *counts, Text(bar, "blue"))
    rest = list(audit.classes.values())[CLASSES:]
    if rest:
        table.add_row(Text(f"and {count(rest, 'class')} more, {min(rest):,} to {max(rest):,} {audit.form} each", "dim"))
    return table


def _show_finding(finding: Finding, console: Console) -> None:
    console.print(Text.assemble((f"{finding.severity}: ", STYLES[finding.severity]), printable(finding.what)))
    if finding.samples:
        console.print(Padding(Text(listed(finding.samples, SAMPLES), "dim"), (0, 0, 0, 2)))
    if finding.advice:
        console.print(Padding(Text(f"→ {printable(finding.advice)}"), (0, 0, 0, 2)))


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style))


def _most(counts: dict[str, int], most: int = 3) -> str:
    """The commonest few with their counts; without a count where there is one only."""
    if len(counts) == 1:
        return next(iter(counts))
    shown = ", ".join(f"{name} ({times:,})" for name, times in list(counts.items())[:most])
    return shown + (f" and {len(counts) - most} more" if len(counts) > most else "")
