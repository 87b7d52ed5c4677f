"""What of fast style transfer is known without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from neocog.checked import flag
from neocog.errors import UserError
from neocog.traits import Traits


class StyleTraits(Traits):
    """Photos repainted in the style of one painting, each in one pass."""

    name = "style"
    task = "neocog.tasks.style.task:StyleTask"
    labels = "none"
    losses = ("gram",)
    usual: ClassVar = {"size": (128, 128), "fit": "crop", "channels": 3, "lr": 0.005}

    def __init__(
        self, *, painting: str = "", strokes: int = 256, style_weight: float = 1.0, painting_sha256: str = ""
    ) -> None:
        self.painting = painting  # the file whose style is learned
        self.strokes = strokes  # side in pixels of a square as large as the painting is seen: more make larger strokes
        self.style_weight = style_weight  # of the style beside the content: 0.3 hints at it, 10 drowns the photo
        self.painting_sha256 = painting_sha256  # of the painting; it is recorded, and another file is refused then

    @classmethod
    def contradictions(cls, settings: Mapping[str, Any]) -> Iterator[UserError]:
        own = settings["task_options"]
        if not 64 <= own.get("strokes", 256) <= 4096:
            yield UserError(f"--strokes {own['strokes']} is outside 64 … 4096 pixels", fix="--strokes 256")
        if not 0 < own.get("style_weight", 1.0) < float("inf"):
            what = f"--style-weight {own['style_weight']:g} is no positive number"
            yield UserError(what, fix="1: style and content count alike")
        for name, known in (("scaling", ("auto", "data")), ("channels", (0, 3))):
            if settings[name] not in known:
                what = f"{flag(name)} {settings[name]} is not for --task {cls.name}, which repaints colours as they are stored"
                yield UserError(what, fix="leave it out")
