"""The sections on how far restored pixels can be trusted: how far off they are, and what was taken away with the noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neocog.metrics.pixel_errors import LEVELS
from neocog.predictor import Predictor
from neocog.records import Curves, Measure, Section, Series, Table, Text
from neocog.tasks.report.quality import cells

NAMES = {"right": "itself, one pixel to the right", "below": "itself, one pixel below", "image": "the restored image"}
CALLED = {"0.5": "half of the pixels are off by no more", "0.95": "95 of 100 pixels are off by no more"}
MUCH = 0.1  # correlation from which on something is said of it


def trust_sections(predictor: Predictor, more: Mapping[str, Any], truth: str) -> list[Section]:
    """``more``: what the evaluation says beside the measures; ``truth``: what the wanted images are."""
    found = []
    if "error_coverage" in more:
        found.append(errors_section(predictor, more["error_coverage"], truth))
    if "residual" in more:
        found.append(residual_section(more["residual"]))
    return found


def errors_section(predictor: Predictor, coverage: Measure, truth: str) -> Section:
    """Errors over restored values, from the validation part, and for how many test pixels they hold."""
    plan, quantiles = predictor.preprocessing, predictor.facts["error_quantiles"]
    low, spread = plan.low, plan.high - plan.low
    middles = tuple(low + spread * (level + 0.5) / LEVELS for level in range(LEVELS))
    lines = tuple(
        Series(CALLED[name], middles, tuple(spread * each for each in values)) for name, values in quantiles.items()
    )
    noisy = " Held against noisy takes, whose noise is part of the error." if truth == "noisy" else ""
    text = Text(
        f"The errors of the validation part's pixels, by their restored value. Of the test part's pixels {coverage.value:.1%} "
        f"({coverage.interval}) are off by no more than the line for 95 of 100; predict writes this limit for each pixel "
        f"(errors/). It is one of pixels of that value, not of that place: at edges errors are larger.{noisy}"
    )
    return Section("How far off pixels are", (text, Curves("restored value", "error, stored units", lines)), "errors")


def residual_section(residual: Mapping[str, Measure]) -> Section:
    """Whether what was taken away is noise."""
    largest = max((abs(each.value) for each in residual.values()), default=0.0)
    verdict = (
        "There is more in it than noise that is independent between pixels: part of the image was taken away, or neighbouring "
        "pixels share their noise."
        if largest >= MUCH
        else "Nothing of the image is seen in it."
    )
    text = Text(
        f"What was taken away is the input less the restored image. Independent noise is correlated with nothing. {verdict}"
    )
    rows = tuple((NAMES[name], *cells(each)) for name, each in residual.items())
    note = f"Means over images; from {MUCH:g} on it is said. Values that were cut off at black or white count as correlated."
    table = Table(("correlation of what was taken away with", "value", "95 % interval", "n"), rows, note)
    return Section("What was taken away", (text, table), "residual")
