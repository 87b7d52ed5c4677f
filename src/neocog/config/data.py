"""Settings of the data: which, how they are read, brought to one shape and split."""

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
    """Path, or one of digits, mnist, fashion-mnist, cifar10."""
    task: TaskName = "auto"
    """What is learned. auto: what the data's labels allow."""
    task_options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)
    """The task's own, by name: of one that a package or a file brings."""
    kind: Literal["auto", "images", "sequences", "volumes"] = "auto"
    """What the samples are. auto: what the files look like."""
    targets: Annotated[tuple[str, ...], Several] = ()
    """Columns whose values are learned (regression). Default: every column of numbers."""
    angles: Literal["auto", "degrees", "radians"] = "auto"
    """Unit of angles whose column names none; auto: degrees where values go beyond 2π, else it stops and asks."""
    decimal: Literal["auto", "point", "comma"] = "auto"
    """Sign before the decimals of a table's numbers; auto: a comma where no comma separates fields and no point is used."""
    columns: Annotated[tuple[str, ...], Several] = ()
    """What columns of a table are, such as label=species group=patient weight=none. Roles: image, label, value, group, split,
    weight, ignore; several label columns hold 0 and 1, a class each."""
    levels: str = ""
    """What the levels of folders are, from the top: class,group. Names: split, class, group, ignore."""
    groups: str = ""
    """What file names tell of groups (samples that stay on one side of the split): names:REGEX, whose first group it is, or none;
    default: patients, slides, wells and the like that names number."""
    label_field: str = ""
    """Field of FASTA headers that is the label: its number from 1, or its name."""
    min_samples: Count = 0
    """Classes with fewer samples are left out."""
    gaps: Literal["error", "strip"] = "error"
    """What to do with gaps (- and .) in sequences."""
    ignore: Annotated[int, Range(-1, 2**32)] = -1
    """Mask value that does not count, such as 255. -1: none."""
    remap: Annotated[bool, Parameter(negative=())] = False
    """Number mask values with gaps between them anew."""
    mask_values: Literal["auto", "classes", "foreground"] = "auto"
    """What the values of masks are. foreground: all but the background is one class, soft edges are cut at half."""
    instances: Annotated[bool, Parameter(negative=())] = False
    """Masks are of single objects (cells, particles). Learn to tell them apart, and count them."""
    background: str = ""
    """Mask value (or class) that is the background. No mean over classes counts it; none: there is no background."""
    unlabelled: Literal["stop", "skip", "class"] = "stop"
    """What to do with images that have no mask or label (nan, NA, ?); class: such a text is the name of a class."""
    frames: Literal["error", "first", "stack"] = "error"
    """What to do with animated or multi-page files."""
    axes: str = ""
    """Axes of TIFF files whose own tags do not say, such as CYX."""
    max_pixels: Annotated[int, Range(1, 10**12)] = 178_956_970
    """Most pixels of a file, of a sample of an array, and of all that a file unpacks to where that is over 100 a packed byte: a
    guard against decompression bombs."""
    on_bad: Literal["stop", "skip"] = "stop"
    """What to do with files that cannot be read."""
    max_bad: Share = 0.01
    """Largest share of files that --on-bad skip may leave out."""


@dataclass(frozen=True)
class DataConfig(ReadConfig):
    """How the data are brought to one shape and split."""

    corrections: str = ""
    """CSV of samples to relabel or to leave out, as `neocog stress RUN labels` proposes them."""
    unseen: Count = 0
    """Every n-th class is kept from training. Those set the threshold for "none of these"; 0: none."""
    turns: Literal["any", "quarter"] = "any"
    """Angles that are learned (orientation)."""
    size: Annotated[tuple[int, ...], Several, Range(1, 100_000)] = ()
    """Height and width that the network sees. Of volumes depth, height and width; one number: all alike; default: own."""
    channels: Annotated[int, Range(0, 100_000)] = 0
    """Channels that the network sees; 0: the images' own."""
    fit: Literal["auto", "resize", "pad", "crop"] = "auto"
    """How images of other sizes are brought to that size. auto: resize, or as pretrained weights need."""
    scaling: Literal["auto", "data", "image", "weights"] = "auto"
    """Mean and deviation that pixels are scaled by. data: the training data's; image: each image's own (scanners that differ);
    weights: those of pretrained ones; auto: weights with --from, else data."""
    split: Annotated[tuple[float, ...], Several, Range(0, 10**9)] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test. Of data that do not come split. Validation tells which epoch was best, and
    calibrates; with 0 more is learned from, and the last one is kept: for few samples, among which the best of many is luck."""
    split_seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of the split. And of whatever else says on which samples a run is judged: runs of several --seed are judged on the
    same."""
    together: Literal["near", "pixels", "files"] = "near"
    """What never stands on two sides of the split: near copies (also mirrored or turned by quarters), only what has the same
    pixels, or only files of the same bytes."""
    folds: Annotated[int, Range(0, 10_000)] = 0
    """K of K-fold cross-validation. Each of K trainings is tested on another fold; the next one validates (not with --split
    0.8 0 0.2)."""
    repeats: Annotated[int, Range(1, 1000)] = 1
    """Times that --folds are drawn anew. Of few samples: measures depend less on one draw, and know as many samples as before."""

    leave_one_group_out: bool = False
    """Each of --folds tests one whole group (site, scanner, camera) on a network of the others, of which a share validates
    (--split). The report shows inside beside outside: what is lost in a new place."""

    @property
    def trainings(self) -> int:
        """Trainings of --folds, over all repeats; 0 without folds."""
        return self.folds * self.repeats
