"""Written by bench/generated.py: what editors complete, and type checkers check, of ``import neocog``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from neocog.config import Config
from neocog.engine.interrupt import Interrupted as Interrupted
from neocog.engine.interrupt import Stop as Stop
from neocog.errors import UserError as UserError
from neocog.results import Results
from neocog.results import load as load
from neocog.results.stress import Stress
from neocog.run import Run
from neocog.server.studio import studio as studio
from neocog.verbs.audit import Audit
from neocog.verbs.compete import compete as compete
from neocog.verbs.device import device as device
from neocog.verbs.embed import embed as embed
from neocog.verbs.explain import explain as explain
from neocog.verbs.export import export as export
from neocog.verbs.filters import filters as filters
from neocog.verbs.find_lr import LearningRates
from neocog.verbs.kmeans import kmeans as kmeans
from neocog.verbs.models import models as models
from neocog.verbs.parts import bench as bench
from neocog.verbs.parts import convert as convert
from neocog.verbs.plan import AfterEpoch
from neocog.verbs.predict import predict as predict
from neocog.verbs.report import report as report
from neocog.verbs.resume import resume as resume
from neocog.verbs.sample import sample as sample
from neocog.verbs.style import style as style

__version__: str
VERBS: dict[str, str]
OPTIONS: dict[str, str]
SETTINGS: dict[str, tuple[str, ...]]
EXCEPTIONS: dict[str, str]
__all__: list[str]

class Reading(TypedDict, total=False):
    task: str
    task_options: Mapping[str, Any]
    kind: Literal["auto", "images", "sequences", "volumes"]
    targets: str | Sequence[str]
    angles: Literal["auto", "degrees", "radians"]
    decimal: Literal["auto", "point", "comma"]
    columns: str | Sequence[str]
    levels: str
    groups: str
    label_field: str
    min_samples: int
    gaps: Literal["error", "strip"]
    ignore: int
    remap: bool
    mask_values: Literal["auto", "classes", "foreground"]
    instances: bool
    background: str
    boxes_from: Literal["auto", "shapes", "masks"]
    first_pixel: Literal["auto", "0", "1"]
    without_boxes: Literal["negative", "skip"]
    border_ignore: bool
    unlabelled: Literal["stop", "skip", "class"]
    frames: Literal["error", "first", "stack"]
    axes: str
    max_pixels: int
    on_bad: Literal["stop", "skip"]
    max_bad: float

class Settings(Reading, total=False):
    corrections: str
    unseen: int
    turns: Literal["any", "quarter"]
    size: int | Sequence[int]
    channels: int
    fit: Literal["auto", "resize", "pad", "crop", "corner"]
    draft: bool
    scaling: Literal["auto", "data", "image", "weights"]
    split: float | Sequence[float]
    split_seed: int
    together: Literal["near", "pixels", "files"]
    folds: int
    repeats: int
    leave_one_group_out: bool
    model: str
    options: Mapping[str, Any]
    pretrained: str
    tune: str
    layer_decay: float
    tune_norms: bool
    probe_views: int
    views: int
    epochs: int
    minutes: float
    batch: int
    optimizer: Literal["adamw", "adam", "rmsprop", "sgd", "muon", "gd"]
    lr: float
    schedule: Literal["onecycle", "cosine", "exponential", "constant"]
    warmup: float
    bias_lr: float
    decay_steps: int
    decay_rate: float
    staircase: bool
    betas: float | Sequence[float]
    alpha: float
    momentum: float
    nesterov: bool
    weight_decay: float
    l1: float
    l2: float
    clip: float
    loss: str
    label_smoothing: float
    mixup: float
    cutmix: float
    start_size: float
    class_weights: Literal["none", "balanced"]
    group_weights: Literal["none", "balanced", "dro"]
    beta: float
    kl_warmup: float
    free_bits: float
    binarise: Literal["none", "threshold", "sampled"]
    conditional: bool
    diff_augment: bool
    extractor: str
    adversarial: float
    adversary: Literal["fast", "pgd", "trades"]
    ema: float
    lookahead: int
    patch: int | Sequence[int]
    patience: int
    augment: str | Sequence[str]
    precision: Literal["auto", "fp32", "bf16"]
    engine: Literal["torch", "numpy", "keras"]
    device: Literal["auto", "cpu", "cuda"]
    threads: int
    workers: int
    memory: float
    save_every: float
    keep_checkpoints: int
    baseline: bool
    curve: bool
    refit: bool
    tensorboard: bool
    seed: int
    hidden: int | Sequence[int]
    activation: Literal["sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu", "gelu"]
    dropout: float
    sparse: bool
    widths: int | Sequence[int]
    depth: int
    scale: float | int
    blocks: int
    kernel: int
    pooling: Literal["max", "mean", "min", "lp"]
    batch_norm: bool
    narrow: int
    cells: int
    width: int
    stem: int
    skip: bool
    motifs: int
    dilations: int | Sequence[int]
    norm: Literal["batch", "last", "instance", "group", "none"] | Literal["batch", "none"]
    convolutions: int | Sequence[int]
    stride: int
    luma: bool
    shrunk: int
    latent: int
    classes: int

def audit(
    source: str | Path | Any,
    *,
    strict: bool = ...,
    verify: str | Path | None = ...,
    workers: int | None = ...,
    quiet: bool = ...,
    **settings: Unpack[Reading],
) -> Audit: ...
def evaluate(
    run: str | Path | Run,
    data: str | Path | Any = ...,
    out: str | Path | None = ...,
    quiet: bool = ...,
    any_range: bool = ...,
    precision: Literal["fp32", "bf16", "auto"] = ...,
    **settings: Unpack[Reading],
) -> dict[str, Any]: ...
def stress(
    run: str | Path | Run,
    parts: Sequence[str] = ...,
    on: str | Path | Any = ...,
    minutes: float = ...,
    samples: int = ...,
    quiet: bool = ...,
    any_range: bool = ...,
    thresholds: str | Path | Mapping[str, Any] | None = ...,
    *,
    by: str | None = ...,
    objects: str | Path | None = ...,
    lengths: Literal["scaled", "reference"] | None = ...,
    norm: Literal["linf", "l2"] | None = ...,
    epsilon: float | str | None = ...,
    target: str | None = ...,
    autoattack: bool | None = ...,
    **settings: Unpack[Reading],
) -> Stress: ...
def preview(
    source: str | Path | Any,
    out: str | Path | None = ...,
    *,
    n: int = ...,
    draws: int = ...,
    base: Config | None = ...,
    quiet: bool = ...,
    **settings: Unpack[Settings],
) -> Path: ...
def train(
    data: str | Path | Any,
    out: str | Path | None = ...,
    quiet: bool = ...,
    go_on: bool = ...,
    fold: int | None = ...,
    after_epoch: AfterEpoch | None = ...,
    config: str | Path | None = ...,
    **settings: Unpack[Settings],
) -> Results: ...
def find_lr(
    data: str | Path | Any,
    out: str | Path | None = ...,
    *,
    base: Config | None = ...,
    quiet: bool = ...,
    **settings: Unpack[Settings],
) -> LearningRates: ...
