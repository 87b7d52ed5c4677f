"""The settings of a run: frozen dataclasses are the schema, TOML is the memory, flags are the edit.

``defaults < --config FILE < flags``. The resolved settings are written to ``config.toml`` in the run folder; ``resume``
reads only that. Field names are unique over all sections, so that each is one flat flag (``--lr``).
"""

from __future__ import annotations

import math
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tomli_w
from cyclopts import Parameter

from neocog.errors import UserError, did_you_mean, raise_all

Optimizer = Literal["adamw", "adam", "sgd", "gd"]
Schedule = Literal["onecycle", "cosine", "constant"]
Loss = Literal[
    "auto", "cross-entropy", "mse", "mae", "huber", "gaussian", "dice", "dice+cross-entropy", "focal", "tversky",
    "circular", "bernoulli", "non-saturating", "minimax", "hinge",
]  # fmt: skip
Task = Literal["auto", "classification", "regression", "orientation", "segmentation", "vae", "gan"]


Several = Parameter(consume_multiple=True, negative=())


@dataclass(frozen=True)
class ReadConfig:
    """Which data, and how they are read: the same for every verb."""

    data: Annotated[str, Parameter(parse=False)] = ""
    """Path, or one of digits, mnist, fashion-mnist, cifar10."""
    task: Task = "auto"
    """What is learned; auto: what the data's labels allow."""
    kind: Literal["auto", "images", "sequences", "volumes"] = "auto"
    """What the samples are; auto: what the files look like."""
    targets: Annotated[tuple[str, ...], Several] = ()
    """Columns whose values are learned (regression); default: every column of numbers."""
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
    min_samples: int = 0
    """Classes with fewer samples are left out."""
    gaps: Literal["error", "strip"] = "error"
    """What to do with gaps (- and .) in sequences."""
    ignore: int = -1
    """Mask value that does not count, such as 255; -1: none."""
    remap: Annotated[bool, Parameter(negative=())] = False
    """Number mask values with gaps between them anew."""
    mask_values: Literal["auto", "classes", "foreground"] = "auto"
    """What the values of masks are; foreground: all but the background is one class, soft edges are cut at half."""
    background: str = ""
    """Mask value (or class) that is the background, which no mean over classes counts; none: there is no background."""
    unlabelled: Literal["stop", "skip", "class"] = "stop"
    """What to do with images that have no mask or label (nan, NA, ?); class: such a text is the name of a class."""
    frames: Literal["error", "first", "stack"] = "error"
    """What to do with animated or multi-page files."""
    axes: str = ""
    """Axes of TIFF files whose own tags do not say, such as CYX."""
    max_pixels: int = 178_956_970
    """Most pixels of one file: a guard against decompression bombs."""
    on_bad: Literal["stop", "skip"] = "stop"
    """What to do with files that cannot be read."""
    max_bad: float = 0.01
    """Largest share of files that --on-bad skip may leave out."""


