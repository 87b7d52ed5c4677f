"""What part ``adversarial`` says: the curve, the smallest changes, what survives saving, pictures, and its verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neocog.attacks.ball import Norm
from neocog.metrics import lower_is_better, title
from neocog.metrics.intervals import proportion_measure, share_measure
from neocog.records import Curves, Item, Measure, Picture, Pictures, Section, Series, Table, Text
from neocog.robustness.adversarial_sizes import limit, percent, size
from neocog.robustness.masked import SIGNS
from neocog.robustness.outcome import Outcome, Verdict, bounds, shown
from neocog.robustness.thresholds import graded, usual

SEEN = usual()["masked_gradients"].passed  # share of the images, from which on a sign of masked gradients counts
TITLE = "Adversarial robustness"
NORMS: dict[Norm, str] = {"linf": "L∞ norm of the perturbation [1/255]", "l2": "L2 norm of the perturbation"}
SMALLEST = {
    "apgd": "Auto-PGD with bisection",
    "fmn": "FMN (Pintor et al. 2021)",
    "deepfool": "DeepFool (Moosavi-Dezfooli et al. 2016)",
}
Row = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Example:
    """An image that was turned: PNGs of it, its change and the changed one; what is answered to it, changed, and saved."""

    name: str
    pngs: Sequence[str]
    before: tuple[str, float]
    after: tuple[str, float]
    saved: tuple[str, float]
    radius: float


@dataclass(frozen=True)
class Found:
    """Of a classifier. ``by_attack``: of each image the size of the smallest change that turned it, by each of ``SMALLEST``;
    0: it was wrong, None: none was found.

    ``saved``, ``towards``, ``signs``, ``standard``: counts of images by name; {} where they were not tried.
    """

    norm: Norm
    epsilon: float
    radii: Sequence[float]
    by_attack: Mapping[str, Sequence[float | None]]
    groups: Sequence[str] | None
    saved: Mapping[str, int]
    target: str
    towards: Mapping[str, int]
    aimed_at: float
    signs: Mapping[str, int]
    standard: Mapping[str, int]
    classes: int
    low: float
    high: float
    bits: int  # of a stored pixel; 0: a float
    seed: int

    @property
    def smallest(self) -> list[float | None]:
        """Of each image the smallest change that any attack found."""
        sizes = zip(*self.by_attack.values(), strict=True)
        return [min((size for size in each if size is not None), default=None) for each in sizes]

    def accuracy(self, radius: float) -> Measure:
        """The share of answers that are right and that no attack within the radius turned."""
        held = np.array([each is None or each > radius for each in self.smallest])
        return share_measure(held, self.groups, self.seed)

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Of the smallest changes of images that are answered rightly; inf where none was found for so many."""
        return quartiles(self.smallest)

    @property
    def kept(self) -> float:
        clean = self.accuracy(0).value
        return self.accuracy(self.epsilon).value / clean if clean > 0 else math.nan

    def signs_seen(self) -> list[str]:
        n = self.signs.get("n", 0)
        return [name for name in SIGNS if n and self.signs.get(name, 0) > SEEN * n]


def quartiles(sizes: Sequence[float | None]) -> tuple[float, float, float]:
    """Of those above 0; None stands for more than was tried.

    >>> quartiles([0, 1, 2, 3, None])
    (1, 2, 3)
    """
    right = sorted(math.inf if each is None else each for each in sizes if each != 0)
    if not right:
        return math.nan, math.nan, math.nan
    first, middle, third = (right[math.ceil(share * len(right)) - 1] for share in (0.25, 0.5, 0.75))
    return first, middle, third


def tables(found: Found) -> dict[str, Table]:
    """``adversarial``: the curve; the others by what they count."""
    curve = [(found.norm, radius, *_numbers(found.accuracy(radius))) for radius in (0.0, *found.radii)]
    made = {"adversarial": Table(("norm", "epsilon", "accuracy", "low", "high", "n"), tuple(curve))}
    heads = ("attack", "norm", "first_quartile", "median", "third_quartile", "n", "not_found")
    sizes = {
        "smallest of the three": found.smallest,
        **{SMALLEST[name]: each for name, each in found.by_attack.items()},
    }
    made["adversarial_smallest"] = Table(heads, tuple((name, found.norm, *_spread(of)) for name, of in sizes.items()))
    if found.saved:
        made["adversarial_saved"] = Table(("epsilon", "turned", "turned_when_saved", "n"), _saved(found))
    if found.towards:
        share = _numbers(proportion_measure(found.towards["turned"], found.towards["n"]))
        line: Row = (found.target, found.aimed_at, *share, found.towards["turned"], found.towards["saved"])
        columns = ("target", "epsilon", "share", "low", "high", "n", "turned", "turned_when_saved")
        made["adversarial_target"] = Table(columns, (line,))
    if found.signs:
        signs: list[Row] = [(SIGNS[name], found.signs[name], found.signs["n"]) for name in SIGNS if name in found.signs]
        made["adversarial_signs"] = Table(("sign", "images", "n"), tuple(signs))
    if found.standard:
        steps: list[Row] = [(name, count, found.standard["n"]) for name, count in found.standard.items() if name != "n"]
        made["adversarial_autoattack"] = Table(("attack", "right", "n"), tuple(steps))
    return made


