"""The time that a part has, and the pieces of it that are finished: kept one by one, so that none is computed twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neocog.documents import read_json
from neocog.errors import UserError
from neocog.progress import Progress
from neocog.robustness.outcome import Grade
from neocog.run import to_json, write_atomically


@dataclass
class Clock:
    """``until``: on ``time.monotonic``. ``path``: where the pieces are kept, with the ``flags`` of the call; those of another
    ``identity`` are forgotten."""

    until: float
    path: Path
    identity: Mapping[str, Any]
    progress: Progress
    flags: str = ""
    kept: dict[str, Any] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)  # pieces that there was no time for
    longest: float = 0.0  # seconds of one of them

    def __post_init__(self) -> None:
        try:
            found = read_json(self.path) if self.path.exists() else {}
        except UserError:  # damaged: computed anew
            found = {}
        if found.get("identity") == plain(self.identity):
            self.kept = dict(found["pieces"])

    @property
    def left(self) -> float:
        """Seconds."""
        return self.until - time.monotonic()

    def time_for(self, part: Callable[[], object], times: float) -> bool:
        """Whether there is time for so many ``times`` what a ``part`` of the work, which is done on trial, takes."""
        begun = time.monotonic()
        part()
        return (time.monotonic() - begun) * times < self.left

    @property
    def best(self) -> Grade:
        """What a verdict can be that is of the worst of many pieces: nothing passes before all of them were tried."""
        return "doubtful" if self.late else "passed"

    def pieces(self, what: str, names: Iterable[str], compute: Callable[[str], Any]) -> dict[str, Any]:
        """{name: compute(name)} in the order of ``names``, without those that there was no time for (in ``late``).

        Values are plain: numbers, texts, lists and mappings, as JSON gives them back (a dataclass as a mapping, NaN as None).
        ``what`` names these pieces among the part's others, and on the bar.
        """
        wanted, found = list(names), dict[str, Any]()
        with self.progress.bar(what, len(wanted)) as advance:
            for name in wanted:
                key = f"{what}: {name}"
                if key not in self.kept and self.left < self.longest:
                    self.late.append(key)
                    continue
                if key not in self.kept:
                    begun = time.monotonic()
                    self.kept[key] = plain(compute(name))
                    write_atomically(
                        self.path, to_json({"identity": self.identity, "flags": self.flags, "pieces": self.kept})
                    )
                    self.longest = max(self.longest, time.monotonic() - begun)
                found[name] = self.kept[key]
                advance(note=name)
        return found


def plain(value: Any) -> Any:
    """As it is read back from JSON, so that what was kept and what was just computed are the same."""
    return json.loads(to_json(value))
