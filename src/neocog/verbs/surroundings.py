"""With what a run was computed so far, and what of it is other now: versions, processor, number of processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neocog.documents import read_json
from neocog.engine.ranks import Ranks
from neocog.environment import environment
from neocog.facts import insist
from neocog.run import Run


def read_facts(run: Run) -> dict[str, Any]:
    """environment.json; {} where there is none. Raises UserError where it is damaged."""
    if not run.environment.exists():
        return {}
    fix = "remove it: the run then goes on without knowing with what it was begun"
    facts = read_json(run.environment, fix)
    insist(facts, {"command": tuple[str, ...], "processes": int}, run.environment, fix)
    return facts


def differs(written: Mapping[str, Any], ranks: Ranks) -> Iterator[str]:
    """What of the surroundings has changed since the run began and changes the last digits of the numbers."""
    now: dict[str, Any] = {**environment(), "processes": ranks.world}
    places = {
        "neocog": ("versions", "neocog"),
        "torch": ("versions", "torch"),
        "the processor": ("cpu", "name"),
        "its instructions": ("cpu", "features"),
        "what torch uses of them": ("cpu", "capability"),
        "a limit on them": ("cpu", "limits"),
        "the number of processes": ("processes",),
    }
    for name, place in places.items():
        before, after = (_at(facts, place) for facts in (written, now))
        if before is not None and before != after:
            yield f"{name} was {_text(before)}, is {_text(after)}"


def _at(facts: Any, place: Sequence[str]) -> Any:
    for key in place:
        facts = facts.get(key) if isinstance(facts, Mapping) else None
    return facts


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = [f"{name}={each}" for name, each in value.items()]
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
