"""Sections to JSON and back: what was written reads back equal, and anything else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from neocog.documents import parse_json
from neocog.errors import UserError
from neocog.records import ITEMS, Item, Pictures, Section
from neocog.run import to_json
from neocog.typed import listing, typed

BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
FIX = "write the report's sections again: run the evaluation"


def sections_to_json(sections: Sequence[Section]) -> str:
    """The text of sections.json. NaN is written as null."""
    return to_json(list(sections))


def sections_from_json(text: str, where: str = "sections.json") -> list[Section]:
    """The sections; raises UserError for anything that is not exactly a list of them."""
    found = parse_json(text, where, FIX)
    try:
        sections: list[Section] = [
            typed(Section, entry, f"[{i}]", {Item: ITEMS}) for i, entry in enumerate(listing(found, ""))
        ]
    except UserError as error:
        raise UserError(error.what, f"{where} {error.where}".rstrip(), error.fix or FIX) from None
    pictures = (item.pictures for section in sections for item in section.items if isinstance(item, Pictures))
    if not all(BASE64.fullmatch(picture.png) for each in pictures for picture in each):
        raise UserError("a picture that is not base64", where, FIX)
    return sections
