"""What part ``groups`` says: a table, a chart, and its verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neocog.errors import listed
from neocog.metrics import lower_is_better, title
from neocog.metrics.by_group import Difference
from neocog.records import Item, Measure, Section, Table, Text, Whiskers
from neocog.robustness.outcome import Verdict, shown
from neocog.robustness.thresholds import graded

SIGNIFICANT = 0.05
CHART = 60  # groups
Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Probed:
    """The share of samples whose group the network's features tell, of so many groups, and that of the largest group."""

    groups: int
    share: Measure
    chance: Measure


@dataclass(frozen=True)
class Found:
    """Of each group its measure; ``difference`` in their order."""

    kinds: str  # "column 'site'"
    measure: str
    everything: Measure
    groups: Mapping[str, Measure]
    difference: Difference
    few: Sequence[str]  # groups that have too few samples
    unnamed: int  # samples without a group
    units: bool  # whether intervals are over what repeats inside groups
    by_group: tuple[Measure, Measure] | None  # classes told by the group alone, and by none
    probe: Probed | str  # or why it was not asked

    @property
    def order(self) -> list[str]:
        """The worst first."""
        sign = -1 if lower_is_better(self.measure) else 1
        return sorted(self.groups, key=lambda name: sign * self.groups[name].value)

    def p(self, name: str) -> float:
        return float(self.difference.each[list(self.groups).index(name)])

    def kept(self, name: str) -> float:
        """The share of the whole measure, of an error its inverse."""
        first, second = self.groups[name], self.everything
        first, second = (second, first) if lower_is_better(self.measure) else (first, second)
        return first.value / second.value if second.value > 0 else math.nan


def tables(found: Found) -> dict[str, Table]:
    """``groups``: a row a group, the worst first; ``group_probe``: how often the features tell the group, and chance."""
    columns = ("group", "measure", "value", "low", "high", "n", "p_holm")
    rows: list[Row] = [("", found.measure, *_numbers(found.everything), None)]
    rows += [(name, found.measure, *_numbers(found.groups[name]), found.p(name)) for name in found.order]
    found_tables = {"groups": Table(columns, tuple(rows))}
    if isinstance(found.probe, Probed):
        both = (("features", found.probe.share), ("largest group", found.probe.chance))
        shares = tuple((by, found.probe.groups, *_numbers(m)) for by, m in both)
        found_tables["group_probe"] = Table(("by", "groups", "value", "low", "high", "n"), shares)
    return found_tables


def _numbers(m: Measure) -> tuple[float | None, float | None, float | None, int]:
    value, low, high = (None if math.isnan(number) else number for number in (m.value, m.low, m.high))
    return value, low, high, m.n


def sections(found: Found) -> tuple[Section, ...]:
    rows = [
        (name, shown(found.measure, found.groups[name]), found.groups[name].counted(), _p(found.p(name)))
        for name in found.order
    ]
    note = (
        "Worst first. p: of a difference this large from the other groups by chance (permutation test, Holm-corrected)."
    )
    items: list[Item] = [Text(" ".join(_sentences(found)))]
    charted = found.order[:CHART]
    items.append(Whiskers(tuple(charted), tuple(found.groups[name] for name in charted), title(found.measure)))
    items.append(Table(("group", title(found.measure), "samples", "p"), tuple(rows), note))
    return (Section("Stress: groups", tuple(items), "stress-groups"),)


def _sentences(found: Found) -> list[str]:
    worst = found.order[0]
    lines = [
        f"{found.kinds.capitalize()}: {len(found.groups)} are compared.",
        f"{title(found.measure).capitalize()} over all groups is {shown(found.measure, found.everything)}.",
        f"The worst is {worst} with {shown(found.measure, found.groups[worst])}.",
        f"Test for any difference between groups: p {_p(found.difference.p)}.",
    ]
    over = "the independent units within a group" if found.units else "the samples of a group"
    lines.append(f"Intervals are over {over}: they hold for these groups, not for new ones.")
    if found.few:
        lines.append(f"{len(found.few)} groups of one sample are left out: {listed(found.few, 3)}.")
    if found.unnamed:
        lines.append(f"{found.unnamed:,} samples have no group.")
    if found.by_group is not None:
        group, none = found.by_group
        lines.append(
            f"Predicted from the group alone, without any pixel, the class is right for {100 * group.value:.1f} % "
            f"({100 * group.low:.1f} – {100 * group.high:.1f}) of all labelled samples; always the most frequent class, for "
            f"{100 * none.value:.1f} %."
        )
        if group.low > none.high:
            lines.append(
                "Whatever distinguishes the groups in an image also predicts the class: a network may learn that instead."
            )
    lines.append(_probed(found))
    return lines


def _probed(found: Found) -> str:
    if isinstance(found.probe, str):
        return f"Whether the network's features predict the group was not tested: {found.probe}."
    share, chance = found.probe.share, found.probe.chance
    alone = "" if found.units else " (easy if samples of one group are nearly identical)"
    return (
        f"A linear probe on the network's features predicts which of {found.probe.groups} groups a sample comes from with an "
        f"accuracy of {shown('accuracy', share)} on {share.n:,} held-out samples{alone}; always the largest group: "
        f"{100 * chance.value:.1f} %."
    )


def _p(value: float) -> str:
    return "—" if math.isnan(value) else "< 0.001" if value < 0.001 else f"= {value:.3f}"


def verdict(found: Found) -> Verdict:
    """Failed where the worst group is worse than the others, and by much; doubtful where it may be luck, or is little."""
    worst = found.order[0]
    kept, differs = found.kept(worst), found.p(worst) < SIGNIFICANT
    own, every = shown(found.measure, found.groups[worst]), shown(found.measure, found.everything)
    sentence = (
        f"Worst of {len(found.groups)} groups ({found.kinds}): {worst}, {title(found.measure)} {own} on "
        f"{found.groups[worst].counted('samples')}, {every} over all groups; "
        f"it {'differs' if differs else 'does not differ significantly'} from the others (p {_p(found.p(worst))})."
    )
    return graded("Worst group", "worst_group", kept, sentence, worst="failed" if differs else "doubtful")
