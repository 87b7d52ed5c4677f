"""The sections on found boxes: what was missed, invented, mistaken and badly placed; counts; precision and recall."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from neocog.data.dataset import Array, Dataset
from neocog.data.preprocessing import Preprocessing
from neocog.metrics import title
from neocog.metrics.box_errors import INVENTED, KINDS, MISPLACED, TWICE, WRONG_CLASS, Errors
from neocog.metrics.counted_boxes import CLOSE, Compared
from neocog.metrics.detection import outcomes
from neocog.records import Curves, Item, Measure, Picture, Pictures, Scatter, Section, Series, Table, Text, Whiskers
from neocog.tasks.detection.pictures import FOUND, TRUE, WRONG, around, outlined, picture_of
from neocog.tasks.report.quality import cells, number, short

SIDE, SHOWN, WORST = 240, 6, 4  # pixels of a picture, pictures of a kind, whole images
MOST_POINTS = 200  # of a line
UNBOUNDED = ("count_error", "relative_count_error", "count_bias")  # lie beyond an axis of 0 … 1


def performance_section(
    measures: Mapping[str, Mapping[str, Measure]],
    each: Mapping[str, Mapping[str, Measure]],
    thresholds: Sequence[float],
) -> Section:
    """``measures`` by part, the test part's ``each`` by class."""
    test, other = measures["test"], [part for part in measures if part != "test"]
    rows = tuple(
        (title(name), *cells(m), *(short(measures[part].get(name)) for part in other)) for name, m in test.items()
    )
    shares = {name: m for name, m in test.items() if name not in UNBOUNDED}
    chosen = ", ".join(f"{name} {value:.2f}" for name, value in zip(each, thresholds, strict=True))
    note = (
        "Precision, recall, F1 and counts: boxes whose score reaches the threshold with the most even counts on the validation "
        f"part, among those whose F1 there is within {CLOSE:g} of the best"
    )
    names = ("ap50", "ap50_95", "precision", "recall", "f1", "count_error", "relative_count_error", "count_bias")
    by_class = tuple((name, *(short(row[key]) for key in names), cells(row["ap50"])[1]) for name, row in each.items())
    items: list[Item] = [
        Whiskers(tuple(map(title, shares)), tuple(shares.values()), "value and 95 % interval"),
        Table(("measure", "value", "95 % interval", "n", *other), rows, f"{note} ({chosen})."),
        Whiskers(tuple(each), tuple(row["ap50"] for row in each.values()), "AP50 of each class"),
        Table(("class", *map(title, names), "95 % interval of AP50"), by_class, "— : no such object, undefined."),
    ]
    return Section("Performance", tuple(items), "measures")


def baselines_section(own: Mapping[str, Measure], baselines: Mapping[str, Mapping[str, Any]]) -> Section:
    """The network beside what needs none, on the same images."""
    names = ("ap50", "ap50_95", "f1", "count_error", "relative_count_error")
    called = {"network": own} | {title(name): found["measures"] for name, found in baselines.items()}
    rows = tuple(
        (name, *(short(found[key]) for key in names), cells(found["ap50"])[1]) for name, found in called.items()
    )
    text = Text(
        "Boxes of the nearest training image: those of the training image that looks most similar, copied. A network that is no "
        "better has learned how many objects such images have, but not where they are."
    )
    heads = ("", *map(title, names), "95 % interval of AP50")
    return Section("Comparison with baselines", (text, Table(heads, rows)), "baselines")


def cases_section(
    dataset: Dataset, samples: Array, compared: Compared, errors: Errors, kept: Array, plan: Preprocessing
) -> Section:
    """Pictures: what was missed, invented, of a wrong class or badly placed; then the images with most errors, whole."""
    truth, found = compared.truth, compared.found

    def shown(image: int, corners: Array, boxes: list[Any], text: str) -> Picture:
        index = int(samples[image])
        picture = picture_of(dataset.images.read(index), plan)
        return Picture(_png(around(picture, corners, boxes, SIDE)), f"{text}\n{dataset.names[index]}", "bad")

    def missed(place: int) -> Picture:
        label = compared.classes[truth.label[place]]
        corners = truth.corners[place]
        return shown(int(truth.image[place]), corners, [(corners, TRUE)], f"missed: {label}")

    def wrong(place: int) -> Picture:
        text = f"{KINDS[errors.kinds[place]]}: {compared.classes[found.label[place]]} {found.score[place]:.2f}"
        boxes, partner = [(found.corners[place], WRONG)], int(errors.partners[place])
        if partner >= 0:
            boxes.insert(0, (truth.corners[partner], TRUE))
            text += f"; true class {compared.classes[truth.label[partner]]}"
        return shown(int(found.image[place]), found.corners[place], boxes, text)

    items: list[Item] = [
        Text(
            "Green: true box; orange: wrong detection; blue: correct detection. Wrong detections by score, missed objects by size."
        ),
        _kinds_table(compared, errors),
    ]
    areas = np.prod(truth.corners[:, 2:] - truth.corners[:, :2], axis=1)
    lost = np.flatnonzero(errors.missed)
    items += _pictures("Missed.", lost[np.argsort(-areas[lost], kind="stable")], missed)
    for kind in (INVENTED, WRONG_CLASS, MISPLACED, TWICE):
        own = np.flatnonzero(errors.kinds == kind)
        items += _pictures(f"{KINDS[kind].capitalize()}.", own[np.argsort(-found.score[own], kind="stable")], wrong)
    items += _worst(dataset, samples, compared, errors, kept, plan)
    return Section("Detection errors", tuple(items), "cases")


