"""Segmenters with an encoder by name (``unet:vgg16``, ``deeplabv3plus:resnet50``, ``segformer:mit_b0``).

From segmentation-models-pytorch (the extra ``segmentation``). The weights are drawn from the seed.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from neocog.errors import UserError, did_you_mean, install, printable
from neocog.networks.layers import check_input
from neocog.networks.names import SEGMENTERS, is_backboned
from neocog.networks.padding import cropped, padded

STEP = 32  # encoders halve five times
# Names as in the literature → the library's
ALSO = {
    "resnext50": "resnext50_32x4d", "resnext101": "resnext101_32x8d", "seresnet50": "se_resnet50",
    "seresnet101": "se_resnet101", "seresnet152": "se_resnet152", "seresnext50": "se_resnext50_32x4d",
    "seresnext101": "se_resnext101_32x4d", "inceptionv3": "tu-inception_v3", "mobilenet": "tu-mobilenetv1_100",
    "mobilenetv2": "mobilenet_v2", "seresnet18": "tu-legacy_seresnet18", "seresnet34": "tu-legacy_seresnet34",
} | {f"efficientnetb{n}": f"efficientnet-b{n}" for n in range(8)}  # fmt: skip
LEAST = {"inceptionv3": 96}  # pixels a side: its convolutions are not padded
KINDS = {"unet": "Unet", "deeplabv3plus": "DeepLabV3Plus", "segformer": "Segformer"}


class Backboned(nn.Module):
    """The library's network behind padding to what its encoder halves. (B, C, H, W) → (B, outputs, H, W)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.inner(padded(inputs, STEP))
        return cropped(found, inputs)


def segmenter_of(model: str) -> str:
    """The segmenter that has the network ``model`` as its encoder: unet:resnet34, unet:tu-NAME of timm; itself where it is one.

    Raises UserError where there is none.
    """
    if model in SEGMENTERS or is_backboned(model):
        return model
    source, _, name = model.partition(":")
    if source == "timm":
        return f"unet:tu-{name.partition('.')[0]}"
    if source == "torchvision" and name in library().encoders.get_encoder_names():
        return f"unet:{name}"
    raise UserError(
        f"no segmenter has {printable(model)} as its encoder", fix="give weights of timm:, or torchvision:resnet34"
    )


def library() -> Any:
    """segmentation-models-pytorch. Raises UserError where it is missing."""
    try:
        import segmentation_models_pytorch
    except ImportError:
        fix = f"{install('segmentation')}, or --model unet"
        raise UserError("segmentation-models-pytorch, which has these encoders, is not installed", fix=fix) from None
    return segmentation_models_pytorch


def build(name: str, channels: int, size: tuple[int, ...], outputs: int) -> nn.Module:
    """``KIND:BACKBONE``. UserError for an unknown one."""
    kind, _, backbone = name.partition(":")
    check_input(name, channels, size, outputs, minimum=LEAST.get(backbone, 2))
    models = library()
    known = [*ALSO, *models.encoders.get_encoder_names()]
    encoder = ALSO.get(backbone, backbone)
    if backbone not in known and not backbone.startswith("tu-"):
        hint = did_you_mean(backbone, known)
        raise UserError(f"no backbone '{printable(backbone)}'", fix=f"{hint}known: {', '.join(known)}, tu-NAME of timm")
    keywords: dict[str, Any] = {"encoder_weights": None, "in_channels": channels, "classes": outputs}
    try:
        return Backboned(getattr(models, KINDS[kind])(encoder, **keywords))
    except (KeyError, ValueError, RuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{name} cannot be built: {reason}", fix="another backbone, such as resnet34") from error
