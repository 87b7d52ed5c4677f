"""Settings of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from neocog.checked import Range
from neocog.config.kinds import Count, Several, Share

INCEPTION = "inception"  # an extractor that is no run
Optimizer = Literal["adamw", "adam", "rmsprop", "sgd", "gd"]
Adversary = Literal["fast", "pgd", "trades"]
Schedule = Literal["onecycle", "cosine", "exponential", "constant"]


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
    adversarial: Annotated[float, Range(0, 1)] = 0.0
    """Learn to withstand changes of each pixel by so much, such as 8/255. Of the range from black to white. Each step learns from
    images changed so that the loss grows; the validation measure under attack says which epoch is best."""
    adversary: Adversary = "fast"
    """How --adversarial finds the changes. fast: one step, twice the time (Wong et al. 2020); pgd: seven steps, eight times the
    time (Madry et al. 2018); trades: ten, and both images are to be answered alike, for classes (Zhang et al. 2019)."""
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
