"""What the page asks of a network, as it says it in the header of a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from neocog.errors import UserError
from neocog.typed import typed

RELOAD = "load the page again"
Direction = Literal["forward", "backward", "weight"]
Form = Literal[
    "images", "volumes", "sequences", "codes"
]  # what a network takes; "codes": latent vectors, of which it draws


@dataclass(frozen=True)
class Edit:
    """What is changed in a layer for this look: a map switched off, or one kernel written anew (row by row)."""

    layer: int
    map: int
    off: bool = False
    given: int = 0  # the input map whose kernel it is
    kernel: tuple[float, ...] = ()


@dataclass(frozen=True)
class Asked:
    """``source``: where the picture is from; ``target``: the class that is asked about, −1: what the network says.

    "typed": a sequence's letters; "code": the latent vector of a network that draws.
    """

    source: Literal["drawn", "file", "sample", "split", "typed", "code"]
    weights: str = ""  # by a name that was handed out: of a checkpoint, or a step by hand; "": the run's own
    name: str = ""  # of the file
    letters: str = ""  # that were typed
    depth: float = 0.5  # of a volume the slice that is shown: 0 the first, 1 the last
    sample: int = 0  # position in the test part; of a "split" picture in splits.csv
    of: int = -1  # the run that the picture is of; −1: the one that is asked
    target: int = -1
    loss: bool = False  # gradients of the loss against ``target``, not of its logit
    gradients: bool = False
    most: int = 64  # maps of each layer
    layer: int = 0
    index: tuple[int, ...] = ()  # a place in the layer's output (C, …), or in its weight
    direction: Direction = "forward"
    parameter: str = "weight"
    edits: tuple[Edit, ...] = ()
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "muon"] = "sgd"  # of a step by hand
    rate: float = 0.01
    corruption: str = ""  # by which the picture is corrupted; "": it is attacked
    amount: float = 0.0  # ε of an attack in shares of the range from black to white, or a severity 0 … 5


def asked_of(header: Mapping[str, Any]) -> Asked:
    """Raises UserError for what is no question."""
    found: Asked = typed(Asked, dict(header), "the message")
    below = any(min(edit.layer, edit.map, edit.given) < 0 for edit in found.edits)
    below = below or not 0 <= found.depth <= 1
    if below or not 0 < found.most <= 4096 or found.layer < -1 or found.sample < 0:
        raise UserError("a number is out of range", "the message", RELOAD)
    return found
