"""The settings of a run: frozen dataclasses are the schema, TOML is the memory, flags are the edit.

``defaults < --config FILE < flags``. The resolved settings are written to ``config.toml`` in the run folder; ``resume``
reads only that. Field names are unique over all sections, so that each is one flat flag (``--lr``).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import tomli_w
from cyclopts import Parameter

from neocog.checked import OneOf, Range, as_typed, read
from neocog.documents import RESTORE, parse_toml, read_text
from neocog.errors import UserError, did_you_mean, faults_of, raise_all
from neocog.facts import absent, without_old_weights
from neocog.run import Run
from neocog.traits import TASKS, losses, traits

IMAGENET = "imagenet"  # weights that no file or library names
TUNED = {"lr": 0.0005}  # a quarter of what fresh weights are learned with, lest those that are there be forgotten
TUNE = re.compile(r"head|all|auto|last:[1-9][0-9]{0,5}")
INCEPTION = "inception"  # an extractor that is no run
Optimizer = Literal["adamw", "adam", "rmsprop", "sgd", "gd"]
Schedule = Literal["onecycle", "cosine", "exponential", "constant"]
Several = Parameter(consume_multiple=True, negative=())
Count = Annotated[int, Range(0, 10**9)]
Share = Annotated[float, Range(0, 1)]
TaskName = Annotated[str, OneOf(lambda: ["auto", *TASKS], TASKS.knows)]


@dataclass(frozen=True)
class ReadConfig:
    """Which data, and how they are read: the same for every verb."""

    data: Annotated[str, Parameter(parse=False)] = ""
    """Path, or one of digits, mnist, fashion-mnist, cifar10."""
    task: TaskName = "auto"
    """What is learned. auto: what the data's labels allow."""
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

    @property
    def trainings(self) -> int:
        """Trainings of --folds, over all repeats; 0 without folds."""
        return self.folds * self.repeats


@dataclass(frozen=True)
class ModelConfig:
    """Which network. Its own options (``neocog models NAME``) are flags too: --widths 32,64 --dropout 0.2."""

    model: str = "auto"
    """Which network: a name of `neocog models`. Or torchvision:NAME, timm:NAME, path/to/file.py:Class; auto: by task and data."""
    options: Annotated[Mapping[str, Any], Parameter(parse=False)] = field(default_factory=dict)


@dataclass(frozen=True)
class TransferConfig:
    """Weights of a network that was trained before, and how they are learned further."""

    pretrained: str = ""
    """Weights to start from: imagenet, timm:NAME, FILE, RUN …. Also torchvision:NAME and hf:ID. imagenet: a network that suits
    this machine; FILE: .safetensors; RUN: a run folder of one's own, of any task. Their preprocessing comes with them."""
    tune: str = "auto"
    """What is learned: head, all, last:N or auto. head: the last layer alone, on features that are computed once; all: then
    every layer; last:N: then the last N blocks; auto: all where that is better on samples that neither learned from."""
    layer_decay: Annotated[float, Range(0, 1, above=True)] = 0.75
    """Rate of a layer over that of the layer after it. So the first layers change least (Clark et al. 2020)."""
    tune_norms: Annotated[bool, Parameter(negative=())] = False
    """Let batch norm's means and variances move too. Without it they stay those of the pretrained network."""
    views: Annotated[int, Range(1, 10)] = 1
    """Views of an image that answers are averaged over. 2: also its mirror image; up to 10: also its corners (Krizhevsky 2012)."""


