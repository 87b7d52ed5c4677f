"""Part ``groups``: the task's own measure in each group of samples, which is served worst, and whether that is luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import Dataset
from neocog.errors import UserError
from neocog.metrics.by_group import Difference, group_difference, names_and_members, right_by_group
from neocog.metrics.intervals import share_measure
from neocog.metrics.stored import stored_measure
from neocog.records import Measure
from neocog.robustness.clock import Clock
from neocog.robustness.group_probe import probed, why_not
from neocog.robustness.grouping import groups_of, within
from neocog.robustness.groups_report import Found, Probed, sections, tables, verdict
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.tasks.evaluation import Samples
from neocog.traits import needs

FEWEST = 2  # samples of a group that is measured
MOST = 500  # groups


def check(subject: Subject) -> None:
    if not needs(subject.predictor.task):
        what = f"groups are not for --task {subject.predictor.task}: its answers are not held against a truth"
        raise UserError(what, str(subject.run.folder), "leave the part out")
    kinds, groups = groups_of(subject)
    sizes = np.unique(groups[subject.samples.positions], return_counts=True)
    known = sizes[1][sizes[0] != ""]
    several = int((known >= FEWEST).sum())
    if several < 2:
        many = f"{several} of {len(known)} groups have" if len(known) > 1 else f"{len(known) or 'no'} group has"
        what = f"{kinds}: {many} {FEWEST} test samples or more, and two are needed to compare"
        raise UserError(what, str(subject.run.folder), "tell groups in another way (--by), or give more data (--on)")
    if several > MOST:
        fix = "name what repeats less often, such as a site rather than a patient"
        raise UserError(f"{kinds}: {several:,}, of which at most {MOST} are compared", str(subject.run.folder), fix)


def run(subject: Subject, clock: Clock) -> Outcome:
    kinds, every = groups_of(subject)
    samples, groups = subject.samples, every[subject.samples.positions]
    dataset = within(subject, every)
    names, member = names_and_members(groups.tolist())
    sizes = np.bincount(member, minlength=len(names))
    kept = [name for name, size in zip(names, sizes.tolist(), strict=True) if name and size >= FEWEST]

    def measured(name: str) -> dict[str, Any]:
        positions = samples.positions if name == "all" else samples.positions[groups == name.removeprefix("group ")]
        chosen = replace(samples, positions=positions, dataset=subject.dataset if name == "all" else dataset)
        answers = subject.task.answers(subject.predictor, chosen, lambda _: None)
        found = subject.task.evaluation(subject.predictor, answers, chosen)
        measure, value = next(iter(found.measures.items()))
        return {"measure": measure, "value": value, "scores": subject.task.scores(subject.predictor, answers).tolist()}

    pieces = clock.pieces("groups", ["all", *(f"group {name}" for name in kept)], measured)
    there = [name for name in kept if f"group {name}" in pieces]
    if "all" not in pieces or len(there) < 2:
        return Outcome()
    few = _few(subject, dataset, every)
    unasked = why_not(subject, few[1])
    features = clock.pieces("features", [] if unasked else ["group"], lambda _: probed(subject, *few))
    found = Found(
        kinds=kinds,
        measure=pieces["all"]["measure"],
        everything=stored_measure(pieces["all"]["value"]),
        groups={name: stored_measure(pieces[f"group {name}"]["value"]) for name in there},
        difference=_difference(subject, replace(samples, dataset=dataset), groups, there, pieces["all"]["scores"]),
        few=[name for name in names if name and name not in kept],
        unnamed=int((groups == "").sum()),
        units=dataset.groups is not None,
        by_group=_by_group(subject, every),
        probe=_probed(features, unasked),
    )
    return Outcome(tables(found), sections(found), (verdict(found),))


def _few(subject: Subject, dataset: Dataset, groups: NDArray[np.str_]) -> tuple[Samples, NDArray[np.str_]]:
    """At most ``--samples`` of them, with ``dataset`` for their units, and their groups."""
    few = replace(subject.few(), dataset=dataset)
    return few, groups[few.positions]


def _probed(pieces: Mapping[str, Any], unasked: str) -> Probed | str:
    if "group" not in pieces:
        return unasked or "there was no time for it"
    found = pieces["group"]
    return Probed(found["groups"], stored_measure(found["told"]), stored_measure(found["chance"]))


def _difference(
    subject: Subject, samples: Samples, groups: NDArray[np.str_], names: list[str], scores: list[float | None]
) -> Difference:
    """Between the groups of these names; ``scores`` (n,) of all samples, of which some may be in none of them."""
    place = {name: i for i, name in enumerate(names)}
    member = np.array([place.get(name, -1) for name in groups.tolist()])
    known = np.array([np.nan if score is None else score for score in scores])
    units = None if samples.groups is None else samples.groups[member >= 0]
    return group_difference(known[member >= 0], member[member >= 0], units, subject.seed)


def _by_group(subject: Subject, groups: NDArray[np.str_]) -> tuple[Measure, Measure] | None:
    """The share of classes that the group alone tells, over all labelled samples, and that the commonest class is; None where
    there are no classes."""
    dataset = subject.dataset
    if not dataset.has_classes:
        return None
    used = np.concatenate([*subject.parts.values()]) if subject.parts else subject.samples.positions
    used = np.sort(used)[groups[np.sort(used)] != ""]
    _, member = names_and_members(groups[used].tolist())
    labels = dataset.labels[used]
    known, guessed = (right_by_group(labels, each, subject.seed) for each in (member, np.zeros_like(member)))
    return share_measure(known), share_measure(guessed)
