"""Which networks there are, by name, and what each gives."""

from __future__ import annotations

from neocog.errors import UserError
from neocog.plugins import Registry

MODELS = Registry("neocog.models", "model", {
    "mlp": "neocog.networks.mlp:MLP",
    "lenet5": "neocog.networks.lenet5:LeNet5",
    "cifarcnn": "neocog.networks.cifarcnn:CifarCNN",
    "airbench": "neocog.networks.airbench:Airbench",
    "resnet": "neocog.networks.resnet:ResNet",
    "cnn": "neocog.networks.cnn:CNN",
    "darknet19": "neocog.networks.darknet19:Darknet19",
    "shufflenet": "neocog.networks.shufflenet:ShuffleNet",
    "nasnetmobile": "neocog.networks.nasnet:NASNet",
    "barcode": "neocog.networks.barcode:Barcode",
    "barcode-resnet": "neocog.networks.barcode_resnet:BarcodeResNet",
    "cnn3d": "neocog.networks.cnn3d:CNN3d",
    "resnet3d": "neocog.networks.resnet3d:ResNet3d",
})  # fmt: skip

# What a network takes, where that is not images; a package's class says so itself (``form``), and what it gives (``purpose``).
FORMS = {"barcode": "sequences", "barcode-resnet": "sequences", "cnn3d": "volumes", "resnet3d": "volumes"}

SEGMENTERS: dict[str, str] = {
    "unet": "neocog.networks.unet:UNet",
    "segnet": "neocog.networks.segnet:SegNet",
}
DETECTORS: dict[str, str] = {"ttf": "neocog.networks.ttf:TTF"}
RESTORERS: dict[str, str] = {
    "edsr": "neocog.networks.edsr:EDSR",
    "srcnn": "neocog.networks.srcnn:SRCNN",
    "espcn": "neocog.networks.espcn:ESPCN",
    "fsrcnn": "neocog.networks.fsrcnn:FSRCNN",
    "dncnn": "neocog.networks.dncnn:DnCNN",
}
STYLERS: dict[str, str] = {"johnson": "neocog.networks.johnson:Johnson"}
GENERATORS: dict[str, str] = {
    "vae": "neocog.networks.vae:VAE",
    "dcgan": "neocog.networks.dcgan:Generator",
}
PURPOSES = {
    "prediction": "one prediction for each sample",
    "masks": "a class for each pixel",
    "boxes": "boxes around objects",
    "images": "restored images",
    "pictures": "repainted pictures",
    "generation": "new images",
}
BY_PURPOSE = {
    "masks": SEGMENTERS,
    "boxes": DETECTORS,
    "images": RESTORERS,
    "pictures": STYLERS,
    "generation": GENERATORS,
}
OTHERS = {name: place for known in BY_PURPOSE.values() for name, place in known.items()}  # all but MODELS
FROM = "give --from imagenet, timm:NAME, torchvision:NAME or FILE.safetensors: their preprocessing comes with them"
ENCODER = "encoder:"  # before the name of a network whose encoder alone is used, as in encoder:unet
BACKBONED = ("unet", "deeplabv3plus", "segformer")  # with an encoder by name, as in unet:vgg16


def is_ours(name: str) -> bool:
    """Whether a network is of this package."""
    return name in MODELS or name in OTHERS


def package_of(name: str) -> str:
    """The package and version that a network came with; "" for ours, for libraries' and for files."""
    return "" if is_ours(name) or ":" in name else MODELS.package(name)


def is_backboned(name: str) -> bool:
    """Whether the name is a segmenter's with an encoder, such as unet:vgg16."""
    return name.partition(":")[0] in BACKBONED and ":" in name


def has_encoder(name: str) -> bool:
    """Whether the network has a part that sees an image, and another that draws or marks."""
    return name in SEGMENTERS or is_backboned(name) or name == "vae"


def encoder_of(name: str) -> str:
    """The network that gives one prediction for each sample and holds the weights of this one: itself, or its encoder."""
    return f"{ENCODER}{name}" if has_encoder(name) else name


def purpose_of(name: str) -> str:
    """What a network gives, one of ``PURPOSES``; "" for the user's own, of which that is not known."""
    if is_backboned(name):
        return "masks"
    if name in OTHERS:
        return next(purpose for purpose, known in BY_PURPOSE.items() if name in known)
    if ":" in name:
        return "prediction" if name.startswith(("torchvision:", "timm:", ENCODER)) else ""
    return "prediction" if name in MODELS else str(getattr(MODELS.load(name), "purpose", "prediction"))


def form_of(name: str) -> str:
    """What a network takes: images, unless it says otherwise."""
    if is_ours(name) or ":" in name:
        return FORMS.get(name, "images")
    return str(getattr(MODELS.load(name), "form", "images"))


def check_purpose(name: str, purpose: str) -> None:
    """Raise where a network is named that gives something else than the task needs (one of ``PURPOSES``)."""
    found = purpose_of(name)
    if found and found != purpose:
        known = ", ".join(BY_PURPOSE.get(purpose, ["cnn"])) + " or unet:resnet34" * (purpose == "masks")
        what = f"model '{name}' gives {PURPOSES.get(found, found)}; this task needs {PURPOSES.get(purpose, purpose)}"
        raise UserError(what, fix=f"--model {known}")
