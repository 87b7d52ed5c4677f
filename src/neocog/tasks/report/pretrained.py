"""The section on the weights that a training started from: what they are, which images they need, and what of them fits."""

from __future__ import annotations

from neocog.pretrained import Source
from neocog.records import Section, Table, Text


def pretrained_section(source: Source) -> Section:
    """All that was taken, left out, or of another shape, by name."""
    facts = (
        ("weights", source.name),
        ("network", source.model),
        ("file", str(source.file)),
        ("SHA-256", source.digest),
        ("preprocessing", source.needs.description()),
    )
    items: list[Table | Text] = [Table(("", ""), facts)]
    taken = source.taken
    if taken is not None:
        items.append(Text(f"{taken.line()}."))
        lists = {
            "taken": taken.taken,
            "in the file, not used": taken.left_out,
            "of another shape in the file": taken.misfit,
            "not in the file, initialised from the seed": taken.fresh,
        }
        items += [Text("\n".join([f"{what}:", *names]), code=True) for what, names in lists.items() if names]
    return Section("Pretrained weights", tuple(items), "pretrained")
