"""Of which network a file of weights is, by the names and shapes of its tensors: a table of timm's and torchvision's networks.

``bench/architectures.py`` writes the table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from neocog.documents import read_json
from neocog.errors import UserError, listed, printable
from neocog.pretrained.matching import PREFIXES
from neocog.pretrained.tensors import Shapes, shapes

TABLE = Path(__file__).with_name("architectures.json")
HEAD = re.compile(
    r"(fc|classifier|heads?|head_dist|last_linear|output)\b|.*\.num_batches_tracked$"
)  # other in each file


def fingerprint(found: Mapping[str, tuple[int, ...]]) -> str:
    """A digest of the names and shapes of tensors, without the head, which has as many outputs as there were classes."""
    lines = sorted(f"{name} {tuple(shape)}" for name, shape in found.items() if not HEAD.match(name))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def unwrapped(found: Shapes) -> Iterator[Shapes]:
    """The tensors as they are called, and without a usual prefix that all of them have, as those of a wrapper do."""
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found):
            yield {name.removeprefix(prefix): shape for name, shape in found.items()}


def guessed(file: Path) -> tuple[str, str]:
    """(network, what is to be said of it). Of several with the same tensors the one that the file is called after is taken.

    Raises UserError where none is known, or several are left.
    """
    table = read_json(TABLE)
    known: list[str] = next(
        (table[key] for below in unwrapped(shapes(file)) if (key := fingerprint(below)) in table), []
    )
    if not known:
        what = f"{printable(file.name)}: no known network has such tensors"
        fix = "name it with --model: timm:NAME, torchvision:NAME, path/to/file.py:Class, or one of `neocog models`"
        raise UserError(what, str(file), fix)
    called = [name for name in known if name.partition(":")[2] == re.split(r"[.-]", file.stem)[0]]
    if len(known) > 1 and len(called) != 1:
        raise UserError(
            f"{printable(file.name)}: {listed(known)} have such tensors",
            str(file),
            f"name one, such as --model {known[0]}",
        )
    model = (called or known)[0]
    others = [name for name in known if name != model]
    also = (
        f", by its name; {listed(others, 3)} {'has' if len(others) == 1 else 'have'} the same tensors" if others else ""
    )
    return model, f"{printable(file.name)} is taken for {model}{also}"