@dataclass(frozen=True)
class TrainConfig:
    """How it is learned."""

    epochs: Count = 0
    """Passes over the training samples; 0: by their number. As many as about 5,000 steps make, or 10,000 to learn classes (5 to
    40; of masks, of which few are labelled, up to 100)."""
    minutes: Annotated[float, Range(0, 10**6)] = 0.0
    """Train for about so long, instead of --epochs. As many steps as fit, planned anew where the machine becomes slower or
    quicker; of --folds, all together. A gan's judging classifier counts; a --baseline takes as long again."""
    batch: Count = 0
    """Samples a step, of all processes together. 0: 64 to learn classes, 8 to learn masks, else 128; fewer of a small set."""
    optimizer: Optimizer = "adamw"
    """How weights are updated. adamw and adam (Kingma and Ba 2015, Loshchilov and Hutter 2019), rmsprop (Hinton 2012), sgd
    with --momentum, and gd: gradient descent on all samples at once, one step an epoch."""
    lr: Annotated[float, Range(0, 1000, above=True)] = 0.002
    """Peak learning rate. Of a gan 0.0002 unless it is given."""
    schedule: Schedule = "onecycle"
    """Rate over time. onecycle: up and down; cosine: short warm-up, then down; exponential: times --decay-rate every
    --decay-steps; constant."""
    warmup: Share = 0.25
    """Share of the steps in which the rate rises (onecycle; cosine: 0.05 at most)."""
    decay_steps: Annotated[int, Range(1, 10**9)] = 10_000
    """Steps in which the rate falls to --decay-rate of what it was (exponential)."""
    decay_rate: Annotated[float, Range(0, 1, above=True)] = 0.98
    """What is left of the rate after --decay-steps (exponential)."""
    staircase: Annotated[bool, Parameter(negative=())] = False
    """The rate falls at every --decay-steps at once, not a little at each step (exponential)."""
    betas: Annotated[tuple[float, ...], Several, Range(0, 1, below=True)] = (0.9, 0.99)
    """Of adam and adamw: how slowly the means of the gradient and of its square forget."""
    alpha: Annotated[float, Range(0, 1, below=True)] = 0.99
    """Of rmsprop: how slowly the mean of the squared gradient forgets."""
    momentum: Annotated[float, Range(0, 1, below=True)] = 0.9
    """Of sgd."""
    nesterov: Annotated[bool, Parameter(negative=())] = False
    """Nesterov's momentum, of sgd."""
    weight_decay: Annotated[float, Range(0, 1000)] = 0.02
    """Decoupled decay of weights. Not of biases and norms."""
    l1: Annotated[float, Range(0, 1000)] = 0.0
    """Penalty on the absolute weights."""
    l2: Annotated[float, Range(0, 1000)] = 0.0
    """Penalty on the squared weights (l2 / 2 · w²)."""
    clip: Annotated[float, Range(0, 10**9)] = 0.0
    """Largest norm of the gradient; 0: not clipped."""
    loss: str = "auto"
    """Loss that is minimised. auto: cross-entropy for classes, mse for values, dice+cross-entropy for masks."""
    label_smoothing: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Share of the truth that is spread over all classes."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the classes. balanced: rare classes count as much as frequent ones."""
    beta: Annotated[float, Range(0, 1000)] = 1.0
    """Weight of the divergence (vae). Of that between code and prior, against the reconstruction."""
    kl_warmup: Share = 0.25
    """Share of the steps in which --beta rises from 0."""
    free_bits: Annotated[float, Range(0, 100)] = 0.0
    """Nats of each latent dimension that do not count (vae). In the divergence."""
    binarise: Literal["none", "threshold", "sampled"] = "none"
    """Pixels black or white (vae). At half of the range, or drawn with their grey value as probability."""
    conditional: Annotated[bool, Parameter(negative=())] = False
    """Learn what images of each class look like (gan). They are truer, and `sample --of` draws the classes that are named."""
    diff_augment: Annotated[bool, Parameter(negative=())] = False
    """Change real and generated images alike (gan). Before the discriminator sees them: for few images."""
    extractor: str = ""
    """What judges the images (gan). The run of a classifier, or inception (2,000 images on a CPU, minutes). Default: a small
    classifier is trained where there are classes."""
    ema: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Decay of a running mean of the weights; 0: off. The mean is evaluated in their place."""
    patch: Annotated[tuple[int, ...], Several, Range(1, 100_000)] = ()
    """Height and width of a window of each image (masks). Another one is cut out of each training image in each epoch."""
    patience: Count = 0
    """Stop after so many epochs without improvement. Of the validation measure; 0: never."""
    augment: Annotated[tuple[str, ...], Several] = ()
    """Changes to the default augmentation: turn=15, flip=off. Or off for none at all. Repeatable."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision of numbers. auto: bf16 where the processor is fast at it, else fp32 with Winograd's convolutions. fp32: without."""
    engine: Literal["torch", "numpy", "keras"] = "torch"
    """What computes the network. numpy is the hand-written engine, keras starts from Keras' own weights; chains of layers."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is computed. auto: the GPU where there is one."""
    threads: Annotated[int, Range(0, 4096)] = 0
    """Threads of one process. 0: one for small steps, for others as many as a trial says now. The last digits depend on it, so
    it is recorded; give a number to have the same ones at every run."""
    workers: Annotated[int, Range(0, 1024)] = 2
    """Threads that decode images which do not fit in memory."""
    memory: Share = 0.5
    """Share of the free memory that decoded images may take; beyond it they are streamed from disk."""
    save_every: Annotated[float, Range(0, 10**9)] = 30.0
    """Seconds between checkpoints, more where saving would cost over 2 % of the time; 0: after every step."""
    baseline: Annotated[bool, Parameter(negative=())] = False
    """Also train mlp on the same data. It shows what the convolution buys."""
    curve: Annotated[bool, Parameter(negative=())] = False
    """Also train on 1/8, 1/4 and 1/2 of the training part. It shows what twice as many samples would bring."""
    refit: Annotated[bool, Parameter(negative=())] = False
    """After --folds, also train on all samples. For as many epochs as were best in the folds (median). That network is kept; its
    measures are those of the folds."""
    tensorboard: Annotated[bool, Parameter(negative=())] = False
    """Also write TensorBoard logs into the run folder."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Everything random but the split is a function of it."""


