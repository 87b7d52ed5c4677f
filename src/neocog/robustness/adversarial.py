"""Part ``adversarial``: the smallest changes of stored pixels that make answers wrong, and whether these figures can be believed.

Blocks of a few images in an order drawn by lot are the pieces, so that a short time means fewer images, each with all of its
figures. What is measured is an upper bound: a better attack could turn more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neocog.checked import read
from neocog.errors import UserError, did_you_mean, listed, raise_all
from neocog.robustness.adversarial_errors import of_errors
from neocog.robustness.adversarial_report import SMALLEST, Found, sections, tables, verdicts
from neocog.robustness.adversarial_universal import for_all
from neocog.robustness.attacked import RADII, Attacked, asked
from neocog.robustness.clock import Clock
from neocog.robustness.outcome import Outcome
from neocog.robustness.subject import Subject
from neocog.traits import needs, traits

FIRST = 2  # blocks that come before all others, of each kind of figure
SIGNS = 100  # images at most that are searched for signs of masked gradients


def check(subject: Subject) -> None:
    raise_all(_faults(subject))


def _faults(subject: Subject) -> list[UserError]:
    task, options, where = subject.predictor.task, subject.options, str(subject.run.folder)
    found = []
    if subject.dataset.form == "sequences":
        what = "a sequence cannot be asked for small changes: a letter is another or it is not"
        found.append(UserError(what, where, "leave the part out"))
    elif not traits(task).attacked:
        what = f"attacks are not for --task {task}: its answers are not held against a truth"
        found.append(UserError(what, where, "leave the part out"))
    if needs(task) == "classes" and len(subject.predictor.classes) < 2:
        found.append(UserError("with one class there is no other answer", where, "leave the part out"))
    norm, epsilon = options.get("norm", "linf"), options.get("epsilon")
    if norm not in RADII:
        found.append(UserError(f"--norm {norm} is not one of linf, l2", fix="linf: the largest change of a pixel"))
    elif epsilon is not None:
        most = (
            1.0
            if norm == "linf"
            else float(np.prod((subject.preprocessing.channels, *subject.preprocessing.size)) ** 0.5)
        )
        if not 0 < read("epsilon", epsilon, float) <= most:
            what = f"--epsilon {epsilon} is not above 0 and at most {most:g}, the whole range from black to white"
            found.append(UserError(what, fix="such as --epsilon 8/255"))
    target = options.get("target")
    if target is not None and needs(task) != "classes":
        found.append(UserError(f"--target {target}: --task {task} answers with no class", fix="leave it out"))
    elif target is not None and target not in subject.predictor.classes:
        classes = subject.predictor.classes
        fix = f"{did_you_mean(target, classes)}it knows {listed(classes, 30)}"
        found.append(UserError(f"--target {target} is not a class of this run", where, fix))
    if options.get("autoattack") and needs(task) != "classes":
        found.append(UserError(f"--autoattack: --task {task} answers with no class", fix="leave it out"))
    return found


def run(subject: Subject, clock: Clock) -> Outcome:
    if needs(subject.predictor.task) != "classes":
        return of_errors(subject, clock, *asked(subject))
    attacked = Attacked(subject)
    kinds: dict[str, Callable[[str], Any]] = {"smallest changes": attacked.smallest}
    if subject.preprocessing.dtype != "float32":
        kinds["saved as files"] = attacked.saved
    if "target" in subject.options:
        kinds["towards the target"] = attacked.towards
    kinds["signs of masked gradients"] = attacked.signs
    if subject.options.get("autoattack"):
        kinds["AutoAttack"] = attacked.standard
    found: dict[str, Mapping[str, Any]] = {}
    for most in (FIRST, len(attacked.blocks)):
        for kind, compute in kinds.items():
            names = list(attacked.blocks)[:most]
            if kind == "signs of masked gradients":
                names = [name for name in names if attacked.end(name) <= max(SIGNS, attacked.size)]
            found[kind] = clock.pieces(kind, names, compute)
    groups = subject.dataset.groups
    result = Found(
        norm=attacked.norm,
        epsilon=attacked.epsilon,
        radii=sorted({*RADII[attacked.norm], attacked.epsilon}),
        by_attack={
            attack: [size for each in found["smallest changes"].values() for size in each[attack]]
            for attack in SMALLEST
        },
        groups=None
        if groups is None
        else [str(groups[i]) for b in found["smallest changes"] for i in attacked.blocks[b]],
        saved=_summed(found.get("saved as files", {})),
        target=subject.options.get("target", ""),
        towards=_summed(found.get("towards the target", {})),
        aimed_at=attacked.aimed_at,
        signs=_summed(found["signs of masked gradients"]),
        standard=_summed(found.get("AutoAttack", {})),
        classes=len(subject.predictor.classes),
        low=subject.preprocessing.low,
        high=subject.preprocessing.high,
        bits=_bits(subject.preprocessing.dtype),
        seed=subject.seed,
    )
    if not result.smallest:
        return Outcome()
    universal, items = for_all(attacked, clock)
    (section,) = sections(result, attacked.examples(found))
    section = replace(section, items=(*section.items, *items))
    return Outcome(tables(result) | universal, (section,), verdicts(result))


def _bits(dtype: str) -> int:
    """Of a stored pixel; 0: it is no whole number."""
    return {"uint8": 8, "uint16": 16}.get(dtype, 0)


def _summed(blocks: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Counts of blocks, added up."""
    names = dict.fromkeys(name for block in blocks.values() for name in block)
    return {name: sum(block[name] for block in blocks.values()) for name in names}
