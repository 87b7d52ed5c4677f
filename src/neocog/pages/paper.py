"""What a run gives for its paper: the methods in sentences, and the items of reporting checklists that it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from neocog.metrics import title
from neocog.pages.record import Record, table
from neocog.pages.verdict import INSIDE, SIZE, Line
from neocog.records import Section, Table, Text
from neocog.robustness.outcome import shown
from neocog.robustness.thresholds import to_toml

SOURCES = (
    "Items that this run answers; the others are up to the authors. CLAIM: Tejani et al. 2024. TRIPOD+AI: Collins et al. 2024. "
    "REFORMS: Kapoor et al. 2024; its items without a number here are named by their content."
)


@dataclass(frozen=True)
class Asked:
    """An item of a checklist, answered where ``holds`` of a run and of the names of its report's sections. ``item``: its number;
    "" where that could not be checked against the list itself."""

    checklist: str
    item: str
    what: str
    answer: str
    holds: Callable[[Record, set[str]], bool]


def _in(*names: str) -> Callable[[Record, set[str]], bool]:
    return lambda record, sections: bool(sections & set(names))


def _sure(record: Record, sections: set[str]) -> bool:
    return math.isfinite(next(iter(record.measures["test"].values())).low)


def _chosen(record: Record, sections: set[str]) -> bool:
    return "training" in sections and bool((record.result.get("n") or {}).get("validation"))


def _stressed(record: Record, sections: set[str]) -> bool:
    return any(verdict.grade != "not tried" for found in record.stress.values() for verdict in found.verdicts)


def _kept(record: Record, sections: set[str]) -> bool:
    return record.run.weights.is_file()


def _settled(record: Record, sections: set[str]) -> bool:
    return bool(record.settings)


SETTINGS = {"optimizer": "{}", "lr": "peak learning rate {}", "batch": "batches of {}", "seed": "seed {}"}
CLAIM, TRIPOD, REFORMS = "CLAIM 2024", "TRIPOD+AI", "REFORMS"
GROUPS = ("places", "stress-groups")
CHECKLISTS: tuple[Asked, ...] = (
    Asked(CLAIM, "9", "preprocessing", "Settings: size, fit, channels, scaling", _settled),
    Asked(CLAIM, "19", "how data were assigned to partitions", "Data; splits.csv has the part of each sample", _in("data")),
    Asked(CLAIM, "20", "level at which partitions are disjoint", "Data: groups and copies across the parts", _in("data")),
    Asked(CLAIM, "22", "description of the model", "Network: every layer", _in("network")),
    Asked(CLAIM, "23", "software", "Reproducibility: versions", _in("environment")),
    Asked(CLAIM, "24", "initialisation of the parameters", "Pretrained weights", _in("pretrained")),
    Asked(CLAIM, "25", "training", "Training; Settings", _in("training")),
    Asked(CLAIM, "26", "how the final model was selected", "Training: the best epoch of the validation part", _chosen),
    Asked(CLAIM, "28", "metrics of performance", "Performance", _in("measures", "folds")),
    Asked(CLAIM, "29", "measures of uncertainty", "Performance: 95 % intervals", _sure),
    Asked(CLAIM, "30", "robustness or sensitivity", "Stress", _stressed),
    Asked(CLAIM, "32", "evaluation on internal data", "Performance on the test part", _in("measures", "folds")),
    Asked(CLAIM, "37", "performance with its uncertainty", "Performance: values and 95 % intervals", _sure),
    Asked(TRIPOD, "12a", "how the data were used and split", "Data; splits.csv", _in("data")),
    Asked(TRIPOD, "12d", "how differences between clusters were quantified", "Leave-one-group-out; Stress: groups", _in(*GROUPS)),
    Asked(TRIPOD, "12e", "measures and plots", "Performance; Calibration", _in("measures")),
    Asked(TRIPOD, "15", "output of the model", "Calibration: probabilities of the classes", _in("calibration")),
    Asked(TRIPOD, "21", "numbers in each analysis", "Data: samples of each class in each part", _in("data")),
    Asked(TRIPOD, "22", "the full model", "weights.safetensors and model.json, for neocog predict", _kept),
    Asked(TRIPOD, "23a", "performance with intervals, of subgroups too", "Performance; Stress: groups", _in("stress-groups")),
    Asked(TRIPOD, "23b", "differences of performance between clusters", "Leave-one-group-out; Stress: groups", _in(*GROUPS)),
    Asked(REFORMS, "2c", "computing infrastructure", "Reproducibility: processor, memory, versions", _in("environment")),
    Asked(REFORMS, "", "sample size and frequencies of the outcome", "Data: samples of each class in each part", _in("data")),
    Asked(REFORMS, "", "transformations from raw data to the model", "Settings: size, fit, channels, scaling", _settled),
    Asked(REFORMS, "", "how the model was evaluated", "Data: the parts; or the folds", _in("data", "folds")),
    Asked(REFORMS, "", "how the model was selected", "Training: the best epoch of the validation part", _chosen),
    Asked(REFORMS, "", "duplicates and dependencies across parts", "Data: checks for copies and shared groups", _in("data")),
    Asked(REFORMS, "7b", "uncertainty and how it is computed", "Performance: 95 % intervals", _sure),
)  # fmt: skip


def answered(record: Record) -> list[tuple[str, str, str, str]]:
    """(checklist, item, what it asks, where the answer stands) of each item that the run answers."""
    sections = {section.name for section in record.sections}
    sections |= {section.name for found in record.stress.values() for section in found.sections}
    return [(each.checklist, each.item, each.what, each.answer) for each in CHECKLISTS if each.holds(record, sections)]


def methods(record: Record, card: Sequence[Line]) -> str:
    """Sentences for the methods section, of what was done, measured, tried and not tried."""
    return " ".join((*_trained(record), *_tested(record), *_tried(card)))


def _trained(record: Record) -> Iterator[str]:
    result, training = record.result, table(record.settings, "training")
    version = table(record.environment, "versions").get("neocog", "")
    weights = str(table(record.settings, "transfer").get("pretrained", ""))
    size = f", {result['parameters']:,} parameters" if result.get("parameters") else ""
    begun = f", starting from the weights {PurePath(weights).name}," if weights else ""
    settings = ", ".join(words.format(training[name]) for name, words in SETTINGS.items() if name in training)
    epochs = f" for {result['epochs']:,} epochs" if result.get("epochs") and "folds" not in result else ""
    how = f" ({settings})" if settings else ""
    yield f"A network ({result.get('model', '')}{size}){begun} was trained with neocog {version}{epochs}{how}."


def _tested(record: Record) -> Iterator[str]:
    counts, (name, m) = record.result.get("n") or {}, next(iter(record.measures["test"].items()))
    folds = record.result.get("folds")
    if folds:
        yield f"In {len(folds)} trainings, each sample was tested at least once by a network that had not seen it."
    elif counts:
        chose = (
            f"; {counts['validation']:,} others were used for model selection and calibration"
            if counts.get("validation")
            else ""
        )
        yield f"It was trained on {counts.get('train', 0):,} samples{chose}."
    what, over = title(name), "groups" if m.units is not None else "samples"
    sure = f", with a 95 % interval over {over}" if math.isfinite(m.low) else ", too few for an interval"
    yield f"On {m.counted('test samples')}, which were not used for any choice, {what} was {shown(name, m)}{sure}."


def _tried(card: Sequence[Line]) -> Iterator[str]:
    lines = [line for line in card if line.verdict.grade != "not tried"]
    tried = [line.verdict for line in lines]
    for line, each in zip(lines, tried, strict=True):
        if each.what != SIZE and not each.what.startswith(INSIDE):  # which the sentence before says
            how = f"; {line.flags}" if line.flags else ""
            yield f"{each.sentence.rstrip('.')} ({each.what.lower()}: {each.grade}{how})."
    known = {each.what for each in tried}
    others = dict.fromkeys(line.verdict.what for line in card if line.verdict.grade == "not tried")
    partly = [what for what in others if what in known]
    without = [what for what in others if what not in known and not what.startswith(INSIDE)]
    for how, which in (("Tried in part", partly), ("Not tried", without)):
        if which:
            yield f"{how}: {', '.join(which)}."


def section(record: Record, card: Sequence[Line]) -> Section:
    """Methods, checklists, and the thresholds by which the card is graded."""
    rows = tuple(answered(record))
    return Section(
        "For the paper",
        (
            Text("Draft of a methods section, to be shortened:"),
            Text(methods(record, card), code=True),
            Table(("checklist", "item", "what it asks", "answered by"), rows, SOURCES),
            Text("Thresholds of the verdicts at the top; `neocog stress RUN --thresholds FILE` sets others:"),
            Text(to_toml(record.thresholds), code=True),
        ),
        "paper",
    )
