"""The two verdicts: whether the network goes by a shortcut, and whether the test part is clean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neocog.errors import listed
from neocog.metrics import title
from neocog.metrics.stored import stored_measure
from neocog.robustness.outcome import Grade, Verdict, shown
from neocog.robustness.shortcuts.charge import ACCUSED, LEAKY, SURE, WHAT, Charge, Found, Leaks
from neocog.robustness.shortcuts.leaks import KINDS


def verdicts(found: Found, parts: NDArray[np.str_]) -> tuple[Verdict, ...]:
    """Of the court none where there was no time for it, which the verb says of every part."""
    late = not found.reason and found.accuracy is None
    leaks = _leak_verdict(found.leaks, parts)
    return (leaks,) if late else (_court_verdict(found), leaks)


def _court_verdict(found: Found) -> Verdict:
    if not found.charges:
        return Verdict("Shortcuts", "not tried", found.reason or "Each class has too few samples or groups.")
    accused = [each for each in found.named if each.accused]
    doubts = [each for each in found.named if each.doubtful]
    left = [each.name for each in found.named if each.conclusion == "not tried"]
    if left and not accused:
        words = f"{listed(left, 3)} alone predicts the label; whether the network relies on that was not tested."
        return Verdict("Shortcuts", "doubtful", words, math.nan, ACCUSED)
    followed = [each.followed["follows"].value for each in found.charges if each.followed is not None]
    grade: Grade = "failed" if accused else "doubtful" if doubts or found.blind else "passed"
    return Verdict("Shortcuts", grade, _sentence(accused, doubts, found), max(followed, default=math.nan), ACCUSED)


def _sentence(accused: Sequence[Charge], doubts: Sequence[Charge], found: Found) -> str:
    if accused:
        first = accused[0]
        assert first.followed is not None
        more = f"; likewise {listed([each.name for each in accused[1:]])}" if len(accused) > 1 else ""
        return (
            f"The network relies on {first.name} ({WHAT[first.name]}): this alone predicts the label with an accuracy of "
            f"{shown('accuracy', first.accuracy)}, and swapping it flips {shown('accuracy', first.followed['follows'])} of the "
            f"predictions{more}."
        )
    if doubts:
        cues = [f"{each.name} ({shown('accuracy', each.accuracy)}; {each.conclusion})" for each in doubts]
        return f"The label can be predicted without the object, from {listed(cues, 3)}."
    if found.named:
        cue = found.named[0].name
        many = found.charges[0].accuracy.counted("samples")
        words = f"The best predictor of the label besides the object is {cue} (tested on {many})"
        return f"{words}; the network relies on no cue that was tested."
    if found.blind:
        return found.blind
    far = "far " if any(each.above for each in found.charges) else ""
    tested = f"{len(found.charges)} cues that were tested on {found.charges[0].accuracy.counted('samples')}"
    return f"None of the {tested} predicts the label {far}better than chance."


def _leak_verdict(leaks: Leaks, parts: NDArray[np.str_]) -> Verdict:
    """By the test samples that repeat others; near copies, films and moments, which may be chance, are doubtful at most."""
    if "copies" not in leaks.tried:
        return Verdict("Leaks", "not tried", "There was no time to compare the samples.")
    n, tested = leaks.sizes["test"], {kind: leaks.of_test(kind, parts) for kind in leaks.pairs}
    every, sure = set().union(*tested.values()), set().union(*(tested.get(kind, ()) for kind in SURE))
    grade: Grade = "failed" if len(sure) > LEAKY * n else "doubtful" if every else "passed"
    if not every:
        sentence = f"None of the {n:,} test samples repeats one of an earlier part: no copy, near copy, shared group or film frame."
        return Verdict("Leaks", grade, sentence, 0.0, LEAKY)
    kinds = listed([f"{len(found):,} {KINDS[kind].split(':')[0]}" for kind, found in tested.items() if found], 5)
    sentence = f"{len(every):,} of {n:,} test samples repeat one of an earlier part: {kinds}."
    return Verdict("Leaks", grade, " ".join([sentence, *clean_measure(leaks)]), len(every) / n, LEAKY)


def clean_measure(leaks: Leaks) -> list[str]:
    """What the test part is worth without the samples that leak."""
    if not leaks.measure:
        return []
    name, every, rest = leaks.measure["name"], *(stored_measure(leaks.measure[key]) for key in ("all", "rest"))
    return [
        f"{title(name).capitalize()} is {shown(name, every)} on the whole test part, and {shown(name, rest)} on its "
        f"{rest.counted('samples')} that repeat nothing."
    ]
