"""stress: where a trained run breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from neocog.cli.app import Json, Quiet, Reading, app, console, given, show
from neocog.cli.training import AnyRange

Thresholds = Annotated[
    Path | None, Parameter(help="A TOML file with thresholds of your own for the verdicts; kept with the run.")
]
By = Annotated[
    str | None,
    Parameter(
        help="Groups: a column of the table, folder:2 (a level from the top), names:REGEX; default: the split's."
    ),
]
Objects = Annotated[
    str | None,
    Parameter(help="Shortcuts: data with masks or boxes of the same images; how much of a map lies on the objects?"),
]
Lengths = Annotated[
    Literal["scaled", "reference"] | None,
    Parameter(help="Corruption: lengths in proportion to the pictures' side, or those of ImageNet-C in pixels."),
]
Norm = Annotated[
    Literal["linf", "l2"] | None,
    Parameter(help="Adversarial: the largest change of a pixel, or the Euclidean norm of all."),
]
Epsilon = Annotated[
    str | None,
    Parameter(help="Adversarial: the change that the verdict is about; 1/255 unless trained for another."),
]
Target = Annotated[str | None, Parameter(help="Adversarial: a class that images of others are to be turned into.")]


@app.command
def stress(
    run: Path,
    /,
    *parts: str,
    on: Annotated[
        str | None, Parameter(help="Other labelled data of the same classes; default: the run's test part.")
    ] = None,
    minutes: Annotated[float, Parameter(help="Time for all parts; the next call goes on with what did not fit.")] = 5.0,
    samples: Annotated[
        int, Parameter(help="At most so many samples, drawn by lot, where each is changed many times; 0: all.")
    ] = 1000,
    by: By = None,
    objects: Objects = None,
    lengths: Lengths = None,
    norm: Norm = None,
    epsilon: Epsilon = None,
    target: Target = None,
    autoattack: Annotated[
        bool, Parameter(help="Adversarial: also AutoAttack-standard, which takes long.", negative=())
    ] = False,
    thresholds: Thresholds = None,
    reading: Reading = None,
    any_range: AnyRange = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Try where a trained run breaks, and write tables and sections of its report into RUN/stress.

    PARTS: groups (which patients, sites or cameras it serves worst), shortcuts (what beside the object tells the label, and
    whether the test part leaks), corruption (noise, blur, weather, cameras: what each costs), unknown (what is none of the
    classes, and which answers to keep), adversarial (the smallest changes that turn answers), labels (which are likely wrong).
    By default all that suit the run.

    For example:

        neocog stress runs/classification/photos-cnn
        neocog stress runs/classification/photos-cnn corruption --samples 200 --minutes 2
        neocog stress runs/classification/photos-cnn groups --by camera
    """
    from neocog.verbs import stress as verb

    own: dict[str, Any] = {
        "by": by,
        "objects": objects,
        "lengths": lengths,
        "norm": norm,
        "epsilon": epsilon,
        "target": target,
    }
    own["autoattack"] = autoattack or None
    found = verb.stress(run, parts, on, minutes, samples, quiet, any_range, thresholds, **own, **given(reading))
    show(found.to_json(), json, lambda: verb.show(found, console()))