@dataclass(frozen=True)
class Config:
    """All settings of a run, by section."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)

    def to_toml(self) -> str:
        """TOML that ``from_toml`` reads back to an equal value."""
        return tomli_w.dumps(self.tables())

    def tables(self) -> dict[str, Any]:
        """{section: {setting: value}} in plain values, which ``from_tables`` reads back."""
        return {name: _plain(section) for name, section in asdict(self).items()}


SECTIONS: dict[str, type] = {
    "data": DataConfig, "model": ModelConfig, "transfer": TransferConfig, "training": TrainConfig,
}  # fmt: skip
HINTS = {name: hint for kind in SECTIONS.values() for name, hint in get_type_hints(kind, include_extras=True).items()}


def parameters(section: type) -> list[inspect.Parameter]:
    """The settings of a section as keyword arguments, with their types and defaults."""
    usual = section()
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(usual, name), annotation=HINTS[name])
        for name in names_of(section)
    ]


def names_of(section: type) -> list[str]:
    """The settings of a section."""
    return [f.name for f in fields(section)]


def from_toml(text: str, where: str) -> Config:
    """Read settings; unknown keys and values of another type or out of range are errors, all told at once."""
    return from_tables(parse_toml(text, where), where)


def from_tables(tables: Mapping[str, Any], where: str) -> Config:
    """Settings from tables by section, checked as those of TOML are."""
    settings = {
        name: value
        for section, kind in SECTIONS.items()
        for name, value in _table(tables.get(section)).items()
        if name in names_of(kind)
    }
    settings = {name: _path(value) if isinstance(value, str) else value for name, value in settings.items()}
    config, faults = taken(Config(), {**usual(settings), **settings}, where)
    raise_all([*unknown(tables, where), *(UserError(fault.what, fault.where or where, fault.fix) for fault in faults)])
    return config


def from_run(path: Path) -> Config:
    """The settings that a run has recorded.

    Before there was a ``split_seed``, ``seed`` drew the split too, and only files of the same bytes stayed together. Raises
    UserError where there is no run.
    """
    if not path.exists():
        raise UserError(f"{path.parent} is no run folder", str(path), "give a folder that `neocog train` made")
    tables = parse_toml(read_text(path), path, RESTORE)
    task = _table(tables.get("data")).get("task", "auto")
    if isinstance(task, str) and task != "auto" and not TASKS.knows(task):
        raise absent(Run(path.parent), "task", task)
    config = from_tables(tables, str(path))
    options = without_old_weights(config.model.model, config.model.options, path)
    config = replace(config, model=replace(config.model, options=options))
    if not config.data.data or not config.training.batch:
        raise UserError("damaged: it does not say which data, or how large the batches are", str(path), RESTORE)
    if "split_seed" in tables.get("data", {}):
        return config
    return replace(config, data=replace(config.data, split_seed=config.training.seed, together="files"))


def configured(config: Config, settings: Mapping[str, Any]) -> Config:
    """``config`` with settings replaced; names that no section knows are options of the model. Raises UserError."""
    config, faults = understood(config, settings)
    raise_all(faults)
    return config


def understood(config: Config, settings: Mapping[str, Any]) -> tuple[Config, list[UserError]]:
    """As ``configured``, but with the faults beside what is left without them, so that others can be told with them.

    Where a task is chosen whose usual settings are other than the general defaults, it brings them along.
    """
    settings = {name.replace("-", "_"): value for name, value in settings.items()}
    if settings.get("task", config.data.task) != config.data.task:
        settings = {**usual({"task": settings["task"]}), **settings}
    if settings.get("pretrained") and not config.transfer.pretrained:
        settings = {**usual({"tune": config.transfer.tune, **settings}), **settings}
    own = {name: value for name, value in settings.items() if name not in HINTS}
    edits = {name: value for name, value in settings.items() if name in HINTS}
    if own:
        edits["options"] = {**config.model.options, **_table(settings.get("options")), **own}
    return taken(config, edits)


def usual(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings whose default is another than in general for the task among ``settings``, or for tuning pretrained weights."""
    task = settings.get("task")
    found = traits(task).usual if isinstance(task, str) and TASKS.knows(task) else {}
    tuned = settings.get("pretrained") and settings.get("tune") != "head"
    return {**(TUNED if tuned else {}), **found}


