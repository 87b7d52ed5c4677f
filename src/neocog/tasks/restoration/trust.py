"""The sections on how far restored pixels can be trusted: how far off they are, and what was taken away with the noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neocog.metrics.pixel_errors import LEVELS
from neocog.predictor import Predictor
from neocog.records import Curves, Measure, Section, Series, Table, Text
from neocog.tasks.report.quality import cells

NAMES = {
    "right": "itself, shifted by one pixel to the right",
    "below": "itself, shifted by one pixel down",
    "image": "the restored image",
}
CALLED = {"0.5": "median error", "0.95": "95th percentile"}
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
    noisy = " The targets are noisy exposures, whose noise is part of the error." if truth == "noisy" else ""
    text = Text(
        f"Absolute errors of the validation part's pixels by restored value. {coverage.value:.1%} ({coverage.interval}) of the "
        f"test part's pixels have errors below the 95th percentile; predict writes this limit for each pixel (errors/). It "
        f"depends on the pixel's value only, not on its position: errors are larger at edges.{noisy}"
    )
    return Section("Pixel errors", (text, Curves("restored value", "absolute error [stored units]", lines)), "errors")


def residual_section(residual: Mapping[str, Measure]) -> Section:
    """Whether what was taken away is noise."""
    largest = max((abs(each.value) for each in residual.values()), default=0.0)
    verdict = (
        "It is not just independent noise, or not all of it: part of the image was removed, noise remained (values below 0), or "
        "the noise of neighbouring pixels is correlated."
        if largest >= MUCH
        else "There is no sign of image content in it."
    )
    text = Text(
        f"The residual is the input minus the restored image. Independent noise is uncorrelated with anything. {verdict}"
    )
    rows = tuple((NAMES[name], *cells(each)) for name, each in residual.items())
    note = (
        f"Means over images; {MUCH:g} or more counts as a sign. Values clipped at black or white appear as correlation."
    )
    table = Table(("correlation of the residual with", "value", "95 % interval", "n"), rows, note)
    return Section("Residual", (text, table), "residual")
