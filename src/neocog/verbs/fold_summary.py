"""result.json and report.html of ``--folds``: what all folds say together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import mean, stdev
from typing import Any

from scipy.special import stdtrit

from neocog.config import Config, DataConfig
from neocog.data.split import read_splits
from neocog.documents import read_json
from neocog.facts import read_facts
from neocog.metrics import scale_of, title
from neocog.metrics.intervals import around
from neocog.metrics.stored import stored_measure
from neocog.pages import sections_to_json, write_card
from neocog.progress import Progress
from neocog.records import Bars, Measure, Section, Table, Text, Whiskers
from neocog.run import Run, to_json, write_atomically
from neocog.verbs.curve import SHARES, Curve, curve_result, curve_section, folder, in_words
from neocog.verbs.out_of_fold import out_of_fold
from neocog.verbs.plan import history_lines, read_plan

MOST_COLUMNS = 10  # trainings that have a column of their own in the table


def summarise(run: Run, parts: Sequence[Run], config: Config, progress: Progress, seconds: float = 0.0) -> None:
    """Write what the whole is worth: each measure over all predictions where the task has classes, else its mean over folds.

    ``seconds``: those of a training on all samples after the folds, which model.json tells of.
    """
    results: list[dict[str, Any]] = [read_json(part.result) for part in parts]
    first, repeats = results[0], config.data.repeats
    measures = summed_up(results, parts, config.data)
    facts = read_facts(run) if config.training.refit else None
    speeds = [
        r["images_per_second"] for r in results if r["images_per_second"] is not None
    ]  # a resumed fold may know none
    result = {
        **{key: first[key] for key in ("task", "model", "parameters", "classes", "precision", "data")},
        "taken": first.get("taken", []),
        "left_out": first.get("left_out", {}),
        "run": str(run.folder),
        "report": str(run.report),
        "folds": [str(part.folder) for part in parts],
        "repeats": repeats,
        "n": {
            "train": first["n"]["train"],
            "validation": first["n"]["validation"],
            "test": sum(r["n"]["test"] for r in results) // repeats,
        },
        "measures": {"test": measures},
        "history": {part.folder.name: r["history"] for part, r in zip(parts, results, strict=True) if r.get("history")},
        "per_class": {},
        **({"refit": facts["refit"]} if facts else {}),
        "seconds": sum(r["seconds"] for r in results) + seconds,
        "epochs": sum(r["epochs"] for r in results),
        "images_per_second": mean(speeds) if speeds else None,
    }
    more = [refit_section(facts)] if facts else []
    if config.data.leave_one_group_out:
        places = {place_of(part): each["measures"] for part, each in zip(parts, results, strict=True)}
        result["groups"] = {
            name: {"outside": m["test"], "inside": m.get("validation", {})} for name, m in places.items()
        }
        more.append(places_section(result["groups"], next(iter(measures))))
    curve = curve_of_folds(parts, measures, first["n"]["train"], config.data) if config.training.curve else None
    if curve is not None:
        result["curve"] = curve_result(curve)
        more.append(curve_section(curve))
        progress.say(f"  {in_words(curve)}")
    write_atomically(run.sections, sections_to_json([section(parts, results, measures, config), *more]))
    write_atomically(run.result, to_json(result))
    write_card(run)
    name, best = next(iter(measures.items()))
    progress.say(f"{title(name)} over {len(parts)} folds: {in_text(best)}; report: {run.report}", "bold")


def summed_up(results: Sequence[dict[str, Any]], parts: Sequence[Run], data: DataConfig) -> dict[str, dict[str, Any]]:
    """{measure: value, low, high, n, units, and its sd over the folds in which it is defined} of the test parts."""
    each = [r["measures"]["test"] for r in results]
    learned = mean(r["n"]["test"] / max(1, r["n"]["train"]) for r in results)
    names = [name for name in each[0] if all(name in one for one in each)]
    found = {name: over_folds(name, [one[name] for one in each], learned, data.repeats) for name in names}
    predictions = out_of_fold(parts)
    for name, measure in predictions.measures(data.split_seed).items() if predictions is not None else ():
        if name in found and found[name]["value"] is not None:
            found[name] |= asdict(measure)
    return found


def curve_of_folds(
    parts: Sequence[Run], measures: Mapping[str, dict[str, Any]], count: int, data: DataConfig
) -> Curve | None:
    """What the folds' networks reached that learned from 1/8, 1/4, 1/2 and all of ``count`` samples, each over all predictions."""
    name, sizes, found = next(iter(measures)), list[int](), list[Measure]()
    for share in SHARES:
        runs = [Run(part.folder / folder(share)) for part in parts]
        results = [read_json(run.result) for run in runs]
        sizes.append(round(mean(r["n"]["train"] for r in results)))
        found.append(stored_measure(summed_up(results, runs, data)[name]))
    every = (*found, stored_measure(measures[name]))
    return Curve(name, (*sizes, count), every) if all(math.isfinite(m.value) for m in every) else None


def over_folds(name: str, each: Sequence[dict[str, Any]], learned: float, repeats: int) -> dict[str, Any]:
    """A measure's mean over the folds in which it is defined (``folds``), its sd, and a 95 % interval of the mean.

    Trainings of several folds share samples, so that their mean varies by more than sd / √folds: Student's t with the
    variance of Nadeau and Bengio (2003), 1/folds + ``learned`` (test samples over training samples) times that of one fold,
    on the scale of measure ``name``: with few folds an interval of ± as much would often hold shares above 1.
    The R² of one sample, or the AUROC of a class that a fold does not test, is undefined: null.
    """
    known = [m for m in each if m["value"] is not None]
    values = [m["value"] for m in known]
    n = sum(m["n"] for m in known) // repeats
    found = {"value": None, "low": None, "high": None, "n": n, "sd": None, "folds": len(known)}
    if values:
        found["value"] = mean(values)
    if len(values) > 1 and stdev(values) <= 1e-12:  # all alike: that tells nothing of how far apart others would be
        found["sd"] = 0.0
    elif len(values) > 1:
        half = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) * (1 / len(values) + learned) ** 0.5
        low, high = around(mean(values), half, scale_of(name))
        found |= {"low": low, "high": high, "sd": stdev(values)}
    return found


