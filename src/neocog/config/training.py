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
    """Passes over the training samples; 0: by their number. About 5,000 steps, or 10,000 to learn classes, in 5 to 40 epochs (up to
    100 for masks, of which few are labelled)."""
    minutes: Annotated[float, Range(0, 10**6)] = 0.0
    """Train for about this long, instead of --epochs. The plan is renewed when the machine becomes slower or faster. --folds share
    the time, and so does the classifier that a gan needs; a --baseline takes as long again."""
    batch: Count = 0
    """Samples in a step, over all processes. 0: 64 for classes, 8 for masks, else 128; fewer for a small data set."""
    optimizer: Optimizer = "adamw"
    """Update rule. adamw and adam (Kingma and Ba 2015, Loshchilov and Hutter 2019), rmsprop (Hinton 2012), sgd
    with --momentum, muon for hidden layers and adamw for the others (Jordan et al. 2024), gd: gradient descent on all samples
    at once, one step an epoch."""
    lr: Annotated[float, Range(0, 1000, above=True)] = 0.002
    """Peak learning rate. For a gan 0.0002 by default."""
    schedule: Schedule = "onecycle"
    """Rate over time. onecycle: up and down; cosine: a short warm-up, then down; exponential: times --decay-rate in
    --decay-steps; constant."""
    warmup: Share = 0.25
    """Share of the steps in which the learning rate rises (onecycle; cosine: 0.05 at most)."""
    decay_steps: Annotated[int, Range(1, 10**9)] = 10_000
    """Steps in which the learning rate falls by the factor --decay-rate (exponential)."""
    decay_rate: Annotated[float, Range(0, 1, above=True)] = 0.98
    """Factor by which the learning rate falls in --decay-steps (exponential)."""
    staircase: Annotated[bool, Parameter(negative=())] = False
    """Lower the learning rate once in --decay-steps, not a little in each step (exponential)."""
    betas: Annotated[tuple[float, ...], Several, Range(0, 1, below=True)] = (0.9, 0.99)
    """Decay of the running means of the gradient and of its square (adam, adamw, muon)."""
    alpha: Annotated[float, Range(0, 1, below=True)] = 0.99
    """Decay of the running mean of the squared gradient (rmsprop)."""
    momentum: Annotated[float, Range(0, 1, below=True)] = 0.9
    """Momentum (sgd, muon)."""
    nesterov: Annotated[bool, Parameter(negative=())] = False
    """Nesterov momentum (sgd)."""
    weight_decay: Annotated[float, Range(0, 1000)] = 0.02
    """Decoupled weight decay. Biases and norms have none."""
    l1: Annotated[float, Range(0, 1000)] = 0.0
    """Penalty on the absolute weights."""
    l2: Annotated[float, Range(0, 1000)] = 0.0
    """Penalty on the squared weights (l2 / 2 · w²)."""
    clip: Annotated[float, Range(0, 10**9)] = 0.0
    """Largest norm of the gradient. 0: not clipped."""
    loss: str = "auto"
    """Loss that is minimised. auto: cross-entropy for classes, mse for values, dice+cross-entropy for masks."""
    label_smoothing: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Label smoothing: share of the target that is spread over all classes."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weights of the classes. balanced: rare classes count as much as frequent ones."""
    group_weights: Literal["none", "balanced", "dro"] = "none"
    """Weights of groups (sites, patients). balanced: small ones count as much as large ones; dro: the more, the worse they
    are learned (group DRO, Sagawa et al. 2020)."""
    beta: Annotated[float, Range(0, 1000)] = 1.0
    """Weight of the KL divergence against the reconstruction (vae)."""
    kl_warmup: Share = 0.25
    """Share of the steps in which --beta rises from 0 (vae)."""
    free_bits: Annotated[float, Range(0, 100)] = 0.0
    """Nats of each latent dimension's KL divergence that are free (vae)."""
    binarise: Literal["none", "threshold", "sampled"] = "none"
    """Pixels black or white (vae). threshold: at half of the range; sampled: drawn with their grey value as probability."""
    conditional: Annotated[bool, Parameter(negative=())] = False
    """Learn each class's images (gan). They look more real, and `sample --of` draws the classes that you name."""
    diff_augment: Annotated[bool, Parameter(negative=())] = False
    """Augment real and generated images alike (gan). Before the discriminator sees them: for few images (Zhao et al. 2020)."""
    extractor: str = ""
    """Whose features measure the images (gan). The run of a classifier, or inception (on a CPU minutes for 2,000 images). Default:
    a small classifier is trained if there are classes."""
    adversarial: Annotated[float, Range(0, 1)] = 0.0
    """Learn to withstand changes of each pixel by so much, such as 8/255. Of the range from black to white. Each step learns from
    images changed so that the loss grows; the validation measure under attack says which epoch is best."""
    adversary: Adversary = "fast"
    """How --adversarial finds the changes. fast: one step, twice the time (Wong et al. 2020); pgd: seven steps, eight times the
    time (Madry et al. 2018); trades: ten, and both images are to be answered alike, for classes (Zhang et al. 2019)."""
    ema: Annotated[float, Range(0, 1, below=True)] = 0.0
    """Decay of a running mean of the weights. 0: off. The mean is evaluated in place of the weights."""
    patch: Annotated[tuple[int, ...], Several, Range(1, 100_000)] = ()
    """Height and width of the window to train on (masks). Another one is cut out of each training image in each epoch."""
    patience: Count = 0
    """Stop after this many epochs without improvement. 0: never. What counts is the validation measure."""
    augment: Annotated[tuple[str, ...], Several] = ()
    """Changes to the default augmentation: turn=15, flip=off. Or off for none at all."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the computation. auto: bf16 where the processor is fast at it, else fp32 with Winograd convolutions; fp32:
    without those."""
    engine: Literal["torch", "numpy", "keras"] = "torch"
    """What computes the network. numpy: the hand-written engine; keras: starts from Keras' initial weights. Both take chains of
    layers."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute. auto: the GPU, if there is one."""
    threads: Annotated[int, Range(0, 4096)] = 0
    """Threads of one process. 0: one for small steps, for larger ones as many as a short trial finds fastest. The last digits of
    results depend on it: it is recorded, and a number that you give makes them the same in every run."""
    workers: Annotated[int, Range(0, 1024)] = 2
    """Threads that decode images, where these do not fit in memory."""
    memory: Share = 0.5
    """Share of the free memory that decoded images may take. Beyond it they are streamed from disk."""
    save_every: Annotated[float, Range(0, 10**9)] = 30.0
    """Seconds between checkpoints. More, where saving would cost over 2 % of the time; 0: after every step."""
    keep_checkpoints: Annotated[int, Range(0, 10_000)] = 0
    """Checkpoints that stay in the run, for the studio to look back at. At most so many, evenly spread over the epochs, besides
    the newest two, which every run has."""
    baseline: Annotated[bool, Parameter(negative=())] = False
    """Also train mlp on the same data. It shows what convolution gains."""
    curve: Annotated[bool, Parameter(negative=())] = False
    """Also train on 1/8, 1/4 and 1/2 of the training part. It shows what twice as many samples would gain."""
    refit: Annotated[bool, Parameter(negative=())] = False
    """After --folds, train on all samples. For as many epochs as were best in the folds (median). That network is kept; its
    measures are those of the folds."""
    tensorboard: Annotated[bool, Parameter(negative=())] = False
    """Also write TensorBoard logs into the run folder."""
    seed: Annotated[int, Range(0, 2**63 - 1)] = 0
    """Seed of everything random but the split."""