def _pictures(what: str, places: Array, shown: Callable[[int], Picture]) -> list[Item]:
    return [Pictures(tuple(shown(place) for place in places[:SHOWN].tolist()), what, large=True)] if len(places) else []


def _kinds_table(compared: Compared, errors: Errors) -> Table:
    """Counts of each kind by class."""
    rows = []
    for label, name in enumerate(compared.classes):
        kinds = np.bincount(errors.kinds[compared.found.label == label], minlength=len(KINDS))
        missed = int((errors.missed & (compared.truth.label == label)).sum())
        rows.append((name, int(compared.positives[:, label].sum()), *kinds[: len(KINDS)].tolist(), missed))
    note = "Correct: IoU of at least 0.5 with a true box of the class; poorly localised: at least 0.1; background: no object."
    return Table(("class", "true boxes", *KINDS, "missed"), tuple(rows), note)


def _worst(
    dataset: Dataset, samples: Array, compared: Compared, errors: Errors, kept: Array, plan: Preprocessing
) -> list[Item]:
    """Whole images with the most errors."""
    bad = (errors.kinds >= WRONG_CLASS) & (errors.kinds <= INVENTED)
    counts = np.bincount(compared.found.image[bad], minlength=compared.n)
    counts += np.bincount(compared.truth.image[errors.missed], minlength=compared.n)
    pictures = []
    for image in np.argsort(-counts, kind="stable")[:WORST].tolist():
        if not counts[image]:
            break
        stored = dataset.images.read(int(samples[image]))
        own, theirs = compared.found.image == image, compared.truth.image == image
        boxes = [(corners, TRUE) for corners in compared.truth.corners[theirs & errors.missed]]
        for chosen, colour in (((errors.kinds == 0) & own, FOUND), (bad & own, WRONG)):
            boxes += [(corners, colour) for corners in compared.found.corners[chosen]]
        times = min(1.0, 2 * SIDE / max(stored.shape[:2]))
        text = f"{counts[image]} errors, {int((own & kept).sum())} found\n{dataset.names[int(samples[image])]}"
        pictures.append(Picture(_png(outlined(picture_of(stored, plan), boxes, times)), text, "bad"))
    note = "Images with the most errors: green missed, orange wrong, blue correct."
    return [Pictures(tuple(pictures), note, large=True)] if pictures else []


def counts_section(
    compared: Compared,
    thresholds: Sequence[float],
    measures: Mapping[str, Measure],
    limits: Mapping[str, Sequence[float]],
) -> Section:
    """How many objects an image has, and how many were found."""
    found, true = compared.counted(thresholds), compared.positives
    names = tuple(name for name in compared.classes for _ in range(compared.n))
    low, high = limits["all"]
    text = (
        f"Counts are off by {measures['count_error'].value:.2f} objects per image on average "
        f"({measures['count_error'].interval}), {measures['relative_count_error'].value:.1%} of the true ones. Bias: "
        f"{measures['count_bias'].value:+.2f}; in 95 of 100 images the difference lies between {low:+.1f} and {high:+.1f} "
        "(limits of agreement, Bland & Altman 1986)."
    )
    rows = tuple((name, *map(number, limits.get(name, ()))) for name in compared.classes)
    points = Scatter(
        "true boxes per image", "detected boxes", tuple(true.T.reshape(-1).astype(float).tolist()),
        tuple(found.T.reshape(-1).astype(float).tolist()), "diagonal", "One point per image and class.", groups=names,
    )  # fmt: skip
    return Section(
        "Counts", (Text(text), points, Table(("class", "from", "to"), rows, "Limits of agreement.")), "counts"
    )


def precision_section(compared: Compared) -> Section:
    """Precision over recall of each class, as the threshold falls."""
    lines = []
    hits, order = outcomes(compared.matched)[:, 0], np.argsort(-compared.found.score, kind="stable")
    for label, name in enumerate(compared.classes):
        own, total = hits[order[compared.found.label[order] == label]], int(compared.positives[:, label].sum())
        own = own[own >= 0]
        if not len(own) or not total:
            continue
        right = np.cumsum(own == 1)
        shown = np.unique(np.linspace(0, len(own) - 1, min(len(own), MOST_POINTS)).astype(int))
        recall, precision = right[shown] / total, right[shown] / (shown + 1)
        lines.append(Series(name, tuple(recall.tolist()), tuple(precision.tolist())))
    text = Text("The area under each curve is approximately its average precision (AP50).")
    return Section("Precision and recall", (text, Curves("recall", "precision", tuple(lines))), "precision")


def _png(picture: Array) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