def _spread(sizes: Sequence[float | None]) -> Row:
    """Quartiles, of how many, and for how many none was found."""
    ends = (each if math.isfinite(each) else None for each in quartiles(sizes))
    return *ends, sum(each != 0 for each in sizes), sum(each is None for each in sizes)


def _numbers(m: Measure) -> Row:
    return m.value, *bounds(m), m.n


def _saved(found: Found) -> tuple[Row, ...]:
    radii = [name.removeprefix("turned ") for name in found.saved if name.startswith("turned ")]
    return tuple((float(r), found.saved[f"turned {r}"], found.saved[f"saved {r}"], found.saved["right"]) for r in radii)


def sections(found: Found, examples: Sequence[Example]) -> tuple[Section, ...]:
    items: list[Item] = [Text(_summary(found)), _curve(found)]
    for example in examples:
        items.append(_shown(found, example))
    made = tables(found)
    heads = {
        "adversarial_smallest": "Smallest perturbation that makes each correct prediction wrong, by attack.",
        "adversarial_saved": "Perturbed images rounded to the stored pixel type, as in a saved file, and predicted again.",
        "adversarial_autoattack": f"AutoAttack (standard) at {size(found.epsilon, found.norm)}: still correct after each attack.",
        "adversarial_signs": "Signs of masked gradients, which would make the robustness look too good; each should be near 0.",
    }
    for name, note in heads.items():
        if name in made:
            items.append(Table(tuple(head.replace("_", " ") for head in made[name].columns), made[name].rows, note))
    return (Section(f"Stress: {TITLE.lower()}", tuple(items), "stress-adversarial"),)


def _summary(found: Found) -> str:
    at, aim = size(found.epsilon, found.norm), size(found.aimed_at, found.norm)
    towards = found.towards
    lines = [
        f"{percent(found.accuracy(0))} of {len(found.smallest):,} images are classified correctly without an attack, and "
        f"{percent(found.accuracy(found.epsilon))} under the strongest perturbation found of at most {at}.",
        _half(found),
        f"Of {towards['n']:,} images of other classes, {towards['turned']:,} are classified as {found.target} when perturbed by "
        f"at most {aim}" + (f", {towards['saved']:,} once saved as a file." if found.bits else ".")
        if towards
        else "",
        f"Sizes are fractions of the range from black ({found.low:g}) to white ({found.high:g}), at the network's input size. "
        "Each is the smallest perturbation that Auto-PGD (Croce & Hein 2020), FMN or DeepFool found through the run's own "
        "preprocessing: an upper bound, as another attack may find a smaller one.",
        f"With {found.classes} classes AutoAttack's loss is not defined: "
        + (
            "the difference of the two logits is used instead."
            if found.classes == 2
            else "the first logit minus the third is used as its denominator."
        )
        if found.classes < 4
        else "",
        "" if found.bits else "Pixels are stored as floats, so saving loses nothing of a perturbation.",
    ]
    return " ".join(line for line in lines if line)


def _half(found: Found) -> str:
    """The smallest changes, in words."""
    first, middle, third = (size(each, found.norm) for each in found.quartiles)
    if math.isnan(found.quartiles[1]):
        return ""
    if math.isinf(found.quartiles[1]):
        return f"Perturbations of up to {size(found.radii[-1], found.norm)} make fewer than half of the correct predictions wrong."
    return f"A perturbation of at most {middle} makes half of the correct predictions wrong (quartiles: {first} and {third})."


