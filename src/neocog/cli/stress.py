"""stress: where a trained run breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from neocog.cli.app import Json, Quiet, Reading, app, console, given, show
from neocog.cli.training import AnyRange

Thresholds = Annotated[
    Path | None, Parameter(help="A TOML file with your own thresholds for the verdicts; kept with the run.")
]
By = Annotated[
    str | None,
    Parameter(
        help="Groups: a column of the table, folder:2 (a level from the top) or names:REGEX; default: those of the split."
    ),
]
Objects = Annotated[
    str | None,
    Parameter(
        help="Shortcuts: data with masks or boxes of the same images, to measure how much of a saliency map lies on them."
    ),
]
Lengths = Annotated[
    Literal["scaled", "reference"] | None,
    Parameter(help="Corruption: lengths in proportion to the image size, or those of ImageNet-C in pixels."),
]
Norm = Annotated[
    Literal["linf", "l2"] | None,
    Parameter(help="Adversarial: limit the largest change of a pixel, or the Euclidean norm of all changes."),
]
Epsilon = Annotated[
    str | None,
    Parameter(
        help="Adversarial: size of change for the verdict; default: 1/255, or that of the training.",
        allow_leading_hyphen=True,  # -1/255 is a size that is refused, and no option
    ),
]
Target = Annotated[
    str | None, Parameter(help="Adversarial: the class that images of other classes should be taken for.")
]


@app.command
def stress(
    run: Path,
    /,
    *parts: str,
    on: Annotated[
        str | None, Parameter(help="Other labelled data of the same classes; default: the run's test part.")
    ] = None,
    minutes: Annotated[
        float, Parameter(help="Time for all parts; calling again continues with what did not fit.")
    ] = 5.0,
    samples: Annotated[
        int, Parameter(help="At most this many random samples, in parts that change each one many times; 0: all.")
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
    """Test where a trained network breaks; results go to RUN/stress and into its report.

    PARTS: groups (which patients, sites or cameras it serves worst), shortcuts (what other than the object gives the label away,
    and whether the test part leaks), corruption (what noise, blur, weather and cameras cost), unknown (samples of none of the
    classes, and which predictions to trust), adversarial (the smallest changes that alter predictions), labels (which are likely
    wrong). Default: all that apply to the run.

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
