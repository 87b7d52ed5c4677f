"""Settings of the data: which, and how they are read, brought to one shape and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from neocog.checked import Range
from neocog.config.kinds import Count, Several, Share, TaskName


@dataclass(frozen=True)
class ReadConfig:
    """Which data, and how they are read: the same for every verb."""

    data: Annotated[str, Parameter(parse=False)] = ""
    """A path, or one of digits, mnist, fashion-mnist, cifar10."""
    task: TaskName = "auto"
    """What is learned. auto: whatever the labels allow."""
    task_options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)
    """Options of a task that comes from a package or a file, by name."""
    kind: Literal["auto", "images", "sequences", "volumes"] = "auto"
    """What the samples are. auto: what the files look like."""
    targets: Annotated[tuple[str, ...], Several] = ()
    """Columns whose values are learned (regression). Default: every column of numbers."""
    angles: Literal["auto", "degrees", "radians"] = "auto"
    """Unit of angles, where the column's name has none. auto: degrees if any value is beyond 2π, else neocog stops and asks."""
    decimal: Literal["auto", "point", "comma"] = "auto"
    """Decimal separator of a table's numbers. auto: a comma if commas do not separate the fields and no number has a point."""
    columns: Annotated[tuple[str, ...], Several] = ()
    """What a table's columns are, such as label=species group=patient weight=none. Roles: image, label, value, group, split,
    weight, ignore. Several label columns are one-hot: 0 or 1, one column for each class."""
    levels: str = ""
    """What the folder levels are, from the top, such as class,group. Roles: split, class, group, ignore."""
    groups: str = ""
    """Groups from file names: names:REGEX, or none. Samples of one group stay on one side of the split. The expression's first
    group is the name of the sample's group; default: numbered patients, slides, wells and the like are recognised."""
    label_field: str = ""
    """Field of the FASTA headers that is the label: its number, from 1, or its name."""
    min_samples: Count = 0
    """Classes with fewer samples are left out."""
    gaps: Literal["error", "strip"] = "error"
    """What to do with gaps (- and .) in sequences."""
    ignore: Annotated[int, Range(-1, 2**32)] = -1
    """Mask value to ignore, such as 255. -1: none."""
    remap: Annotated[bool, Parameter(negative=())] = False
    """Renumber mask values that have gaps between them."""
    mask_values: Literal["auto", "classes", "foreground"] = "auto"
    """What the values of masks mean. foreground: all but the background is one class, and soft edges are cut at one half."""
    instances: Annotated[bool, Parameter(negative=())] = False
    """Masks show single objects, such as cells. Learn to tell them apart, and count them."""
    background: str = ""
    """Mask value (or class) that is the background. It is left out of means over classes; none: there is no background."""
    boxes_from: Literal["auto", "shapes", "masks"] = "auto"
    """What boxes are made from. shapes: the smallest box around each outline, circle or mask; masks: a box around each object."""
    first_pixel: Literal["auto", "0", "1"] = "auto"
    """Number of the first pixel in corners of Pascal VOC. auto: 0 where any corner is 0, else 1."""
    without_boxes: Literal["negative", "skip"] = "negative"
    """What to do with images without a box. negative: nothing is in them."""
    unlabelled: Literal["stop", "skip", "class"] = "stop"
    """What to do with images without a mask or label (nan, NA, ?). class: take such a text as the name of a class."""
    frames: Literal["error", "first", "stack"] = "error"
    """What to do with animated or multi-page files."""
    axes: str = ""
    """Axes of TIFF files whose tags do not name them, such as CYX."""
    max_pixels: Annotated[int, Range(1, 10**12)] = 178_956_970
    """Most pixels of a file, or of one sample of an array. Also of all that a file unpacks to, if that is over 100 pixels for each
    packed byte: a guard against decompression bombs."""
    on_bad: Literal["stop", "skip"] = "stop"
    """What to do with files that cannot be read."""
    max_bad: Share = 0.01
    """Largest share of the files that --on-bad skip may leave out."""


@dataclass(frozen=True)
class DataConfig(ReadConfig):
    """How the data are brought to one shape and split."""

    corrections: str = ""
    """CSV of samples to relabel or leave out, as `neocog stress RUN labels` proposes them."""
    unseen: Count = 0
    """Keep every n-th class from training. These classes set the threshold for "none of these"; 0: none."""
    turns: Literal["any", "quarter"] = "any"
    """Angles that are learned (orientation)."""
    size: Annotated[tuple[int, ...], Several, Range(1, 100_000)] = ()
    """Height and width that the network sees. For volumes depth, height and width; one number: all equal; default: as the data."""
    channels: Annotated[int, Range(0, 100_000)] = 0
    """Channels that the network sees. 0: as many as the images have."""
    fit: Literal["auto", "resize", "pad", "crop", "corner"] = "auto"
    """How images of other sizes are brought to --size. corner: not scaled, as restoration has it; auto: resize, or as pretrained
    weights need it."""
    scaling: Literal["auto", "data", "image", "weights"] = "auto"
    """Which mean and standard deviation normalise the pixels. data: the training data's; image: each image's own (for scanners
    that differ); weights: those of the pretrained weights; auto: weights with --from, else data."""
    split: Annotated[tuple[float, ...], Several, Range(0, 10**9)] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test. For data that do not come split. Validation chooses the best epoch and calibrates.
    Without it (0.8 0 0.2) there is more to learn from, and the last epoch is kept: for few samples, where the choice is luck."""
    split_seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of the split. And of everything else that decides on which samples a run is tested, so that runs with different --seed
    are tested on the same ones."""
    together: Literal["near", "pixels", "files"] = "near"
    """What never stands on two sides of the split. near: near copies, also mirrored or turned by quarters; pixels: only images of
    the same pixels; files: only files of the same bytes."""
    folds: Annotated[int, Range(0, 10_000)] = 0
    """K of K-fold cross-validation. Each of the K trainings is tested on another fold, and the next fold validates (with --split
    0.8 0 0.2 none does)."""
    repeats: Annotated[int, Range(1, 1000)] = 1
    """How often --folds are drawn anew. For few samples: measures depend less on one draw, though there are no more samples."""

    leave_one_group_out: bool = False
    """Each of --folds tests one whole group (site, scanner, camera) on a network of the others, of which a share validates
    (--split). The report shows inside beside outside: what is lost in a new place."""

    @property
    def trainings(self) -> int:
        """Trainings of --folds, over all repeats; 0 without folds."""
        return self.folds * self.repeats