@dataclass(frozen=True)
class DataConfig(ReadConfig):
    """How the data are brought to one shape and split."""

    unseen: int = 0
    """Every so-manieth class is kept from training, and sets the threshold for "none of these"; 0: none."""
    turns: Literal["any", "quarter"] = "any"
    """Angles that are learned with --task orientation."""
    size: Annotated[tuple[int, ...], Several] = ()
    """Height and width (of volumes depth, height and width) that the network sees; one number: all alike; default: own."""
    channels: int = 0
    """Channels that the network sees; 0: the images' own."""
    fit: Literal["resize", "pad", "crop"] = "resize"
    """How images of other sizes are brought to that size."""
    scaling: Literal["data", "image"] = "data"
    """Mean and deviation that pixels are scaled by: the training data's, or each image's own (scanners that differ)."""
    split: Annotated[tuple[float, ...], Several] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test where the data do not come split. Validation tells which epoch was best, and
    calibrates; with 0 more is learned from, and the last one is kept: for few samples, among which the best of many is luck."""
    split_seed: int = 0
    """Draws the split, and whatever else says on which samples a run is judged: runs of several --seed are judged on the same."""
    together: Literal["near", "pixels", "files"] = "near"
    """What never stands on two sides of the split: near copies (also mirrored or turned by quarters), only what has the same
    pixels, or only files of the same bytes."""
    folds: int = 0
    """K-fold cross-validation: K trainings, each tested on another fold, the next one validating (not with --split 0.8 0 0.2)."""


@dataclass(frozen=True)
class ModelConfig:
    """Which network. Its own options (``neocog models NAME``) are flags too: --widths 32,64 --dropout 0.2."""

    model: str = "auto"
    """A name of `neocog models`, torchvision:NAME, timm:NAME or path/to/file.py:Class; auto: by task and kind of data."""
    options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainConfig:
    """How it is learned."""

    epochs: int = 0
    """Passes over the training samples; 0: as many as about 5,000 steps make, or 10,000 to learn classes (5 to 40; of masks, of
    which few are labelled, up to 100)."""
    minutes: float = 0.0
    """Train for about so long instead: the first steps are timed, then the number of steps is fixed."""
    batch: int = 0
    """Samples a step, over all processes together; 0: 64 to learn classes, 8 to learn masks, else 128; fewer of a small set."""
    optimizer: Optimizer = "adamw"
    """gd is full-batch gradient descent: one step an epoch."""
    lr: float = 0.002
    """Peak learning rate; of a gan 0.0002 unless it is given."""
    schedule: Schedule = "onecycle"
    """onecycle: up and down; cosine: short warm-up, then down; constant."""
    warmup: float = 0.25
    """Share of the steps in which the rate rises."""
    betas: Annotated[tuple[float, ...], Several] = (0.9, 0.99)
    """Of adam and adamw: how slowly the means of the gradient and of its square forget."""
    momentum: float = 0.9
    """Of sgd."""
    nesterov: Annotated[bool, Parameter(negative=())] = False
    """Nesterov's momentum, of sgd."""
    weight_decay: float = 0.02
    """Decoupled decay of weights (not of biases and norms)."""
    l1: float = 0.0
    """Penalty on the absolute weights."""
    l2: float = 0.0
    """Penalty on the squared weights (l2 / 2 · w²)."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: not clipped."""
    loss: Loss = "auto"
    """auto: cross-entropy for classes, mse for values, dice+cross-entropy for masks."""
    label_smoothing: float = 0.0
    """Share of the truth that is spread over all classes."""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: rare classes count as much as frequent ones."""
    beta: float = 1.0
    """Weight of the divergence between code and prior, against the reconstruction (vae)."""
    kl_warmup: float = 0.25
    """Share of the steps in which that weight rises from 0 (vae)."""
    free_bits: float = 0.0
    """Nats of each latent dimension that the divergence does not count (vae)."""
    binarise: Literal["none", "threshold", "sampled"] = "none"
    """Pixels become black or white (vae): at half of the range, or drawn with their grey value as probability."""
    conditional: Annotated[bool, Parameter(negative=())] = False
    """Learn what images of each class look like (gan): they are truer, and `sample --of` draws the classes that are named."""
    diff_augment: Annotated[bool, Parameter(negative=())] = False
    """Change real and generated images alike before the discriminator sees them (gan): for few images."""
    extractor: str = ""
    """What judges the images (gan): the run of a classifier, or inception (2,000 images on a CPU, minutes). Default: a small
    classifier is trained where there are classes."""
    ema: float = 0.0
    """Decay of a running mean of the weights that is evaluated in their place; 0: off."""
    patch: Annotated[tuple[int, ...], Several] = ()
    """Height and width of a window that is cut out of each training image, another one in each epoch (masks)."""
    patience: int = 0
    """Stop after so many epochs without a better validation measure; 0: never."""
    augment: Annotated[tuple[str, ...], Several] = ()
    """Changes to the default augmentation: turn=15, flip=off, or off for none at all. Repeatable."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the processor is fast at it, else fp32 with Winograd's convolutions. fp32: without them."""
    engine: Literal["torch", "numpy", "keras"] = "torch"
    """What computes the network: numpy is the hand-written engine, keras starts from Keras' own weights; chains of layers."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: the GPU where there is one."""
    threads: int = 0
    """Threads of one process; 0: one a core. Results depend on it in the last digit, so it is recorded."""
    workers: int = 2
    """Threads that decode images which do not fit in memory."""
    memory: float = 0.5
    """Share of the free memory that decoded images may take; beyond it they are streamed from disk."""
    save_every: float = 30.0
    """Seconds between checkpoints, more where saving would cost over 2 % of the time; 0: after every step."""
    baseline: Annotated[bool, Parameter(negative=())] = False
    """Also train mlp on the same data: what the convolution buys."""
    tensorboard: Annotated[bool, Parameter(negative=())] = False
    """Also write TensorBoard logs into the run folder."""
    seed: int = 0
    """Everything random but the split is a function of it."""


