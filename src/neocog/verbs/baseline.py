"""``train --baseline``: the same data, split and settings with a network that knows no neighbourhood (``mlp``).

It is a whole run of its own, in ``baseline/`` below the run folder: what the convolution buys is the difference.
"""

from __future__ import annotations

from collections.abc import Mapping

from neocog.documents import expected, read_json
from neocog.metrics import title
from neocog.metrics.names import lower_is_better
from neocog.metrics.stored import stored_measure
from neocog.records import Measure, Section, Table, Text, Whiskers
from neocog.run import Run

MODEL = "mlp"
BASELINE = "baseline"  # its folder


def baseline_section(run: Run, measures: Mapping[str, Measure]) -> Section | None:
    """What the network buys over the baseline, if one was trained."""
    result = Run(run.folder / BASELINE).result
    if not result.is_file():
        return None
    other = read_json(result)
    with expected(result):
        found = {name: stored_measure(value) for name, value in other["measures"]["test"].items()}
    names = [name for name in measures if name in found]
    first = names[0]
    gain = measures[first].value - found[first].value
    better = gain < 0 if lower_is_better(first) else gain > 0
    text = (
        f"A fully connected network ({MODEL}, {other['parameters']:,} parameters), trained on the same data in the same way, "
        f"reaches {title(first).lower()} {found[first].value:.4f}; this network {measures[first].value:.4f}. "
        + ("The difference is what convolution gains." if better else "The simpler network does as well here.")
    )
    rows = tuple((title(name), show(measures[name]), show(found[name])) for name in names)
    pair = Whiskers((f"this network: {title(first)}", f"{MODEL}: {title(first)}"), (measures[first], found[first]))
    return Section(
        "Fully connected baseline", (Text(text), pair, Table(("measure", "this network", MODEL), rows)), "baseline"
    )


def show(measure: Measure) -> str:
    return f"{measure.value:.4f} ({measure.interval})"
