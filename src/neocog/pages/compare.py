"""Several runs on one page: which settings differ, what that did, and whether it is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neocog.errors import UserError
from neocog.metrics import Comparison, Units, holm, lower_is_better, mcnemar, paired, title
from neocog.pages.page import Head, Remark, duration, interval, page
from neocog.pages.predictions import Predictions, predictions, rates, same_samples
from neocog.pages.record import Record, read
from neocog.pages.scores import Scores, scores
from neocog.records import Curves, Item, Measure, Section, Series, Table, Text, Whiskers
from neocog.run import Run, write_atomically
from neocog.traits import TASKS, task_of, traits

TESTED = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")
CLOCKS = ("epoch", "step", "seconds")


def compare(runs: Sequence[Run], out: Path) -> Path:
    """Write the page to ``out``. The first run is the reference that the others are tested against.

    Tests are made only where the task and the test samples are the same (equal SHA-256 and labels): of classifiers McNemar's
    exact test for the accuracy, the sign-flip test for the other measures and, since McNemar's test takes samples to be
    independent, for the accuracy of grouped samples; of other tasks the sign-flip test for the mean of the samples' own
    errors, Dice or bounds. All p-values are corrected together (Holm). Raises UserError.
    """
    if len(runs) < 2:
        raise UserError(f"{len(runs)} run to compare", fix="name at least two run folders")
    records = [read(run) for run in runs]
    names = _names(records)
    tests, remark = _tests(names, records)
    sections = [
        Section("Measures", tuple(_measures(names, records)), "measures"),
        Section("Paired tests", tests, "tests"),
        Section("Settings that differ", (_settings(names, records),), "settings-that-differ"),
        Section("Training", tuple(_curves(names, records)), "training"),
    ]
    first = next(iter(records[0].measures["test"]))
    best, extreme = _best(first, records), "Lowest" if lower_is_better(first) else "Highest"
    head = Head(
        title=f"{len(runs)} runs · neocog",
        eyebrow="comparison",
        label=f"{len(runs)} runs compared",
        sentence=f"{extreme} {title(first)}: {names[best]}, {interval(first, records[best].measures['test'][first])}.",
        remarks=[remark],
    )
    write_atomically(out, page(head, [Section("Runs", (_overview(names, records),), "runs"), *sections]))
    return out


def _names(records: Sequence[Record]) -> list[str]:
    """Folder names; with a number where two are equal."""
    names = [record.name for record in records]
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _best(measure: str, records: Sequence[Record]) -> int:
    unknown = Measure(math.nan, math.nan, math.nan, 0)
    sign = -1 if lower_is_better(measure) else 1
    values = [sign * record.measures["test"].get(measure, unknown).value for record in records]
    return max(range(len(values)), key=lambda i: -math.inf if math.isnan(values[i]) else values[i])


def _overview(names: Sequence[str], records: Sequence[Record]) -> Table:
    measure = next(iter(records[0].measures["test"]))
    rows = []
    for name, record in zip(names, records, strict=True):
        result, m = record.result, record.measures["test"].get(measure)
        seconds = result.get("seconds")
        took = duration(seconds) if isinstance(seconds, int | float) else None
        count = result.get("parameters")
        rows.append((
            name, str(result.get("model", "")), count if isinstance(count, int) else None,
            round(m.value, 4) if m else None, m.n if m else None, took,
        ))  # fmt: skip
    columns = (
        "run",
        "model",
        "parameters",
        title(measure),
        "test samples",
        "training time",
    )
    return Table(columns, tuple(rows))


def _measures(names: Sequence[str], records: Sequence[Record]) -> list[Item]:
    """One plot a measure that all runs have."""
    shared = [name for name in records[0].measures["test"] if all(name in r.measures["test"] for r in records)]
    return [Whiskers(tuple(names), tuple(r.measures["test"][name] for r in records), title(name)) for name in shared]


def _tests(names: Sequence[str], records: Sequence[Record]) -> tuple[tuple[Item, ...], Remark]:
    tasks = {str(record.result.get("task", task_of("classes"))) for record in records}
    if len(tasks) > 1:
        return _untested(f"The runs learned different tasks ({', '.join(sorted(tasks))})")
    if any("folds" in record.result for record in records):
        return _untested("Cross-validation tests every sample once, in different trainings")
    logits = all(TASKS.knows(task) and traits(task).logits for task in tasks)
    return _tested(names, [predictions(r.run) if logits else scores(r.run) for r in records])


def _untested(reason: str) -> tuple[tuple[Item, ...], Remark]:
    text = f"{reason}: no paired test is possible. Compare the intervals instead."
    return (Text(text),), Remark("caution", f"{reason}, so the runs cannot be compared sample by sample.")


def _tested(names: Sequence[str], answers: Sequence[Predictions | Scores]) -> tuple[tuple[Item, ...], Remark]:
    if reason := same_samples(answers):
        return _untested(reason)
    reference, grouped = answers[0], bool((answers[0].groups != "").any())
    units = Units.of(reference.groups if grouped else None, len(reference.labels))
    found: list[tuple[str, str, Comparison]] = []
    for name, other in zip(names[1:], answers[1:], strict=True):
        found += [(name, measure, one) for measure, one in _paired(reference, other, units).items()]
    if not found:
        return _untested("There are no predictions of single test samples")
    corrected = holm([one.p for _, _, one in found])
    rows = tuple(
        (name, title(measure), _signed(one.difference), _bounds(one),
         _p(one.p), _p(p), "too few groups" if math.isnan(p) else "yes" if p < 0.05 else "no")
        for (name, measure, one), p in zip(found, corrected, strict=True)
    )  # fmt: skip
    how = "the sign-flip test over groups" if grouped else "the sign-flip test"
    if isinstance(reference, Predictions) and not grouped:
        how = f"McNemar's exact test (accuracy) and {how}"
    note = f"Differences to {names[0]}. p from {how}; Holm's correction for {len(rows)} comparisons; significance level 0.05."
    table = Table(("run", "measure", "difference", "95 % interval", "p", "p, corrected", "significant"), rows, note)
    sure = sum(p < 0.05 for p in corrected)
    words = f"{sure} of {len(rows)} differences to {names[0]} are significant"
    of = f" of {units.count:,} groups" if grouped else ""
    words += f", on the same {len(reference.labels):,} test samples{of}."
    if all(math.isnan(p) for p in corrected):
        words = f"Too few groups for a test: {units.count}, and 6 are needed."
    return (table,), Remark("good" if sure else "caution", words)


def _paired(first: Predictions | Scores, second: Predictions | Scores, units: Units) -> dict[str, Comparison]:
    """Of classifiers accuracy, balanced accuracy, macro F1, and the log loss where both know it; else the samples' scores."""
    if isinstance(first, Scores) or isinstance(second, Scores):
        assert isinstance(first, Scores) and isinstance(second, Scores)
        return first.paired(second, units)
    classes = np.unique(np.concatenate([first.labels, first.predictions, second.predictions]))
    losses = first.truths is not None and second.truths is not None
    sums = [one.sums(classes, units, losses) for one in (first, second)]
    each = paired(sums[0], sums[1], lambda totals: rates(totals, len(classes)), units)
    found = dict(zip(TESTED, each, strict=False))
    if not units.grouped:
        found["accuracy"] = replace(found["accuracy"], p=mcnemar(first.correct, second.correct))
    return found


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _bounds(one: Comparison) -> str:
    return f"{_signed(one.low)} to {_signed(one.high)}" if math.isfinite(one.low) else "too few for an interval"


