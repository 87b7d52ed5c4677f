"""What of restoration is known without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from neocog.checked import flag
from neocog.data.degrade import KINDS, UNBIASED, Degradation
from neocog.data.hidden import Along, By
from neocog.errors import UserError, faults_of
from neocog.traits import Traits


class RestorationTraits(Traits):
    """Images made better: with more pixels, without noise, sharper."""

    name = "restoration"
    task = "neocog.tasks.restoration.task:RestorationTask"
    labels = "pairs"
    losses = ("l1", "charbonnier", "mse")
    settings = ("patch",)
    types: ClassVar = {
        "noise_along": str, "replace_by": str, "scale": int, "baselines": {"gaussian": float, "non_local_means": float},
        "error_quantiles": {"0.5": tuple[float, ...], "0.95": tuple[float, ...]},
    }  # fmt: skip

    def __init__(
        self,
        *,
        degrade: Annotated[
            str, "Make the inputs from clean images: bicubic:2, gauss:25, poisson:30, blur:1.5, jpeg:40 or salt:0.05."
        ] = "",
        windows: Annotated[int, "Windows cut out of each image in each epoch."] = 8,
        supervision: Annotated[
            Literal["clean", "noise2noise", "noise2void"],
            "Learn from clean images, second takes or noisy images alone.",
        ] = "clean",
        noise_along: Annotated[
            Along, "Where pixels share their noise; noise2void hides these too (structN2V)."
        ] = "none",
        replace_by: Annotated[By, "What fills hidden pixels (N2V2: median)."] = "near",
    ) -> None:
        self.degrade, self.windows, self.supervision = degrade, windows, supervision
        self.noise_along, self.replace_by = noise_along, replace_by

    @classmethod
    def contradictions(cls, settings: Mapping[str, Any]) -> Iterator[UserError]:
        own = settings["task_options"]
        if own.get("degrade"):
            yield from faults_of(lambda: Degradation.of(own["degrade"]))
        yield from _noiseless(own.get("supervision", "clean"), own.get("degrade", ""))
        for name, plain in (("noise_along", "none"), ("replace_by", "near")):
            if own.get(name, plain) != plain and own.get("supervision") != "noise2void":
                what = f"{flag(name)} has no effect without --supervision noise2void"
                yield UserError(what, fix="leave it out, or learn from noisy images alone")
        if own.get("windows", 1) < 1:
            yield UserError(f"--windows {own['windows']}: at least one is cut out of each image", fix="--windows 8")
        if settings["kind"] not in ("auto", "images"):
            what = f"--kind {settings['kind']} has no effect on --task {cls.name}, which takes images"
            yield UserError(what, fix="leave it out; --frames first or stack says how stacks of slices are read")
        for name, usual in (("size", ((),)), ("fit", ("auto", "corner")), ("scaling", ("auto", "data"))):
            if settings[name] not in usual:
                what = f"{flag(name)} has no effect on --task {cls.name}, where each image keeps its size and values"
                yield UserError(what, fix="leave it out; --patch says how large the windows are that are learned from")
        wrong = [edit for edit in settings["augment"] if edit != "off"]
        if wrong:
            what = f"--augment {wrong[0]}: windows are mirrored and turned by quarters, and nothing else is changed"
            yield UserError(what, fix="--augment off, or leave it out")


def _noiseless(supervision: str, degrade: str) -> Iterator[UserError]:
    """Noise2Noise and Noise2Void learn from noise whose mean is 0, and from nothing else."""
    if supervision != "clean" and degrade and degrade.partition(":")[0] not in UNBIASED:
        what = f"--supervision {supervision} learns to take away noise, and --degrade {degrade} is none whose mean is 0"
        yield UserError(
            what, fix=f"--degrade {' or '.join(KINDS[kind][0] for kind in UNBIASED)}, or --supervision clean"
        )