@dataclass(frozen=True)
class Config:
    """All settings of a run, by section."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainConfig = field(default_factory=TrainConfig)

    def to_toml(self) -> str:
        """TOML that ``from_toml`` reads back to an equal value."""
        return tomli_w.dumps({name: _plain(section) for name, section in asdict(self).items()})


# Settings that only some tasks have: another value than the default is refused elsewhere
SETTINGS_OF: dict[str, tuple[Task, ...]] = {
    "beta": ("vae",),
    "kl_warmup": ("vae",),
    "free_bits": ("vae",),
    "binarise": ("vae",),
    "conditional": ("gan",),
    "diff_augment": ("gan",),
    "extractor": ("gan",),
    "patch": ("segmentation",),
    "engine": ("classification",),
}

# Settings of the training that are other by default for some tasks (Radford et al. 2016 for gan)
USUAL: dict[str, dict[str, Any]] = {
    "gan": {
        "optimizer": "adam", "lr": 0.0002, "betas": (0.5, 0.999), "schedule": "constant", "warmup": 0.0, "weight_decay": 0.0,
        "ema": 0.995,
    },
}  # fmt: skip

SECTIONS: dict[str, type] = {"data": DataConfig, "model": ModelConfig, "training": TrainConfig}


def from_toml(text: str, where: str) -> Config:
    """Read settings; unknown keys and values of another type are errors, all told at once, with the nearest name."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not TOML: {error}", where) from error
    raise_all(_faults(tables, where))
    usual = USUAL.get(tables.get("data", {}).get("task", ""), {})
    if usual:
        tables["training"] = {**usual, **tables.get("training", {})}
    sections = {name: SECTIONS[name](**_typed(SECTIONS[name], table)) for name, table in tables.items()}
    return check(Config(**sections))


def from_run(path: Path) -> Config:
    """The settings that a run has recorded.

    Before there was a ``split_seed``, ``seed`` drew the split too, and only files of the same bytes stayed together.
    """
    text = path.read_text(encoding="utf-8")
    config = from_toml(text, str(path))
    if "split_seed" in tomllib.loads(text).get("data", {}):
        return config
    return replace(config, data=replace(config.data, split_seed=config.training.seed, together="files"))


def changed(config: Config, edits: Mapping[str, Any]) -> Config:
    """``config`` with some fields (unique names over all sections) replaced."""
    for name, kind in SECTIONS.items():
        mine = {f.name: edits[f.name] for f in fields(kind) if f.name in edits}
        if mine:
            config = replace(config, **{name: replace(getattr(config, name), **mine)})
    return check(config)


def configured(config: Config, settings: dict[str, Any]) -> Config:
    """``config`` with settings replaced; names that no section knows are options of the model.

    Where a task is chosen whose usual settings are other than the general defaults, it brings them along.
    """
    if settings.get("task", config.data.task) != config.data.task:
        settings = {**USUAL.get(settings["task"], {}), **settings}
    known = {name for section in (config.data, config.model, config.training) for name in section.__dataclass_fields__}
    options = {name: value for name, value in settings.items() if name not in known}
    edits = {name: value for name, value in settings.items() if name in known}
    if options:
        edits["options"] = {**config.model.options, **options}
    return changed(config, edits)


def check(config: Config) -> Config:
    """Every value in its range, or all the faults at once."""
    raise_all([*_training_faults(config.training), *_data_faults(config.data)])
    return config


