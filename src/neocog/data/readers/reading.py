"""How a path is to be read: what the user says where the data do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from neocog.data.dataset import Form
from neocog.data.formats.decoding import DEFAULT
from neocog.errors import UserError
from neocog.traits import Labels, traits

Decimal = Literal["auto", "point", "comma"]
MaskValues = Literal["auto", "classes", "foreground"]


@dataclass(frozen=True)
class Reading:
    """What is wanted of a path. The defaults leave everything to the data."""

    task: str = "auto"
    task_options: Mapping[str, Any] = field(default_factory=dict)  # the task's own settings
    kind: Form | Literal["auto"] = "auto"
    least_classes: int = 2  # of labelled samples
    targets: tuple[str, ...] = ()  # columns whose values are learned; (): all columns of numbers
    angles: Literal["auto", "degrees", "radians"] = "auto"  # the unit of angles whose column does not name it
    decimal: Decimal = "auto"  # what stands before decimals; the other one stands between thousands
    columns: tuple[str, ...] = ()  # "role=NAME": what columns of a table are
    levels: str = ""  # "class,group": what the levels of folders are
    groups: str = ""  # "names:REGEX" or "none": what file names tell of groups
    label_field: str = ""  # of FASTA headers: a name or the number of the field
    min_samples: int = 0  # classes with fewer are left out
    gaps: Literal["error", "strip"] = "error"  # in sequences
    ignore: int | None = None  # the mask value that does not count
    remap: bool = False  # number mask values with gaps anew
    mask_values: MaskValues = "auto"  # whether they are classes, or everything but the background is one
    instances: bool = False  # masks number single objects, which are to be told apart
    boxes_from: Literal["auto", "shapes", "masks"] = "auto"  # whether other shapes, or masks, are taken for boxes
    first_pixel: Literal["auto", "0", "1"] = "auto"  # of Pascal VOC's corners
    without_boxes: Literal["negative", "skip"] = "negative"  # images without boxes
    border_ignore: bool = False  # objects at an image's border may have no box
    background: str = ""  # of masks: the value or class that is the background, "none", or "" for what the masks say
    unlabelled: Literal["stop", "skip", "class"] = "stop"  # images without a mask or label
    max_pixels: int = DEFAULT.max_pixels  # of one sample of an array, and of what a packed file unpacks to
    on_bad: Literal["stop", "skip"] = "stop"  # shapes that cannot be drawn

    @property
    def labels(self) -> Labels | Literal["auto"]:
        """What is wanted of each sample."""
        return "auto" if self.task == "auto" else traits(self.task).labels

    @property
    def marks(self) -> bool:
        """Whether masks or boxes are wanted, which readers of classes and values do not give. Volumes have none of them."""
        return self.labels == "boxes" or (self.labels == "masks" and self.kind != "volumes")

    def places(self, path: Path, below: tuple[str, ...]) -> list[Path]:
        """Where files of known names are looked for that say classes: in a folder, and ``below`` it, where programs put them,
        unless something else is wanted which the folder itself may have."""
        if self.labels == "boxes":
            return []
        return [path] if self.labels in ("masks", "none") else [path, *(path / folder for folder in below)]

    @classmethod
    def of(cls, settings: Any, least_classes: int = 1) -> Reading:
        """From the settings (``neocog.config.ReadConfig``)."""
        own: dict[str, Any] = {
            "least_classes": least_classes,
            "ignore": settings.ignore if settings.ignore >= 0 else None,
        }
        return cls(**own, **{f.name: getattr(settings, f.name) for f in fields(cls) if f.name not in own})


def ambiguous(what: str, where: str, first: tuple[str, str], second: tuple[str, str]) -> UserError:
    """An error for data that can be read in two ways which lead to another task, other classes or another split.

    ``what`` is in doubt ("column 'label'"), ``where`` ("table.csv: 12 different whole numbers"); each reading is what it
    would be and the flag that chooses it: ("a class, 12 of them", "--task classification").
    """
    ways = "; ".join(f"{flag} takes it for {reading}" for reading, flag in (first, second))
    return UserError(f"{what} can be read in two ways: as {first[0]}, or as {second[0]}", where, ways)
