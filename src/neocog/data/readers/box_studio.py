"""Label Studio's JSON and JSON-MIN: boxes in percent of the image they were drawn on, perhaps turned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from neocog.data.readers.box_marks import Drawn, Marked, Marks, real, turned
from neocog.errors import UserError, count

UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # put before the name of an uploaded file
FIX = "correct it in Label Studio"


def is_studio(found: Any) -> bool:
    """Whether parsed JSON is a list of tasks, in either form."""
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(one, dict) and (_is_task(one) or _is_short(one)) for one in found)
        and any(_results(one) for one in found)
    )


def _is_task(one: Mapping[str, Any]) -> bool:
    return isinstance(one.get("data"), dict) and isinstance(one.get("annotations", []), list)


def _is_short(one: Mapping[str, Any]) -> bool:
    return any(isinstance(value, str) for value in one.values()) and "data" not in one


def _results(one: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The boxes of one task as {value, original_width, original_height}, those of the last annotation that was not cancelled."""
    if _is_task(one):
        kept = [each for each in one.get("annotations", []) if isinstance(each, dict) and not each.get("was_cancelled")]
        results = kept[-1].get("result", []) if kept else []
        return [each for each in results if isinstance(each, dict) and "rectanglelabels" in (each.get("value") or {})]
    found = [value for value in one.values() if isinstance(value, list)]
    return [
        {**each, "value": each}
        for boxes in found
        for each in boxes
        if isinstance(each, dict) and "rectanglelabels" in each
    ]


def read_studio(name: str, found: list[Mapping[str, Any]]) -> Marks:
    """One file; several annotations of one image are told, of which the last one counts."""
    marks = Marks("Label Studio JSON", complete=True)
    turns = several = 0
    for number, one in enumerate(found, 1):
        where, boxes, size = f"{name}: task {number}", list[Drawn](), None
        several += len(one.get("annotations", ()) or ()) > 1
        for place, result in enumerate(_results(one), 1):
            spot = f"{where}, box {place}"
            try:
                wide, high = (real(result.get(f"original_{side}")) for side in ("width", "height"))
                value = result["value"]
                x, y, w, h = (real(value.get(key)) for key in ("x", "y", "width", "height"))
                angle = real(value.get("rotation") or 0)
                labels = value["rectanglelabels"]
                if not isinstance(labels, list) or not labels or not isinstance(labels[0], str):
                    raise ValueError("a box without a label")
            except ValueError as error:
                marks.bad.append(UserError(str(error), spot, FIX))
                continue
            size = int(high), int(wide)
            corners = x * wide / 100, y * high / 100, (x + w) * wide / 100, (y + h) * high / 100
            if angle % 360:
                turns += 1
                corners = turned(corners, angle, corners[:2])  # about its upper left corner
            boxes += [Drawn(label, corners, spot) for label in labels]
        image = next(_images(one), "")
        marks.images.append(Marked(image, tuple(boxes), where, size))
    if turns:
        marks.notes.append(f"{count(turns, 'turned box')}: the smallest upright box around each is taken")
    if several:
        marks.notes.append(f"{count(several, 'image')} annotated several times: the last time counts")
    return marks


def _images(one: Mapping[str, Any]) -> Iterator[str]:
    """What in a task could be the image: its file's name, without the address of the server before it."""
    texts = one["data"] if _is_task(one) else one
    for key in sorted(texts, key=lambda key: (key not in ("image", "img", "picture"), str(key))):
        value = texts[key]
        if isinstance(value, str) and re.search(r"\.\w{2,5}(?:$|[?&#])", value):
            local = parse_qs(urlsplit(value).query).get("d", [value])[0]  # /data/local-files/?d=folder/1.jpg
            path = unquote(urlsplit(local).path)
            folder, slash, last = path.rpartition("/")
            yield UPLOAD.sub("", last) if "/upload/" in f"{folder}{slash}" else path.lstrip("/")