def section(
    parts: Sequence[Run], results: Sequence[dict[str, Any]], measures: dict[str, dict[str, Any]], config: Config
) -> Section:
    """The measures of the whole and of each fold."""
    names = [part.folder.name for part in parts] if len(parts) <= MOST_COLUMNS else []
    rows = [
        (title(name), m["value"], bounds(m), m["sd"], m["folds"],
         *(r["measures"]["test"][name]["value"] for r in results if names))
        for name, m in measures.items()
    ]  # fmt: skip
    table = Table(("measure", "value", "95 % interval", "sd over folds", "folds", *names), tuple(rows))
    first = next(iter(measures))
    values = [r["measures"]["test"][first]["value"] for r in results]
    known = [(part.folder.name, value) for part, value in zip(parts, values, strict=True) if value is not None]
    bars = Bars(tuple(name for name, _ in known), tuple(value for _, value in known), title(first))
    unlike = [Text(f"{part.folder.name}: {line}") for part in parts for line in history_lines(read_plan(part))]
    repeats = config.data.repeats
    heading = f"{config.data.folds}-fold cross-validation"
    if config.data.leave_one_group_out:
        heading = f"{config.data.folds} groups, each left out in turn"
    times = f", repeated {repeats} times" if repeats > 1 else ""
    return Section(f"{heading}{times}", (Text(how(repeats)), table, bars, *unlike), "folds")


def how(repeats: int) -> str:
    """What the measures rest on, in words."""
    often = f"{repeats} times" if repeats > 1 else "once"
    more = ", and all predictions of one sample count as one" if repeats > 1 else ""
    return (
        f"Every sample is tested {often}, by a network that had not seen it{more}. Intervals of a classifier are over all "
        "predictions, with samples (or groups) as independent units, and 15 % wider, as the trainings share samples; those of "
        "the AUROC and of other tasks are Student's t over the folds, with the variance of Nadeau and Bengio (2003), of shares "
        "on the logit and of errors on the logarithm, so that none leaves the measure's range."
    )


def place_of(part: Run) -> str:
    """The group that a fold tests, where each fold has one."""
    splits = read_splits(part.splits_csv)
    return next(group for group, each in zip(splits.groups, splits.parts, strict=True) if each == "test")


def places_section(groups: Mapping[str, Mapping[str, Any]], name: str) -> Section:
    """What networks reach in a group that they never saw, beside new samples of the groups that they know.

    ``groups``: {group: {"outside": measures, "inside": measures}}; ``name``: the measure that is said first.
    """
    found = {
        group: (stored_measure(each["outside"][name]), stored_measure(each["inside"][name]))
        for group, each in groups.items()
        if name in each["inside"]
    }
    what = title(name)
    if not found:
        text = "No samples of the known groups were held out: --split 0.6 0.2 0.2 holds out a quarter of them."
        return Section("Leave-one-group-out", (Text(text),), "places")
    rows = tuple((g, o.value, o.interval, o.n, i.value, i.interval, i.n) for g, (o, i) in found.items())
    head = ("left out", f"{what} outside", "95 % interval", "n", f"{what} inside", "95 % interval", "n")
    drawn = tuple(m for o, i in found.values() for m in (o, i))
    labels = tuple(f"{group}, {side}" for group in found for side in ("outside", "inside"))
    text = (
        "Each row is a network trained without one group. Outside: on that group. Inside: on new samples of the training groups "
        "(the validation part, on which the epoch was chosen, too). Only outside says what to expect of a new group. "
        "Intervals are over samples; new groups may differ more than these do from each other."
    )
    return Section("Leave-one-group-out", (Text(text), Table(head, rows), Whiskers(labels, drawn, what)), "places")


def refit_section(facts: Mapping[str, Any]) -> Section:
    """What the report says of it. ``facts``: its model.json."""
    one = facts["refit"]
    length = f"for {one['epochs']} epochs, the median of the best epochs of the folds"
    length = length if one["epochs"] else "its last layer alone, as in most folds tuning more was no better"
    text = (
        f"After the folds, the network of this run was trained on all {one['samples']:,} samples, {length}. None is left to test "
        "it: the measures are those of the folds, whose networks were trained in the same way on fewer samples."
    )
    rows = [("samples", one["samples"]), ("epochs", one["epochs"])]
    rows += [("temperature, from the folds' test predictions", facts["temperature"])] if "temperature" in facts else []
    return Section("Final network", (Text(text), Table(("", "value"), tuple(rows))), "refit")


def bounds(m: dict[str, Any]) -> str:
    return (
        "too few for an interval" if m["low"] is None or m["low"] != m["low"] else f"{m['low']:.4f} to {m['high']:.4f}"
    )


def in_text(m: dict[str, Any]) -> str:
    """ "0.9123 (95 % interval 0.8912 to 0.9313; sd over folds 0.0100)"."""
    if m["value"] is None:
        return "undefined"
    spread = f"sd over folds {m['sd']:.4f}" if m["sd"] is not None else "of one fold"
    return f"{m['value']:.4f} (95 % interval {bounds(m)}; {spread})"
