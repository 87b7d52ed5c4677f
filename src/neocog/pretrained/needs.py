"""The preprocessing with which weights were trained, as timm, torchvision or a run recorded it: others would see other images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from neocog.data.preprocessing import Fit, Interpolation, Preprocessing, Scaling

SELF_SCALING = ("googlenet", "inception_v3")  # torchvision's, which turn ImageNet's mean and std into 0.5 inside
FITS: Mapping[str, Fit] = {"center": "crop", "squash": "resize", "border": "pad"}  # timm's words → ours


@dataclass(frozen=True)
class Needs:
    """What weights need of their images. Where ``size`` or ``mean`` is (), the data's own serve.

    ``mean`` and ``std`` (channels,) are in units of 0 … 1, black and white; ``crop_share``: of the image, that is seen.
    """

    size: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    interpolation: Interpolation = "bilinear"
    crop_share: float = 1.0
    fit: Fit = "resize"
    scaling: Scaling = "data"
    record: str = ""  # who says so
    form: str = ""  # images, volumes or sequences; "" where that is not known

    def whole(self) -> Needs:
        """The same for a network that answers for each pixel: of any size, and nothing of an image is cut off."""
        return replace(self, size=(), crop_share=1.0, fit="resize")

    def shaped(self, plan: Preprocessing, scaling: str) -> Preprocessing:
        """``plan`` with the way to resize and the part of an image that is seen; ``scaling``: the setting."""
        if scaling == "auto":
            scaling = self.scaling
        share = 1.0 if plan.fit == "pad" else self.crop_share
        return replace(plan, interpolation=self.interpolation, crop_share=share, scaling=scaling)  # type: ignore[arg-type]

    def normalised(self, preprocessing: Preprocessing) -> Preprocessing:
        """``preprocessing`` with the mean and std of the weights in stored units: x · (high − low) + low.

        One channel gets the means over the weights' channels, N channels get these in turn, as its first layer does.
        """
        if preprocessing.scaling != "weights" or not self.mean:
            return preprocessing
        span = preprocessing.high - preprocessing.low
        mean = (value * span + preprocessing.low for value in over(self.mean, preprocessing.channels))
        std = (value * span for value in over(self.std, preprocessing.channels))
        return replace(preprocessing, mean=tuple(mean), std=tuple(std))

    def description(self) -> str:
        """In words, for the screen and the report."""
        if not self.mean and not self.size:
            return "the data's own: nothing is recorded of what the weights need"
        size = " × ".join(map(str, self.size)) or "any size"
        part = f", the middle {self.crop_share:g} of each side" if self.crop_share < 1 else ""
        numbers = "each image by its own mean and deviation"
        if self.mean:
            numbers = f"(x − {listed(self.mean)}) / {listed(self.std)} of x in 0 … 1"
        return f"{size}, {self.fit}, {self.interpolation}{part}, {numbers} ({self.record})"


def over(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Values of the weights' channels for so many channels.

    >>> over((1.0, 2.0, 3.0), 1), over((1.0, 2.0, 3.0), 4)
    ((2.0,), (1.0, 2.0, 3.0, 1.0))
    """
    if channels == 1:
        return (sum(values) / len(values),)
    return tuple(values[channel % len(values)] for channel in range(channels))


def listed(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else f"({', '.join(f'{value:.3g}' for value in values)})"


def of_timm(record: Mapping[str, Any], name: str) -> Needs:
    """From timm's configuration of its weights (``PretrainedCfg``, or that of a config.json)."""
    size = tuple(record.get("input_size") or (3, 224, 224))[1:]
    mean, std = tuple(record.get("mean") or ()), tuple(record.get("std") or ())
    how: Any = record.get("interpolation")
    if how not in get_args(Interpolation):
        how = "bicubic"
    return Needs(
        size=size,
        mean=mean,
        std=std,
        interpolation=how,
        crop_share=float(record.get("crop_pct") or 1.0),
        fit=FITS.get(str(record.get("crop_mode")), "crop"),
        scaling="weights" if mean else "data",
        record=f"timm's record of {name}",
        form="images",
    )


def of_torchvision(transforms: Any, name: str) -> Needs:
    """From the transforms that torchvision keeps with its weights."""
    own = name in SELF_SCALING
    crop, resize = transforms.crop_size[-1], transforms.resize_size[-1]
    return Needs(
        size=(crop, crop),
        mean=(0.5,) * 3 if own else tuple(transforms.mean),
        std=(0.5,) * 3 if own else tuple(transforms.std),
        interpolation=transforms.interpolation.value,
        crop_share=min(1.0, crop / resize),
        fit="crop",
        scaling="weights",
        record=f"torchvision's record of {name}",
        form="images",
    )


def of_run(preprocessing: Preprocessing, folder: str) -> Needs:
    """From a run's model.json: its images' black and white are 0 and 1."""
    if preprocessing.encoding == "nucleotides":
        return Needs(preprocessing.size, record=f"model.json of {folder}", form="sequences")
    own, span = preprocessing.scaling == "image", preprocessing.high - preprocessing.low
    return Needs(
        size=preprocessing.size,
        mean=() if own else tuple((value - preprocessing.low) / span for value in preprocessing.mean),
        std=() if own else tuple(value / span for value in preprocessing.std),
        interpolation=preprocessing.interpolation,
        crop_share=preprocessing.crop_share,
        fit=preprocessing.fit,
        scaling="image" if own else "weights",
        record=f"model.json of {folder}",
        form="volumes" if len(preprocessing.size) == 3 else "images",
    )