def _curve(found: Found) -> Curves:
    measures = [found.accuracy(radius) for radius in (0.0, *found.radii)]
    scale = 255 if found.norm == "linf" else 1
    x = tuple(scale * radius for radius in (0.0, *found.radii))
    series = Series(
        "under attack",
        x,
        tuple(m.value for m in measures),
        tuple(m.low for m in measures),
        tuple(m.high for m in measures),
    )
    return Curves(NORMS[found.norm], "accuracy", (series,), note="Band: 95 % intervals.")


def _shown(found: Found, example: Example) -> Pictures:
    (before, sure), (after, sure_after), (saved, _) = example.before, example.after, example.saved
    captions = f"{before} {sure:.1%}", "perturbation × 20", f"{after} {sure_after:.1%}"
    tones = ("good", "", "bad")
    pictures = [Picture(png, text, tone) for png, text, tone in zip(example.pngs, captions, tones, strict=True)]  # type: ignore[arg-type]
    kept = f" Saved with {found.bits} bits: predicted {saved}." if found.bits else ""
    note = f"{example.name}, perturbed by at most {size(example.radius, found.norm)}.{kept}"
    return Pictures(tuple(pictures), note)


def verdicts(found: Found) -> tuple[Verdict, ...]:
    """How much of the accuracy is kept; and whether the attack can be trusted, without which nothing passes: neither beside
    signs that it cannot, nor before they were searched for."""
    at, seen = limit(found.epsilon, found.norm), found.signs_seen()
    clean, robust = found.accuracy(0), found.accuracy(found.epsilon)
    without = f"{percent(clean)} without, on {clean.counted('images')}"
    sentence = f"Accuracy is {percent(robust)} under perturbations of at most {at}, {without}."
    sentence += " There are signs of masked gradients." if seen else ""
    sentence += "" if found.signs else " Signs of masked gradients were not searched for."
    made = [
        graded(TITLE, "adversarial", found.kept, sentence, best="doubtful" if seen or not found.signs else "passed")
    ]
    if found.signs:
        n = found.signs["n"]
        worst = max((found.signs.get(name, 0) for name in SIGNS), default=0) / n if n else math.nan
        signs = "; ".join(f"{SIGNS[name]} ({found.signs[name]} of {n} images)" for name in seen)
        words = (
            f"Signs of masked gradients: {signs}."
            if seen
            else f"None of {len(found.signs) - 1} signs of masked gradients in {n} images."
        )
        made.append(graded("Masked gradients", "masked_gradients", worst, words))
    return tuple(made)


@dataclass(frozen=True)
class Errors:
    """Of masks, boxes or values: ``values`` by radius, 0: unchanged."""

    measure: str
    norm: Norm
    epsilon: float
    values: Mapping[float, Measure]
    n: int
    steps: int
    large: int = 0  # images that were left out


def error_outcome(found: Errors) -> Outcome:
    """The curve, its table, and a verdict at ``epsilon``."""
    rows: list[Row] = [(found.norm, radius, found.measure, *_numbers(m)) for radius, m in found.values.items()]
    table = Table(("norm", "epsilon", "measure", "value", "low", "high", "n"), tuple(rows))
    scale, measures = 255 if found.norm == "linf" else 1, list(found.values.values())
    x = tuple(scale * radius for radius in found.values)
    band = tuple(m.low for m in measures), tuple(m.high for m in measures)
    series = Series("under attack", x, tuple(m.value for m in measures), *band)
    curve = Curves(NORMS[found.norm], title(found.measure), (series,), note="Band: 95 % intervals.")
    clean = found.values[0.0]
    text = (
        f"{title(found.measure)} on {found.n:,} samples, whose images {found.steps} steps of Auto-PGD change to maximise the "
        "loss, through the run's own preprocessing."
    )
    if found.large:
        text += f" Images that are too large to be predicted in one piece are left out: {found.large:,}."
    section = Section(f"Stress: {TITLE.lower()}", (Text(text), curve), "stress-adversarial")
    if found.epsilon not in found.values:
        return Outcome({"adversarial": table}, (section,))
    robust = found.values[found.epsilon]
    better, worse = (clean, robust) if not lower_is_better(found.measure) else (robust, clean)
    kept = worse.value / better.value if better.value > 0 else math.nan
    at, name = limit(found.epsilon, found.norm), title(found.measure)
    values = f"{shown(found.measure, robust)} instead of {shown(found.measure, clean)}"
    sentence = f"Under perturbations of at most {at}, {name} is {values} on {clean.counted('samples')}."
    return Outcome({"adversarial": table}, (section,), (graded(TITLE, "adversarial", kept, sentence),))
