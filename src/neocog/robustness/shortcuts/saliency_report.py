"""What is said of maps that explain answers: a table, the curves of deletion and insertion, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neocog.errors import listed
from neocog.records import Curves, Section, Series, Table, Text
from neocog.robustness.outcome import Grade, Outcome, Verdict
from neocog.robustness.shortcuts.saliency import RANDOM

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


def area(curve: list[float]) -> float:
    """Under a curve of equal steps from 0 to 1."""
    return (sum(curve) - (curve[0] + curve[-1]) / 2) / (len(curve) - 1)


def usable(found: Pieces, name: str) -> bool:
    """Whether a method's maps pass both questions."""
    better = area(found[name]["deleted"]) < area(found[RANDOM]["deleted"])
    better &= area(found[name]["inserted"]) > area(found[RANDOM]["inserted"])
    return better and abs(found[name]["random weights"]) < ALIKE


def methods(found: Pieces) -> list[str]:
    return [name for name in found if name != RANDOM]


def tables(found: Pieces) -> dict[str, Table]:
    """``saliency``: a row a method; ``saliency_curves``: a row a method and step."""
    rows = [
        (name, each["random weights"], area(each["deleted"]), area(each["inserted"]), each["n"])
        for name, each in found.items()
    ]
    heads = ("method", "correlation_with_random_weights", "deletion", "insertion", "n")
    steps = [
        (name, step / (len(each["deleted"]) - 1), deleted, inserted)
        for name, each in found.items()
        for step, (deleted, inserted) in enumerate(zip(each["deleted"], each["inserted"], strict=True))
    ]
    curves = Table(("method", "share", "deleted", "inserted"), tuple(steps))
    return {"saliency": Table(heads, tuple(rows)), "saliency_curves": curves}


def section(found: Pieces) -> Section:
    rows = [
        (name, "—" if name == RANDOM else f"{each['random weights']:z.2f}", f"{area(each['deleted']):.3f}",
         f"{area(each['inserted']):.3f}", "" if name == RANDOM else "yes" if usable(found, name) else "no")
        for name, each in found.items()
    ]  # fmt: skip
    n = next(iter(found.values()))["n"]
    note = (
        f"Areas under the curves below, means of {n} samples. Deletion: lower is better; insertion: higher is better."
    )
    table = Table(("map", "correlation with random weights", "deletion", "insertion", "passes both"), tuple(rows), note)
    charts = [
        Curves(f"share of pixels {verb}", "probability of the predicted class", _series(found, which), note=which)
        for which, verb in (("deleted", "deleted"), ("inserted", "inserted"))
    ]
    return Section("Stress: explanations", (Text(TEXT), table, *charts), "stress-explanations")


def _series(found: Pieces, which: str) -> tuple[Series, ...]:
    return tuple(
        Series(name, tuple(step / (len(each[which]) - 1) for step in range(len(each[which]))), tuple(each[which]))
        for name, each in found.items()
    )


def verdict(found: Pieces) -> Verdict:
    """Passed where a method's maps say something of this network; doubtful where none's do."""
    good = [name for name in methods(found) if usable(found, name)]
    least = min(good or methods(found), key=lambda name: abs(found[name]["random weights"]))
    grade: Grade = "passed" if good else "doubtful"
    each = [f"{name} {'explains' if name in good else 'does not explain'} the predictions" for name in methods(found)]
    how = "correlation with maps of random weights; deletion and insertion against random order"
    sentence = f"{listed(each)} ({how}; {found[least]['n']} samples)."
    return Verdict("Explanations", grade, sentence, abs(found[least]["random weights"]), ALIKE)
