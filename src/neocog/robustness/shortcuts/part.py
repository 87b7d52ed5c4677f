"""Part ``shortcuts``: can the label be told without the object, does the network go by that, and does the test part leak?

The court has two steps. Suspected is a cue (of the border, of the file …) that tells the label far better than chance. Accused is
one that the network goes by: its answers to test pictures follow the cue that they get from pictures of other classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neocog.data.dataset import SPLITS
from neocog.data.scan import scan_images
from neocog.errors import UserError
from neocog.metrics.stored import stored_measure
from neocog.robustness.clock import Clock
from neocog.robustness.outcome import Outcome
from neocog.robustness.shortcuts.charge import Charge, Found, Leaks
from neocog.robustness.shortcuts.court import follow, suspects
from neocog.robustness.shortcuts.detective import FOLDS
from neocog.robustness.shortcuts.file_facts import facts_of
from neocog.robustness.shortcuts.leaks import copies, moments, separability, shared_groups
from neocog.robustness.shortcuts.looked import Looked, swappable
from neocog.robustness.shortcuts.objects import named, on_objects
from neocog.robustness.shortcuts.objects_report import with_objects
from neocog.robustness.shortcuts.pictures import Seen, pair, seen, swapped
from neocog.robustness.shortcuts.report import sections, tables
from neocog.robustness.shortcuts.saliency import explained
from neocog.robustness.shortcuts.saliency_report import with_maps
from neocog.robustness.shortcuts.verdicts import verdicts
from neocog.robustness.subject import Subject

Ints = NDArray[np.int64]
TIMED = 16  # samples
TESTED = 150  # samples at most whose cues are swapped, of the validation part too where the test part has fewer
DRAWN, OF_CLASSES = 4, 4  # pictures of a class, and classes, that show what a cue saw
PAIRS = 4  # that are shown
NAMED = 3  # suspects, of which pictures are shown


def check(subject: Subject) -> None:
    where = str(subject.run.folder)
    if not subject.own:
        what = "shortcuts and leaks are those of the data that the run learned from"
        raise UserError(what, where, "leave --on out")
    if not len(subject.parts["train"]):
        raise UserError("no training part is left to compare the test part with", where, "leave the part out")
    if "objects" in subject.options and (subject.dataset.form != "images" or _reason(subject)):
        raise UserError("--objects has an effect only where images have classes", where, "leave it out")
    named(subject)


def run(subject: Subject, clock: Clock) -> Outcome:
    parts = _parts(subject)
    reason, court = _reason(subject), {}
    looked = Looked(subject, drawn(subject))
    leaks = _leaks(looked, clock, parts)
    tested = Looked(subject, tried(subject))
    if not reason and time_for(subject, looked.positions, clock, "court: suspects"):
        court = clock.pieces("court", ["suspects"], lambda _: suspicion(looked)).get("suspects", {})
    charges = [Charge.of(each) for each in court.get("charges", ())]
    named = [each.name for each in charges if each.suspected and swappable(each.name)]
    followed = clock.pieces("swapped", named, lambda name: _follow(tested, name))
    found = Found(
        charges=[replace(each, followed=_measures(followed.get(each.name))) for each in charges],
        leaks=leaks,
        reason=reason,
        few=court.get("few", []),
        accuracy=stored_measure(court["accuracy"]) if court else None,
        n=court.get("n", 0),
    )
    maps = _maps(subject, tested, clock) if not reason else {}
    shown = {each.name: _pictures(looked, tested, each, court["clearest"]) for each in found.named[:NAMED]}
    names = [str(name) for name in subject.dataset.names]
    outcome = Outcome(
        tables(found, names, parts), sections(found, shown, _pairs(looked, leaks, parts)), verdicts(found, parts)
    )
    outcome = with_maps(outcome, maps) if maps else outcome
    shares = (
        clock.pieces("objects", ["maps"], lambda _: on_objects(subject, tested)) if "objects" in subject.options else {}
    )
    return with_objects(outcome, shares["maps"], subject.seed) if shares.get("maps") else outcome


def _maps(subject: Subject, tested: Looked, clock: Clock) -> Mapping[str, Any]:
    """What is found of maps that explain answers; {} where there was no time, or where there are none."""
    if subject.dataset.form != "images":
        return {}
    found = clock.pieces("maps", ["explanations"], lambda _: explained(subject, tested))
    return dict(found.get("explanations", {}))


def _parts(subject: Subject) -> NDArray[np.str_]:
    """(N,) the part of each sample, "" where it is in none."""
    parts = np.full(len(subject.dataset), "", f"<U{max(map(len, SPLITS))}")
    for name in SPLITS:
        parts[subject.parts[name]] = name
    return parts


def _reason(subject: Subject) -> str:
    """Why the court cannot sit; "" where it can."""
    if subject.dataset.form == "sequences":
        return (
            "Sequences have no borders, corners or colours that could give a label away: only leaks are searched for."
        )
    if not subject.task.logits or not subject.dataset.has_classes:
        return f"With --task {subject.predictor.task}, a sample has no single label to give away: only leaks are searched for."
    return ""


def drawn(subject: Subject) -> Ints:
    """At most ``--samples`` of all parts, drawn by lot."""
    every = np.sort(np.concatenate([subject.parts[part] for part in SPLITS]))
    most = subject.most or len(every)
    return np.sort(np.random.default_rng(subject.seed % 2**32).permutation(every)[:most])


def tried(subject: Subject) -> Ints:
    """The samples whose cues are swapped: none that the network has learned from."""
    draws = np.random.default_rng(subject.seed % 2**32)
    every = [draws.permutation(each) for each in (subject.samples.positions, subject.parts["validation"])]
    return np.sort(np.concatenate(every)[:TESTED])


def time_for(subject: Subject, positions: Ints, clock: Clock, piece: str) -> bool:
    """Whether so many samples can be looked at, by the time of the first of them; else the ``piece`` is late."""
    if piece in clock.kept:
        return True
    few = positions[:TIMED]

    def looked_at() -> None:
        for index in few.tolist():
            subject.dataset.images.read(index)
        if subject.dataset.form != "sequences" and piece != "leaks: copies":
            _ = Looked(replace(subject, progress=replace(subject.progress, quiet=True)), few).pixels

    fits = clock.time_for(looked_at, len(positions) / max(1, len(few)))
    if not fits:
        clock.late.append(piece)
    return fits


def suspicion(looked: Looked) -> dict[str, Any]:
    """The charges, the strongest first; classes with too few samples to be told; the network's own accuracy on the test part;
    and, for each pixel cue, which samples it tells most surely."""
    labels, units, classes = looked.labels, looked.units, looked.subject.dataset.classes
    every = np.arange(len(labels)) if units is None else np.array(units)
    few = [k for k in np.unique(labels).tolist() if len(np.unique(every[labels == k])) < FOLDS]
    kept = np.flatnonzero(~np.isin(labels, few))
    views = {name: view[kept] for name, view in looked.views().items()}
    units = None if units is None else every[kept].tolist()
    charges = suspects(views, labels[kept], len(classes), units, looked.subject.seed)
    return {
        "charges": [Charge.stored(each) for each in charges],
        "few": [classes[k] for k in few],
        "n": len(kept),
        "accuracy": asdict(looked.subject.main(looked.subject.samples)[1]),
        "clearest": {each.name: _clearest(looked, kept, each.evidence.scores) for each in charges},
    }


def _clearest(looked: Looked, kept: Ints, scores: NDArray[np.float64]) -> dict[str, list[int]]:
    """{class: positions} of its samples that a view tells most surely."""
    classes, labels = looked.subject.dataset.classes, looked.labels[kept]
    margin = scores - scores.max(
        axis=1, keepdims=True, where=scores < scores.max(axis=1, keepdims=True), initial=-np.inf
    )
    found = {}
    for k in np.unique(labels).tolist()[:OF_CLASSES]:
        own = np.flatnonzero(labels == k)
        best = own[np.argsort(-margin[own, k], kind="stable")][:DRAWN]
        found[classes[k]] = looked.positions[kept[best]].tolist()
    return found


def _follow(tested: Looked, name: str) -> dict[str, Any]:
    groups = tested.subject.dataset.groups
    units = None if groups is None else groups[tested.positions]
    return asdict(follow(tested.labels, tested.swap(name), tested.answer, units, tested.subject.seed))


def _measures(piece: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if piece is None else {name: stored_measure(value) for name, value in piece.items()}


def _leaks(looked: Looked, clock: Clock, parts: NDArray[np.str_]) -> Leaks:
    """What was found in time."""
    subject, dataset, everything = looked.subject, looked.subject.dataset, np.flatnonzero(parts != "")
    wanted = ["groups", "moments"] if dataset.form == "images" else ["groups"]
    if time_for(subject, everything, clock, "leaks: copies"):
        wanted.append("copies")
    if dataset.form != "sequences" and time_for(subject, looked.positions, clock, "leaks: train and test"):
        wanted.append("train and test")
    found = clock.pieces("leaks", wanted, lambda name: _leak(looked, parts, name))
    pairs = {"group": found.get("groups", []), "moment": found.get("moments", []), **found.get("copies", {})}
    apart = found.get("train and test", {}).get("auroc")
    leaked = sorted({i for each in pairs.values() for i, _ in each if parts[i] == "test"})
    clean = clock.pieces("measure", ["without leaks"], lambda _: _without(subject, leaked)) if leaked else {}
    return Leaks(
        pairs={kind: [tuple(each) for each in pairs[kind]] for kind in pairs},
        sizes={part: int((parts == part).sum()) for part in SPLITS},
        auroc=None if apart is None else stored_measure(apart),
        tried=[name for name in wanted if name in found],
        measure=clean.get("without leaks", {}),
    )


def _leak(looked: Looked, parts: NDArray[np.str_], name: str) -> Any:
    subject, dataset = looked.subject, looked.subject.dataset
    if name == "groups":
        return shared_groups(dataset.groups, parts)
    if name == "moments":
        return moments([each.taken for each in facts_of(dataset.images, range(len(dataset)))], parts)
    if name == "copies":
        with subject.progress.bar("scan", len(dataset)) as advance:
            records = scan_images(dataset.images, workers=1, progress=advance, keep=False).records
        return copies(dataset, records, parts)
    inside = np.isin(parts[looked.positions], ("train", "test"))
    views = np.concatenate([view[inside] for view in looked.pixels.values()], axis=1)
    units = None if looked.units is None else np.array(looked.units)[inside].tolist()
    return separability(views, parts[looked.positions][inside] == "test", units, subject.seed)


def _without(subject: Subject, leaked: Sequence[int]) -> dict[str, Any]:
    """The task's measure over the test part, and over what of it does not leak; {} where that is too little."""
    samples = subject.samples
    rest = samples.positions[~np.isin(samples.positions, leaked)]
    if len(rest) < TIMED:
        return {}
    name, every = subject.main(samples)
    return {"name": name, "all": asdict(every), "rest": asdict(subject.main(replace(samples, positions=rest))[1])}


def _pictures(looked: Looked, tested: Looked, charge: Charge, clearest: Mapping[str, Any]) -> Seen:
    gone = charge.followed is not None and charge.followed["follows"].value > 0
    after = tuple(swapped(tested, charge.name, looked.subject.dataset.classes)) if gone else ()
    return Seen(tuple(seen(looked, charge.name, clearest[charge.name])), after)


def _pairs(looked: Looked, leaks: Leaks, parts: NDArray[np.str_]) -> Iterator[tuple[str, list[Any]]]:
    """(kind, pictures) of the first pairs of each kind that is looked at."""
    if looked.subject.dataset.form == "sequences":
        return
    where = dict(enumerate(parts.tolist()))
    for kind, found in leaks.pairs.items():
        shown = [picture for one, other in found[:PAIRS] for picture in pair(looked, one, other, where)]
        if shown:
            yield kind, shown
