"""The studio's page as one file that needs no server: the same modules, with the page's own engine in place of the requests.

In the file stand the page's modules, by an import map, and one binary message (``frame``) with what the run is, its weights, and
pictures of its test part. Its policy lets it ask nobody.
"""

from __future__ import annotations

import base64
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from neocog.data.dataset import Array, BadImage
from neocog.data.resize import fit
from neocog.documents import read_json
from neocog.errors import UserError
from neocog.predictor import Predictor, load_predictor
from neocog.run import Run, write_atomically
from neocog.server.described import described
from neocog.server.frame import pack
from neocog.server.graph import graph_of
from neocog.server.opened import Opened
from neocog.traits import traits

PAGE = Path(__file__).parent / "page"
MOST_PARAMETERS = 10_000_000
MOST_PICTURES = 1 << 20  # bytes of the test part
FILTERS = ("bilinear", "bicubic")  # page/fitted.js
POLICY = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:; form-action 'none'"
SERVE = "serve it instead: `neocog studio RUN`"


def write_page(run: Run, out: Path) -> int:
    """Write the page of a run; the number of its test pictures. Raises UserError where the page's engine cannot compute the run."""
    html, pictures = page_of(run)
    write_atomically(out, html)
    return pictures


def page_of(run: Run) -> tuple[str, int]:
    """The page of a run, and the number of its test pictures. Raises UserError where the page's engine cannot compute the run."""
    predictor = load_predictor(run)
    insist_on_known(predictor, run)
    tests, pictures = test_part(run, predictor)
    header = {
        "facts": {
            **described(run, predictor),
            "steps": False,
            "rooms": ["layers"],
            "times": {"points": [], "best": None},
        },
        "tests": tests,
        "texts": read_json(PAGE / "texts.json"),
        "graph": graph_of(predictor.network),
        "preprocessing": asdict(predictor.preprocessing),
        "offsets": predictor.facts.get("offsets"),
    }
    weights = {
        f"weights/{name}": value.detach().numpy()
        for name, value in predictor.network.state_dict().items()
        if value.is_floating_point()
    }
    return page(pack(header, {**weights, "pictures": pictures})), len(tests)


def insist_on_known(predictor: Predictor, run: Run) -> None:
    """Raise UserError where more than a graph of known layers stands between pixels and answer."""
    preprocessing, where = predictor.preprocessing, str(run.folder)
    if not traits(predictor.task).logits or len(preprocessing.size) != 2 or preprocessing.encoding != "intensity":
        raise UserError("a page without the studio is for networks that classify images", where, SERVE)
    own = preprocessing.scaling == "image" or preprocessing.draft or preprocessing.interpolation not in FILTERS
    if own or "views" in predictor.facts:
        what = "this run scales each image by itself, decodes drafts, takes several views or another filter: not in the page"
        raise UserError(what, where, SERVE)
    if predictor.facts["parameters"] > MOST_PARAMETERS:
        what = f"{predictor.facts['parameters']:,} parameters: such a page has at most {MOST_PARAMETERS:,}"
        raise UserError(what, where, SERVE)


def test_part(run: Run, predictor: Predictor) -> tuple[list[dict[str, Any]], Array]:
    """Rows and fitted pixels (N, C, H, W) of as many test samples as are to go in, evenly taken; none where data are gone."""
    opened, preprocessing = Opened(run), predictor.preprocessing
    kind = np.uint8 if preprocessing.dtype == "uint8" else np.float32
    each = preprocessing.channels * int(np.prod(preprocessing.size)) * np.dtype(kind).itemsize
    apart = max(1, -(-len(opened.tests) * each // MOST_PICTURES))
    rows: list[dict[str, Any]] = []
    pictures: list[Array] = []
    for row in opened.tests[::apart]:
        try:
            pictures.append(fit(opened.sample(row["sample"]), preprocessing, row["path"]).astype(kind))
        except (UserError, BadImage):
            continue
        rows.append({**row, "sample": len(rows)})
    empty = np.zeros((0, preprocessing.channels, *preprocessing.size), kind)
    return rows, np.stack(pictures) if pictures else empty


def page(message: bytes) -> str:
    """The whole file: index.html with its style, its modules and the message in it."""
    modules = {
        path.name: path.read_text(encoding="utf-8") for path in sorted(PAGE.glob("*.js")) if path.name != "api.js"
    }
    modules["api.js"] = modules.pop("alone.js")
    imports = {f"neocog/{name}": address("text/javascript", named(text)) for name, text in modules.items()}
    pairs = ",".join(f'"{name}":"{where}"' for name, where in imports.items())
    icon = address("image/svg+xml", (PAGE / "icon.svg").read_text(encoding="utf-8"))
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    head += f'<script type="importmap">{{"imports":{{{pairs}}}}}</script>'
    data = f'<script type="application/octet-stream" id="run-data">{base64.b64encode(message).decode()}</script>'
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    for old, new in (
        ('<link rel="stylesheet" href="style.css">', f"<style>{style}</style>"),
        (
            '<script type="module" src="main.js"></script>',
            f'{head}\n<script type="module">import "neocog/main.js";</script>',
        ),
        ('href="icon.svg"', f'href="{icon}"'),
        ("</body>", f"{data}\n</body>"),
    ):
        assert html.count(old) == 1, old
        html = html.replace(old, new)
    return html


def named(module: str) -> str:
    """A module whose imports are found by the import map: relative ones have no place to be relative to."""
    return re.sub(r'(from|import) "\./([\w.]+)"', r'\1 "neocog/\2"', module)


def address(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"