def _training_faults(training: TrainConfig) -> Iterator[UserError]:
    least = {"epochs": 0, "batch": 0, "patience": 0, "threads": 0, "workers": 0, "seed": 0}
    for name, smallest in least.items():
        if getattr(training, name) < smallest:
            yield UserError(f"--{name} {getattr(training, name)} is below {smallest}", fix=f"give {smallest} or more")
    ranges = {
        "lr": (0.0, 1000.0), "minutes": (0.0, 1e6), "warmup": (0.0, 1.0), "momentum": (0.0, 1.0), "weight_decay": (0.0, 1000.0),
        "l1": (0.0, 1000.0), "l2": (0.0, 1000.0), "clip": (0.0, 1e9), "label_smoothing": (0.0, 1.0), "ema": (0.0, 1.0),
        "memory": (0.0, 1.0), "save_every": (0.0, 1e9), "beta": (0.0, 1000.0), "kl_warmup": (0.0, 1.0), "free_bits": (0.0, 100.0),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        value = getattr(training, name)
        if not low <= value <= high or (name in ("ema", "momentum", "label_smoothing") and value == high):
            yield UserError(
                f"--{_flag(name)} {value} is outside {low:g} to {high:g}", fix=f"give a value from {low:g} to {high:g}"
            )
    if len(training.betas) != 2 or not all(0 <= beta < 1 for beta in training.betas):
        shown = " ".join(f"{beta:g}" for beta in training.betas)
        yield UserError(
            f"--betas {shown} is not two numbers from 0 to below 1", fix="give two, such as --betas 0.9 0.99"
        )
    if training.lr == 0:
        yield UserError("--lr 0 learns nothing", fix="give a rate above 0")
    if training.epochs and training.minutes:
        yield UserError("--epochs and --minutes contradict each other", fix="give one of the two")
    if training.seed >= 2**63:
        yield UserError(f"--seed {training.seed} is above 2^63 − 1", fix="give a smaller seed")
    if training.loss not in ("auto", "cross-entropy") and training.label_smoothing:
        yield UserError(
            f"--label-smoothing belongs to cross-entropy, not to --loss {training.loss}", fix="leave one of the two out"
        )
    if len(training.patch) > 2 or any(side < 1 for side in training.patch):
        yield UserError(
            f"--patch {' '.join(map(str, training.patch))} is no window",
            fix="give one side, or height and width (256 320)",
        )


def _data_faults(data: DataConfig) -> Iterator[UserError]:
    if (
        len(data.split) != 3
        or any(not math.isfinite(share) or share < 0 for share in data.split)
        or sum(data.split) <= 0
    ):
        yield UserError(
            f"--split {data.split} is not three shares", fix="give train, validation and test, such as 0.8 0.1 0.1"
        )
    elif data.split[0] <= 0 or data.split[2] <= 0:
        yield UserError("--split leaves nothing to train or to test on", fix="give shares above 0 for train and test")
    if not 0 <= data.split_seed < 2**63:
        yield UserError(
            f"--split-seed {data.split_seed} is outside 0 to 2^63 − 1", fix="give 0 or another small number"
        )
    if data.folds < 0 or data.folds in (1, 2):
        yield UserError(
            f"--folds {data.folds} is too few", fix="give 3 or more (one part trains, one validates, one tests), or 0"
        )
    if len(data.size) > 3 or any(side < 1 for side in data.size):
        yield UserError(
            f"--size {data.size} is no size", fix="give one side, height and width (48 64), or depth too (32 48 64)"
        )
    if data.unseen < 0 or data.unseen == 1:
        yield UserError(f"--unseen {data.unseen} leaves no class to learn", fix="give 2 or more, such as 6, or 0")
    if data.channels < 0:
        yield UserError(f"--channels {data.channels} is below 0", fix="give 1, 3 …, or 0 for the images' own")
    if not 0 <= data.max_bad <= 1:
        yield UserError(f"--max-bad {data.max_bad} is outside 0 to 1", fix="give a share such as 0.01")


def _faults(tables: Mapping[str, Any], where: str) -> Iterator[UserError]:
    for name, table in tables.items():
        if name not in SECTIONS or not isinstance(table, Mapping):
            yield UserError(
                f"no section [{name}]", where, did_you_mean(name, SECTIONS) + f"known: {', '.join(SECTIONS)}"
            )
            continue
        hints = hints_of(SECTIONS[name])
        for key, value in table.items():
            if key not in hints:
                yield UserError(
                    f"no setting '{key}' in [{name}]", where, did_you_mean(key, hints) + f"known: {', '.join(hints)}"
                )
            elif not _fits(value, hints[key]):
                yield UserError(f"{key} = {value!r} is not {_named(hints[key])}", where)


def hints_of(section: type) -> dict[str, Any]:
    """Field name → type, without the ``Annotated`` around it."""
    return {
        name: get_args(hint)[0] if get_origin(hint) is Annotated else hint
        for name, hint in get_type_hints(section).items()
    }


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in get_args(hint))
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _named(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    return {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}.get(
        getattr(hint, "__name__", ""), str(hint)
    )


def _typed(section: type, table: Mapping[str, Any]) -> dict[str, Any]:
    hints = hints_of(section)
    typed = {}
    for key, value in table.items():
        if get_origin(hints[key]) is tuple:
            value = tuple(get_args(hints[key])[0](item) for item in value)
        elif hints[key] is float:
            value = float(value)
        typed[key] = value
    return typed


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _flag(name: str) -> str:
    return name.replace("_", "-")
