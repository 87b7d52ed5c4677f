"""``convert`` and ``bench``: the verbs that have parts, each a function of its own elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from neocog.checked import checked
from neocog.config import HINTS


def convert(to: Literal["labelme", "augment", "upright"], /, *given: Any, **settings: Any) -> Any:
    """Data turned into other data: ``convert("augment", "photos/", "more-photos/", copies=5)``.

    "labelme": shapes → index masks; "augment": changed copies; "upright": pictures turned back by a run of the task
    orientation. The rest are the arguments of ``verbs.convert.labelme``, ``verbs.convert_augment.augment`` and
    ``verbs.upright.upright``, whose result it returns. Raises UserError.
    """
    from neocog.verbs import convert as labelme
    from neocog.verbs import convert_augment, upright

    parts: dict[str, Callable[..., Any]] = {
        "labelme": labelme.labelme,
        "augment": convert_augment.augment,
        "upright": upright.upright,
    }
    return checked(parts[to], HINTS)(*given, **settings)


def bench(what: Literal["backends"] = "backends", /, **settings: Any) -> Any:
    """Speed, measured here: ``bench("backends", networks=("lenet",), rounds=3)``, with the arguments of ``verbs.bench.backends``.

    Returns its measurements. Raises UserError.
    """
    from neocog.verbs.bench import backends

    return checked({"backends": backends}[what])(**settings)