def _p(p: float) -> str:
    if math.isnan(p):
        return "—"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _settings(names: Sequence[str], records: Sequence[Record]) -> Item:
    flat = [dict(_flat(record.settings)) for record in records]
    keys = list(dict.fromkeys(key for settings in flat for key in settings))
    rows = tuple(
        (key, *(settings.get(key, "—") for settings in flat)) for key in keys if len({s.get(key) for s in flat}) > 1
    )
    if not rows:
        return Text("None: the runs have the same settings.")
    return Table(("setting", *names), rows)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in values.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, str(value))]
    return found


def _curves(names: Sequence[str], records: Sequence[Record]) -> list[Item]:
    """One plot a column of metrics.csv, a line a run."""
    columns = dict.fromkeys(c for record in records for row in record.metrics[:1] for c in row if c not in CLOCKS)
    plots: list[Item] = []
    for column in columns:
        lines = []
        for name, record in zip(names, records, strict=True):
            points = [(_number(row.get("epoch")), _number(row.get(column))) for row in record.metrics]
            known = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
            lines.append(Series(name, tuple(x for x, _ in known), tuple(y for _, y in known)))
        plots.append(Curves("epoch", "learning rate" if column == "lr" else column.replace("_", " "), tuple(lines)))
    return plots or [Text("No run has a metrics.csv.")]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
