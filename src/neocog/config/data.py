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
    """What to learn. auto: decided by the labels."""
    task_options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)
    """The task's own options, by name."""
    kind: Literal["auto", "images", "sequences", "volumes"] = "auto"
    """Type of the samples. auto: decided by the files."""
    targets: Annotated[tuple[str, ...], Several] = ()
    """Columns of values to predict (regression). Default: every numeric column."""
    angles: Literal["auto", "degrees", "radians"] = "auto"
    """Unit of angles, if the column name has none. auto: degrees if any value exceeds 2π, otherwise neocog stops and asks."""
    decimal: Literal["auto", "point", "comma"] = "auto"
    """Decimal separator in tables. auto: a comma if commas do not separate the fields and no number contains a point."""
    columns: Annotated[tuple[str, ...], Several] = ()
    """Roles of table columns, such as label=species group=patient weight=none. Roles: image, label, value, group, split,
    weight, ignore. Several label columns are read as one-hot: 0 or 1, one column per class."""
    levels: str = ""
    """Roles of folder levels from the top, such as class,group. Roles: split, class, group, ignore."""
    groups: str = ""
    """Groups from file names: names:REGEX, or none. Samples of a group stay in the same part of the split. The first capture
    group of REGEX names the sample's group; default: numbered patients, slides, wells and the like are recognised."""
    label_field: str = ""
    """Field of the FASTA headers that holds the label: its number, from 1, or its name."""
    min_samples: Count = 0
    """Leave out classes with fewer samples than this."""
    gaps: Literal["error", "strip"] = "error"
    """How to handle gaps (- and .) in sequences."""
    ignore: Annotated[int, Range(-1, 2**32)] = -1
    """Mask value to ignore, such as 255. -1: none."""
    remap: Annotated[bool, Parameter(negative=())] = False
    """Renumber mask values that have gaps between them."""
    mask_values: Literal["auto", "classes", "foreground"] = "auto"
    """Meaning of mask values. foreground: everything but the background is one class; soft edges are thresholded at one half."""
    instances: Annotated[bool, Parameter(negative=())] = False
    """Masks show individual objects, such as cells. The network learns to separate and count them."""
    background: str = ""
    """Mask value (or class) of the background. It is left out of means over classes; none: there is no background."""
    boxes_from: Literal["auto", "shapes", "masks"] = "auto"
    """What boxes are made from. shapes: the smallest box around each outline, circle or mask; masks: a box around each object."""
    first_pixel: Literal["auto", "0", "1"] = "auto"
    """Index of the first pixel in Pascal VOC boxes. auto: 0 if any coordinate is 0, otherwise 1."""
    without_boxes: Literal["negative", "skip"] = "negative"
    """How to handle images without boxes. negative: they contain no objects."""
    border_ignore: Annotated[bool, Parameter(negative=())] = False
    """Objects that the image's border cuts may have no box: they are neither learned nor judged, counted nor predicted."""
    unlabelled: Literal["stop", "skip", "class"] = "stop"
    """How to handle images without a mask or label (nan, NA, ?). class: take such text as a class name."""
    frames: Literal["error", "first", "stack"] = "error"
    """How to handle animated or multi-page files."""
    axes: str = ""
    """Axes of TIFF files whose metadata do not name them, such as CYX."""
    max_pixels: Annotated[int, Range(1, 10**12)] = 178_956_970
    """Maximum number of pixels of a file, or of one sample of an array. Also of all that a file unpacks to, if that is over 100
    pixels per compressed byte: a guard against decompression bombs."""
    on_bad: Literal["stop", "skip"] = "stop"
    """How to handle files that cannot be read."""
    max_bad: Share = 0.01
    """Largest share of files that --on-bad skip may leave out."""


@dataclass(frozen=True)
class DataConfig(ReadConfig):
    """How the data are brought to one shape and split."""

    corrections: str = ""
    """CSV of samples to relabel or leave out, as proposed by `neocog stress RUN labels`."""
    unseen: Count = 0
    """Exclude every n-th class from training. These classes set the threshold for "none of these"; 0: none."""
    turns: Literal["any", "quarter"] = "any"
    """Angles to learn (orientation). quarter: multiples of 90°."""
    size: Annotated[tuple[int, ...], Several, Range(1, 100_000)] = ()
    """Height and width of the network's input. Volumes: depth, height and width; one number: all equal; default: as the data."""
    channels: Annotated[int, Range(0, 100_000)] = 0
    """Channels of the network's input. 0: as many as the images have."""
    fit: Literal["auto", "resize", "pad", "crop", "corner"] = "auto"
    """How images of other sizes are fitted to --size. corner: not scaled, as in restoration; auto: resize, or as pretrained weights
    require."""
    draft: Annotated[bool, Parameter(negative=())] = False
    """Decode large JPEG files at 1/2, 1/4 or 1/8 of their sides, where these stay above --size: faster, and pixels differ by a few
    grey levels."""
    scaling: Literal["auto", "data", "image", "weights"] = "auto"
    """Mean and standard deviation that normalise the pixels. data: of the training data; image: of each image itself (for scanners
    that differ); weights: those of the pretrained weights; auto: weights with --from, otherwise data."""
    split: Annotated[tuple[float, ...], Several, Range(0, 10**9)] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test. For data that do not come split. Validation chooses the best epoch and calibrates.
    Without it (0.8 0 0.2) more samples are trained on and the last epoch is kept: for few samples, where the choice is luck."""
    split_seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of the split. It alone decides which samples a run is tested on, so that runs with different --seed are tested on the
    same ones."""
    together: Literal["near", "pixels", "files"] = "near"
    """What the split keeps in one part. near: near-duplicates, also mirrored or rotated by 90°; pixels: only images with identical
    pixels; files: only identical files."""
    folds: Annotated[int, Range(0, 10_000)] = 0
    """Number of folds for cross-validation. Each training is tested on another fold, and the next fold is its validation part
    (none with --split 0.8 0 0.2)."""
    repeats: Annotated[int, Range(1, 1000)] = 1
    """How often --folds are drawn anew. For few samples: measures depend less on one draw, though the sample is no larger."""
    leave_one_group_out: bool = False
    """Each of --folds tests one whole group (site, scanner, camera) on a network trained on the others, of which a share validates
    (--split). The report compares known with new groups: what is lost in a new place."""

    @property
    def trainings(self) -> int:
        """Trainings of --folds, over all repeats; 0 without folds."""
        return self.folds * self.repeats
