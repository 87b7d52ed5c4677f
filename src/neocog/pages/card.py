"""A run in a notebook's cell: its verdict, measures, curves and worst mistakes, as HTML that stands for itself.

The report's own style, nested under one class so that it changes nothing else on the page; light or dark as the notebook
says (JupyterLab, VS Code, Colab), or else as the system does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from markupsafe import Markup

from neocog.pages.page import Head, Remark, asset, head_of, templates
from neocog.pages.record import Record
from neocog.records import Curves, Item, Pictures, Section, Text, Whiskers

MOST_CURVES, MOST_PICTURES = 2, 6
DARK = (
    '[data-jp-theme-light="false"] .neocog', '[data-vscode-theme-kind="vscode-dark"] .neocog', ".vscode-dark .neocog",
    'html[theme="dark"] .neocog',
)  # fmt: skip
LIGHT = ('[data-jp-theme-light="true"] .neocog', ".vscode-light .neocog")
PLAIN = Section("Nothing yet", (Text("No epoch has finished yet."),))


def card(record: Record) -> str:
    """A finished run."""
    return _rendered(head_of(record), _excerpt(record.sections), f"Full report: {record.run.report}")


def unfinished(name: str, why: str, sections: Sequence[Section]) -> str:
    """A run that has no result yet, with the curves so far."""
    head = Head(f"{name} · neocog", name, label="not finished", remarks=[Remark("caution", why)])
    return _rendered(head, _excerpt(sections) or [PLAIN], "")


def _rendered(head: Head, sections: Sequence[Section], foot: str) -> str:
    template = templates().get_template("card.html")
    rendered: str = template.render(head=head, sections=sections, foot=foot, anchors=False, style=Markup(_style()))  # noqa: S704  our own
    return rendered


def _excerpt(sections: Sequence[Section]) -> list[Section]:
    """Of each section what fits in a cell; sections without a drawing there are left out."""
    found = {
        "measures": _first(sections, "measures", Whiskers, 1),
        "training": _first(sections, "training", Curves, MOST_CURVES),
        "mistakes": _first(sections, "mistakes", Pictures, 1),
    }
    titles = {section.name: section.title for section in sections}
    return [Section(titles[name], items, name) for name, items in found.items() if items]


def _first(sections: Sequence[Section], name: str, kind: type[Item], most: int) -> tuple[Item, ...]:
    items = [item for section in sections if section.name == name for item in section.items if isinstance(item, kind)]
    return tuple(
        Pictures(item.pictures[:MOST_PICTURES], item.note, item.large, wide=item.wide)
        if isinstance(item, Pictures)
        else item
        for item in items[:most]
    )


@cache
def _style() -> str:
    """The report's style sheet under ``.neocog``: its colours three times over, all else nested."""
    sheet = asset("style.css")
    light, dark = re.findall(r":root \{\n(.*?)\n *\}", sheet, re.S)[:2]
    rest = sheet[sheet.index("* { box-sizing") :].replace("body {", "& {").replace(":root {", "& {")
    rest = rest.replace("html {", "&.html {")
    own = asset("card.css")
    return "\n".join(
        (
            f".neocog {{ color-scheme: light; {light} }}",
            f"@media (prefers-color-scheme: dark) {{ .neocog {{ color-scheme: dark; {dark} }} }}",
            f"{', '.join(LIGHT)} {{ color-scheme: light; {light} }}",
            f"{', '.join(DARK)} {{ color-scheme: dark; {dark} }}",
            f".neocog {{ {rest} {own} }}",
        )
    )
