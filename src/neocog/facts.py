"""model.json as it is read: what ``predict`` must know beside the weights, each of the type that it was written with."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neocog.documents import RESTORE, Fields, read_json
from neocog.errors import UserError, printable
from neocog.run import Run, to_json
from neocog.traits import TASKS, traits
from neocog.typed import typed

Texts = tuple[str, ...]
Numbers = tuple[float, ...]
Three = tuple[float, float, float]

# By name; what a name has below it is a table of its own. A task adds the types of what it keeps.
TYPES: dict[str, Any] = {
    "packages": {"task": str, "model": str},
    "task": str, "model": str, "options": {}, "task_options": {}, "classes": Texts, "target_names": Texts,
    "parameters": int, "outputs": int, "sha256": str, "threads": int, "preprocessing": {}, "weights": {"bytes": int, "sha256": str},
    "views": {"count": int, "mirror": bool}, "temperature": float, "offsets": Numbers,
    "refit": {"folds": int, "repeats": int, "samples": int, "epochs": int, "measure": str, "n": int, "value": float, "low": float,
              "high": float}, "mean": Numbers, "std": Numbers,
    "seen": {"low": Three, "high": Three, "peak": Three, "sides": tuple[Three, ...], "channels": tuple[int, ...],
             "spacing": tuple[Three, ...]},
}  # fmt: skip
RENAMED = {"quantities": "target_names", "none_below": "rejection_threshold"}  # what older runs call it: its name today
SEAL = "sha256"
NEEDED = ("task", "model", "options", "classes", "preprocessing", "weights")


def sealed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The content of model.json with the SHA-256 of all of it, by which ``read_facts`` tells what was edited since."""
    plain = json.loads(to_json({name: value for name, value in facts.items() if name != SEAL}))
    return {**plain, SEAL: hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()}


def with_older_names(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result with what was renamed under its older name too, by which scripts may ask for it."""
    return {**result, **{before: result[name] for before, name in RENAMED.items() if name in result}}


def read_facts(run: Run) -> Fields:
    """The content of model.json. Raises UserError where anything in it is not what was written there.

    Runs that were trained before there was a seal have none, and are taken as they are.
    """
    found, where = read_json(run.model_json), str(run.model_json)
    edited = SEAL in found and sealed(found)[SEAL] != found[SEAL]
    for before, name in RENAMED.items():
        if before in found:
            found[name] = found.pop(before)
    insist(found, TYPES, run.model_json)
    for name in NEEDED:
        found[name]
    if not TASKS.knows(found["task"]):
        raise absent(run, "task", found["task"])
    insist(found, traits(found["task"]).types, run.model_json)
    temperature, offsets, classes = found.get("temperature", 1.0), found.get("offsets"), found["classes"]
    wrong = {
        "the temperature is not above 0": temperature <= 0,
        "there is not one offset for each class": offsets is not None and len(offsets) != len(classes),
        "two classes have one name": len(set(classes)) < len(classes),
        "there are not as many means as deviations": len(found.get("mean", ())) != len(found.get("std", ())),
    }
    for what in (what for what, is_wrong in wrong.items() if is_wrong):
        raise UserError(f"damaged: {what}", where, RESTORE)
    if edited:
        what = "edited since it was written: the classes, the calibration or the preprocessing may be others"
        raise UserError(what, where, f"{RESTORE}, or train again")
    found["options"] = without_old_weights(found["model"], found["options"], run.model_json)
    return found


def without_old_weights(model: str, options: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """A network's options, as a ``file`` of a run has them, without the one that once named weights to download: what is
    trained has its own. Raises UserError where the run had not come to its first checkpoint."""
    downloaded = model.startswith(("torchvision:", "timm:", "unet:", "deeplabv3plus:", "segformer:"))
    if not downloaded or "weights" not in options:
        return dict(options)
    if not any(file.parent.rglob("step-*")) and not any(file.parent.rglob("weights.safetensors")):
        what = "this run was to start from weights by an option that is gone, and had not begun to learn"
        raise UserError(what, str(file), "start a new run with --from")
    return {name: value for name, value in options.items() if name != "weights"}


def absent(run: Run, what: str, name: str) -> UserError:
    """The error of a run whose task or model is of a package that is not installed here."""
    packages = read_json(run.model_json).get("packages", {}) if run.model_json.is_file() else {}
    named = packages.get(what, "") if isinstance(packages, dict) else ""
    fix = f"install {named}" if named else "install the package that has it"
    return UserError(
        f"the run's {what} '{printable(name)}' is of a package that is not installed", str(run.folder), fix
    )


def insist(found: Mapping[str, Any], kinds: Mapping[str, Any], path: Path, fix: str = RESTORE) -> None:
    """Raise UserError where an entry of what was read from ``path`` is of another type than ``kinds`` states by name.

    What is missing is no fault here: it is told where it is looked for.
    """
    try:
        _insist(found, kinds, "")
    except UserError as error:
        raise UserError(f"damaged: {error.where.lstrip('.')}: {error.what}", str(path), fix) from None


def _insist(found: Any, kinds: Mapping[str, Any], place: str) -> None:
    if not isinstance(found, dict):
        raise UserError(f"expected an object, found {str(found)[:60]!r}", place)
    for name, kind in kinds.items():
        if name not in found:
            continue
        if isinstance(kind, dict):
            _insist(found[name], kind, f"{place}.{name}")
        elif _not_finite(typed(kind, found[name], f"{place}.{name}")):
            raise UserError("null, where a number is needed", f"{place}.{name}")


def _not_finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_not_finite, value))
    return isinstance(value, float) and not math.isfinite(value)