def changed(config: Config, edits: Mapping[str, Any]) -> Config:
    """``config`` with some fields (unique names over all sections) replaced. Raises UserError with every fault."""
    config, faults = taken(config, edits)
    raise_all(faults)
    return config


def taken(config: Config, edits: Mapping[str, Any], where: str = "") -> tuple[Config, list[UserError]]:
    """``config`` with the edits that are what they should be, and the faults of the others."""
    good, faults = dict[str, Any](), list[UserError]()
    for name, value in edits.items():
        faults += faults_of(lambda n=name, v=value: good.update({n: read(n, v, HINTS[n], where)}))  # type: ignore[misc]
    for section, kind in SECTIONS.items():
        mine = {name: good[name] for name in names_of(kind) if name in good}
        if mine:
            config = replace(config, **{section: replace(getattr(config, section), **mine)})
    if "task" in good or "task" not in edits:  # of a task that there is none of, no losses are known
        faults += _loss(config.data.task, config.training.loss)
    return config, [*faults, *_contradictions(config)]


def _loss(task: str, loss: str) -> Iterator[UserError]:
    """What is wrong with the loss: one that the task, or no task of ours, knows."""
    known = ["auto", *losses(task)]
    if loss not in known:
        what = "is none that is known" if task == "auto" else f"is not for --task {task}"
        fix = did_you_mean(loss, known).strip() or f"choose one of {', '.join(known[1:])}"
        yield UserError(f"--loss {as_typed(loss)} {what}", fix=fix)


def _contradictions(config: Config) -> Iterator[UserError]:
    """What no single value is at fault for, and lists of the wrong length."""
    data, training = config.data, config.training
    if len(training.betas) != 2:
        what = f"--betas {as_typed(training.betas)} is not two numbers from 0 to below 1"
        yield UserError(what, fix="give two, such as --betas 0.9 0.99")
    if training.epochs and training.minutes:
        yield UserError("--epochs and --minutes contradict each other", fix="give one of the two")
    if not TUNE.fullmatch(config.transfer.tune):
        fix = "give head, all, auto, or last:N with the number of blocks, such as last:2"
        yield UserError(f"--tune {as_typed(config.transfer.tune)} says nothing that can be tuned", fix=fix)
    if len(training.patch) > 2:
        fix = "give one side, or height and width (256 320)"
        yield UserError(f"--patch {as_typed(training.patch)} is no window", fix=fix)
    if len(data.size) > 3:
        fix = "give one side, height and width (48 64), or depth too (32 48 64)"
        yield UserError(f"--size {as_typed(data.size)} is no size", fix=fix)
    if len(data.split) != 3:
        fix = "give train, validation and test, such as 0.8 0.1 0.1"
        yield UserError(f"--split {as_typed(data.split)} is not three shares", fix=fix)
    elif data.split[0] <= 0 or data.split[2] <= 0:
        yield UserError("--split leaves nothing to train or to test on", fix="give shares above 0 for train and test")
    least = 3 if len(data.split) < 2 or data.split[1] else 2  # where no fold validates
    if 0 < data.folds < least:
        parts = "one part trains, one validates, one tests" if least == 3 else "one part trains, one tests"
        fix = f"give {least} or more ({parts}), or 0"
        yield UserError(f"--folds {data.folds} is too few", fix=fix)
    if data.unseen == 1:
        yield UserError("--unseen 1 leaves no class to learn", fix="give 2 or more, such as 6, or 0")


def unknown(tables: Mapping[str, Any], where: str) -> Iterator[UserError]:
    """Sections and keys that there are none of."""
    for section, table in tables.items():
        if section not in SECTIONS or not isinstance(table, Mapping):
            fix = did_you_mean(section, SECTIONS) + f"known: {', '.join(SECTIONS)}"
            yield UserError(f"no section [{section}]", where, fix)
            continue
        known = names_of(SECTIONS[section])
        for key in table:
            if key not in known:
                near = did_you_mean(key, known) or f"known: {', '.join(known)}"
                home = next((other for other, kind in SECTIONS.items() if key in names_of(kind)), "")
                yield UserError(
                    f"no setting '{key}' in [{section}]", where, f"it belongs into [{home}]" if home else near
                )


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, str | Path):  # neither TOML nor UTF-8 can have the bytes of a path that is none
        return str(value).encode(errors="backslashreplace").decode()
    return value


def _path(text: str) -> str:
    """The path, of whose bytes those that are no UTF-8 were written as ``_plain`` does: \\udce9."""
    return re.sub(r"\\udc[89a-f][0-9a-f]", lambda found: chr(int(found[0][2:], 16)), text)
