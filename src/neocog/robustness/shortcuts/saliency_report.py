"""What is said of maps that explain answers: a table, the curves of deletion and insertion, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

from neocog.metrics.stored import stored_measure
from neocog.records import Curves, Section, Series, Table, Text
from neocog.robustness.outcome import Grade, Outcome, Verdict, bounds
from neocog.robustness.shortcuts.saliency import RANDOM

KEYS = ("random weights", "deletion", "insertion")
COLUMNS = ("correlation_with_random_weights", "deletion", "insertion")  # of the same in tables
ANSWERS: Mapping[bool | None, tuple[str, str]] = {  # in the table, in the verdict
    True: ("yes", "explains the predictions"),
    False: ("no", "does not explain the predictions"),
    None: ("cannot be told", "may explain the predictions or not, which so few do not tell"),
}
ALIKE = 0.5  # rank correlation with the maps of random weights, from which on a map says little of what was learned
Pieces = Mapping[str, Mapping[str, Any]]
TEXT = (
    "Attribution maps explain a prediction only if two things hold. They must change when the network's weights are randomised "
    "(sanity check: Adebayo et al. 2018). And the predicted class's probability must fall faster when the highlighted pixels are "
    "replaced by the mean colour first than in random order, and rise faster when they are restored first (deletion and "
    "insertion: Petsiuk et al. 2018)."
)


def with_maps(outcome: Outcome, found: Pieces) -> Outcome:
    """What was found before, and of maps."""
    return Outcome(
        {**outcome.tables, **tables(found)}, (*outcome.sections, section(found)), (*outcome.verdicts, verdict(found))
    )


def usable(found: Pieces, name: str) -> bool | None:
    """Whether a method's maps pass both questions, surely; None where the intervals allow either answer."""
    alike, deletion, insertion = (stored_measure(found[name][key]) for key in KEYS)
    if alike.low > -ALIKE and alike.high < ALIKE and deletion.high < 0 < insertion.low:
        return True
    fails = alike.low >= ALIKE or alike.high <= -ALIKE or deletion.low >= 0 or insertion.high <= 0
    return False if fails else None


def methods(found: Pieces) -> list[str]:
    return [name for name in found if name != RANDOM]


def tables(found: Pieces) -> dict[str, Table]:
    """``saliency``: a row a method; ``saliency_curves``: a row a method and step."""
    heads = tuple(head for column in COLUMNS for head in (column, f"{column}_low", f"{column}_high"))
    rows = []
    for name in methods(found):
        each = [stored_measure(found[name][key]) for key in KEYS]
        rows.append((name, *(number for m in each for number in (m.value, *bounds(m))), each[0].n))
    steps = [
        (name, step / (len(each["deleted"]) - 1), deleted, inserted)
        for name, each in found.items()
        for step, (deleted, inserted) in enumerate(zip(each["deleted"], each["inserted"], strict=True))
    ]
    curves = Table(("method", "share", "deleted", "inserted"), tuple(steps))
    return {"saliency": Table(("method", *heads, "n"), tuple(rows)), "saliency_curves": curves}


def section(found: Pieces) -> Section:
    rows = [(name, *_shown(found, name), ANSWERS[usable(found, name)][0])
            for name in methods(found)]  # fmt: skip
    note = (
        f"Means of {_counted(found)}, with 95 % intervals. Deletion and insertion: area under the curves below, less that of the "
        "random order; a map that explains has a deletion below 0 and an insertion above 0."
    )
    table = Table(("map", "correlation with random weights", "deletion", "insertion", "passes both"), tuple(rows), note)
    charts = [
        Curves(f"share of pixels {verb}", "probability of the predicted class", _series(found, which), note=which)
        for which, verb in (("deleted", "deleted"), ("inserted", "inserted"))
    ]
    return Section("Stress: explanations", (Text(TEXT), table, *charts), "stress-explanations")


def _shown(found: Pieces, name: str) -> list[str]:
    """In two digits: no sentence needs more of so few samples."""
    each = (stored_measure(found[name][key]) for key in KEYS)
    return [f"{m.value:z.2f} ({'no interval' if isnan(m.low) else f'{m.low:z.2f} – {m.high:z.2f}'})" for m in each]


def _counted(found: Pieces) -> str:
    return stored_measure(found[methods(found)[0]][KEYS[0]]).counted("samples")


def _series(found: Pieces, which: str) -> tuple[Series, ...]:
    return tuple(
        Series(name, tuple(step / (len(each[which]) - 1) for step in range(len(each[which]))), tuple(each[which]))
        for name, each in found.items()
    )


def verdict(found: Pieces) -> Verdict:
    """Passed where a method's maps surely say something of this network; else doubtful."""
    answers = {name: usable(found, name) for name in methods(found)}
    alike = {name: abs(stored_measure(found[name][KEYS[0]]).value) for name in answers}
    least = min([name for name in answers if answers[name]] or answers, key=lambda name: alike[name])
    grade: Grade = "passed" if answers[least] else "doubtful"
    each = []
    for name, sure in answers.items():
        correlation, deletion, insertion = _shown(found, name)
        numbers = (
            f"correlation with maps of random weights {correlation}, deletion {deletion} and insertion {insertion}"
        )
        each.append(f"{name} {ANSWERS[sure][1]} ({numbers} beside random order)")
    return Verdict("Explanations", grade, f"On {_counted(found)}: {'; '.join(each)}.", alike[least], ALIKE)
