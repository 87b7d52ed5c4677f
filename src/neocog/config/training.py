"""Settings of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from neocog.checked import Range
from neocog.config.kinds import Count, Several, Share

INCEPTION = "inception"  # an extractor that is no run
Optimizer = Literal["adamw", "adam", "rmsprop", "sgd", "muon", "gd"]
Adversary = Literal["fast", "pgd", "trades"]
Schedule = Literal["onecycle", "cosine", "exponential", "constant"]


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained."""

    epochs: Count = 0
    """Passes over the training samples; 0: by their number. About 5,000 steps (10,000 for classification) in 5 to 40
    epochs (up to 100 for masks)."""
    minutes: Annotated[float, Range(0, 10**6)] = 0.0
    """Train for about this long, instead of --epochs. The schedule adapts when the machine becomes slower or faster. Folds share
    the time, as does the classifier that a gan needs; --baseline takes as long again."""
    batch: Count = 0
    """Batch size, over all processes. 0: 64 for classes, 8 for masks, otherwise 128; fewer for a small data set."""
    optimizer: Optimizer = "adamw"
    """Update rule. adamw and adam (Kingma and Ba 2015, Loshchilov and Hutter 2019), rmsprop (Hinton 2012), sgd
    with --momentum, muon for hidden layers and adamw for the others (Jordan et al. 2024), gd: gradient descent on all samples
    at once, one step per epoch."""
    lr: Annotated[float, Range(0, 1000, above=True)] = 0.002
    """Peak learning rate. Default for a gan: 0.0002."""
    schedule: Schedule = "onecycle"
    """Rate schedule. onecycle: up and down; cosine: a short warm-up, then down; exponential: times --decay-rate
    every --decay-steps; constant."""
    warmup: Share = 0.25
    """Share of the steps during which the learning rate rises (onecycle; cosine: at most 0.05)."""
    bias_lr: Annotated[float, Range(0, 10_000)] = 1.0
    """Learning rate of biases and norms, as a multiple of --lr (Jordan 2024: 64, with sgd)."""
    decay_steps: Annotated[int, Range(1, 10**9)] = 10_000
    """Steps over which the learning rate falls by the factor --decay-rate (exponential)."""
    decay_rate: Annotated[float, Range(0, 1, above=True)] = 0.98
    """Factor by which the learning rate falls over --decay-steps (exponential)."""
    staircase: Annotated[bool, Parameter(negative=())] = False
    """Lower the learning rate once every --decay-steps, not a little at each step (exponential)."""
    betas: Annotated[tuple[float, ...], Several, Range(0, 1, below=True)] = (0.9, 0.99)
    """Decay rates of the running means of the gradient and its square (adam, adamw, muon)."""
    alpha: Annotated[float, Range(0, 1, below=True)] = 0.99
    """Decay rate of the running mean of the squared gradient (rmsprop)."""
    momentum: Annotated[float, Range(0, 1, below=True)] = 0.9
    """Momentum (sgd, muon)."""
    nesterov: Annotated[bool, Parameter(negative=())] = False
    """Nesterov momentum (sgd)."""
    weight_decay: Annotated[float, Range(0, 1000)] = 0.02
    """Decoupled weight decay. Not applied to biases and norms."""
    l1: Annotated[float, Range(0, 1000)] = 0.0
    """L1 penalty on the weights."""
    l2: Annotated[float, Range(0, 1000)] = 0.0
    """L2 penalty on the weights (l2 / 2 · w²)."""
    clip: Annotated[float, Range(0, 10**9)] = 0.0
    """Largest gradient norm; larger ones are clipped. 0: no clipping."""
    loss: str = "auto"
    """Loss function. auto: cross-entropy for classes, mse for values, dice+cross-entropy for masks."""
    label_smoothing: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Share of the target spread evenly over all classes. After Szegedy et al. 2016."""
    mixup: Annotated[float, Range(0, 100)] = 0.0
    """Mix each training image with another. Their classes, too (mixup, Zhang et al. 2018). The α of the beta distribution of the
    shares, such as 0.2; 0: off."""
    cutmix: Annotated[float, Range(0, 100)] = 0.0
    """Paste a rectangle of another training image into each. Their classes are mixed by area (CutMix, Yun et al. 2019). The α of
    the beta distribution of the shares, such as 1; 0: off. With --mixup each image is mixed in one of the two ways."""
    start_size: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Size of the first training images, as a share of --size. They grow in four stages; the last quarter of the steps
    learns from whole ones (progressive resizing, Howard 2018; Tan and Le 2021). 0: off."""
    class_weights: Literal["none", "balanced"] = "none"
    """Class weights. balanced: rare classes count as much as frequent ones."""
    group_weights: Literal["none", "balanced", "dro"] = "none"
    """Weights of groups (sites, patients). balanced: small ones count as much as large ones; dro: those with a higher loss count
    more (group DRO, Sagawa et al. 2020)."""
    beta: Annotated[float, Range(0, 1000)] = 1.0
    """Weight of the KL divergence relative to the reconstruction (vae)."""
    kl_warmup: Share = 0.25
    """Share of the steps during which --beta rises from 0 (vae)."""
    free_bits: Annotated[float, Range(0, 100)] = 0.0
    """KL divergence per latent dimension that is not penalised, in nats (vae)."""
    binarise: Literal["none", "threshold", "sampled"] = "none"
    """Binarise the pixels (vae). threshold: at half the range; sampled: at random, with the grey value as probability."""
    conditional: Annotated[bool, Parameter(negative=())] = False
    """Condition on the classes (gan). Images look more realistic, and `sample --of` draws the classes that you name."""
    diff_augment: Annotated[bool, Parameter(negative=())] = False
    """Differentiable augmentation (gan). Of real and generated images alike: for few images (Zhao et al. 2020)."""
    extractor: str = ""
    """Feature extractor that measures the images (gan). The run of a classifier, or inception (minutes for 2,000 images on a CPU).
    Default: a small classifier, trained if there are classes."""
    adversarial: Annotated[float, Range(0, 1)] = 0.0
    """Adversarial training: largest change of each pixel, such as 8/255. As a share of the range from black to white. Each step
    learns from images changed so that the loss grows; the validation measure under attack chooses the epoch."""
    adversary: Adversary = "fast"
    """How --adversarial finds the changes. fast: one step, twice the time (Wong et al. 2020); pgd: seven steps, eight times the
    time (Madry et al. 2018); trades: ten steps, and both images should get the same answer; for classes (Zhang et al. 2019)."""
    ema: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Decay of the exponential moving average of the weights (Polyak and Juditsky 1992). 0: off. The average is evaluated in place
    of the weights."""
    lookahead: Count = 0
    """Steps after which the weights go back part of the way to slow ones. 0: off. The slow ones are evaluated (Zhang et al. 2019).
    The part grows from nothing to 0.95 to the power of the steps (Jordan 2024)."""
    patch: Annotated[tuple[int, ...], Several, Range(1, 100_000)] = ()
    """Height and width of the windows to train on. They are cut out of each training image anew in each epoch."""
    patience: Count = 0
    """Stop after this many epochs without improvement. 0: never. The validation measure counts."""
    augment: Annotated[tuple[str, ...], Several] = ()
    """Changes to the default augmentation: turn=15, flip=off. Or just off: no augmentation."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Numerical precision. auto: bf16 where the processor is fast at it, otherwise fp32 with Winograd convolutions; fp32: without
    those."""
    engine: Literal["torch", "numpy", "keras"] = "torch"
    """Library that computes the network. numpy: the hand-written engine; keras: starts from Keras' initial weights. Both take
    chains of layers only."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device to compute on. auto: the GPU, if there is one."""
    threads: Annotated[int, Range(0, 4096)] = 0
    """CPU threads per process. 0: one for small steps, for larger ones as many as a short trial finds fastest. The last digits of
    results depend on it: it is recorded, and a number that you give makes them the same in every run."""
    workers: Annotated[int, Range(0, 1024)] = 2
    """Threads that decode images, if these do not fit in memory."""
    memory: Share = 0.5
    """Share of the free memory that decoded images may take. Beyond that they are streamed from disk."""
    save_every: Annotated[float, Range(0, 10**9)] = 30.0
    """Seconds between checkpoints. Longer if saving would take over 2 % of the time; 0: after every step."""
    keep_checkpoints: Annotated[int, Range(0, 10_000)] = 0
    """Number of earlier checkpoints to keep, for the studio. Evenly spread over the epochs, besides the newest two, which every
    run keeps."""
    baseline: Annotated[bool, Parameter(negative=())] = False
    """Also train an MLP on the same data. It shows what convolution gains."""
    curve: Annotated[bool, Parameter(negative=())] = False
    """Learning curve: also train on 1/8, 1/4 and 1/2 of the training part. It shows what twice as many samples would gain."""
    refit: Annotated[bool, Parameter(negative=())] = False
    """After --folds, train on all samples. For the median of the folds' best epochs. That network is kept; its measures are those
    of the folds."""
    tensorboard: Annotated[bool, Parameter(negative=())] = False
    """Also write TensorBoard logs into the run folder."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of everything random except the split."""
