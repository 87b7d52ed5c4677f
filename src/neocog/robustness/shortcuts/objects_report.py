"""What is said of maps beside objects: a table, a sentence, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from neocog.metrics.intervals import mean_measures
from neocog.records import Measure, Section, Table, Text, Whiskers
from neocog.robustness.outcome import Grade, Outcome, Verdict, bounds, shown
from neocog.robustness.shortcuts.objects import AREA

Shares = Mapping[str, Sequence[float | None]]
TITLE = "Focus on the object"
TEXT = (
    "Share of each attribution map that lies on the object. A uniform map would have the share of the image that the object "
    "covers. A network whose maps lie elsewhere relies on something else."
)


def with_objects(outcome: Outcome, found: Shares, seed: int) -> Outcome:
    """What was found before, and of the objects."""
    own, beyond = measures(found, seed)
    table = Table(("map", "inside", "low", "high", "n"), tuple((k, m.value, *bounds(m), m.n) for k, m in own.items()))
    chart = Whiskers(tuple(own), tuple(own.values()), "share of the map on the object")
    section = Section("Stress: focus on the object", (Text(TEXT), Text(sentence(own)), chart), "stress-object")
    return replace(
        outcome,
        tables={**outcome.tables, "saliency_objects": table},
        sections=(*outcome.sections, section),
        verdicts=(*outcome.verdicts, verdict(own, beyond)),
    )


def measures(found: Shares, seed: int) -> tuple[dict[str, Measure], dict[str, Measure]]:
    """({map: share on the object}, {map: that, less the area of the object})."""
    columns = np.array([list(each) for each in found.values()], np.float64).T
    own = mean_measures(columns, ["counts"] * len(found), seed=seed)
    area = columns[:, list(found).index(AREA)][:, None]
    beyond = mean_measures(columns - area, ["correlation"] * len(found), seed=seed)
    pairs = dict(zip(found, beyond, strict=True))
    return dict(zip(found, own, strict=True)), {name: each for name, each in pairs.items() if name != AREA}


def sentence(own: Mapping[str, Measure]) -> str:
    each = [f"{shown('accuracy', m)} of {name}" for name, m in own.items() if name != AREA]
    return f"{' and '.join(each)} lies on the object, which covers {own[AREA].value:.1%} of the image."


def verdict(own: Mapping[str, Measure], beyond: Mapping[str, Measure]) -> Verdict:
    """Passed where a map names the object surely more than the rest, failed where all surely name it less."""
    best = max(beyond, key=lambda name: beyond[name].value)
    grade: Grade = "doubtful"
    if beyond[best].low > 0:
        grade = "passed"
    elif all(each.high < 0 for each in beyond.values()):
        grade = "failed"
    return Verdict(TITLE, grade, sentence(own), own[best].value, own[AREA].value)
