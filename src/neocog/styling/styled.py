"""What a repainting came to, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Styled:
    """What was written, and how well it went: style losses of each layer before and after, summed in ``style_before`` and
    ``style_after``; ``edges``: correlation with the photo's; ``palette_before``, ``palette_after``: distance to the painting's."""

    folder: Path
    layers: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    edges: float
    palette_before: float
    palette_after: float
    seconds: float
    notes: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def style_before(self) -> float:
        return sum(self.before)

    @property
    def style_after(self) -> float:
        return sum(self.after)

    def to_json(self) -> dict[str, Any]:
        """What --json prints, and style.json holds but for the seconds."""
        each = zip(self.layers, self.before, self.after, strict=True)
        return {
            "out": str(self.folder),
            "layers": [{"layer": name, "style_before": a, "style_after": b} for name, a, b in each],
            "style_before": self.style_before,
            "style_after": self.style_after,
            "edge_correlation": self.edges,
            "palette_distance_before": self.palette_before,
            "palette_distance_after": self.palette_after,
            "notes": list(self.notes),
            "stopped": self.stopped,
        }
