"""Images in memory, as people have them, as stored pixels one by one: arrays, tensors, Pillow's images, files, lists of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from neocog.data.dataset import Array, BadImage, not_finite
from neocog.data.images import Decoding
from neocog.data.preprocessing import Preprocessing
from neocog.data.readers.held import channels_last, of_pillow
from neocog.data.readers.memory import images_of
from neocog.errors import UserError
from neocog.tasks.files import read

EXACT = 2**24  # up to which float32 has every whole number
MOST_CHANNELS = 4  # that a last axis counts rather than columns


def separate(images: Any, preprocessing: Preprocessing) -> tuple[list[Array], list[str], bool]:
    """Stored images (H, W, C), or volumes (D, H, W, C), what errors call them, and whether it is one alone. Raises UserError.

    An array is an image (H, W[, C]) or a batch (N, H, W[, C]) of them, or as in training one of (N, C, H, W); a torch tensor has
    its channels first: (C, H, W), (N, C, H, W), or none. A list has one image in each place: an array, a tensor, a Pillow image
    or a file's path. A frame has a column of paths; of a data set the images count.
    """
    if preprocessing.encoding == "nucleotides":
        raise UserError("sequences in memory are not read", fix='give a file: neocog.predict(run, "reads.fasta")')
    images = images_of(images)
    if isinstance(images, str | Path | Image.Image):
        return [_one(images, "the image", preprocessing)], ["the image"], True
    if not isinstance(images, list | tuple):
        array = _array(images, preprocessing, "the images")
        if _is_one(array.shape, preprocessing):
            return [_one(array, "the image", preprocessing)], ["the image"], True
        images = list(array)
    if not images:
        raise UserError("no images", fix="give one image, or a batch of at least one")
    names = [str(one) if isinstance(one, str | Path) else f"image {i}" for i, one in enumerate(images)]
    return [_one(one, name, preprocessing) for one, name in zip(images, names, strict=True)], names, False


def _one(image: Any, name: str, preprocessing: Preprocessing) -> Array:
    """(H, W, C) pixels of the recorded type, or as they are where that would change a value."""
    if isinstance(image, str | Path):
        if Path(image).is_dir():
            raise UserError(
                "a folder, where one image is expected", str(image), "neocog.predict(run, folder) predicts its images"
            )
        return read(Path(image), preprocessing)[0]
    if isinstance(image, Image.Image):
        return _decoded(image, name, preprocessing)
    sides, array = len(preprocessing.size), _array(image, preprocessing, name)
    array = array[..., None] if array.ndim == sides else channels_last(array, _possible(preprocessing.channels), sides)
    if array.ndim != sides + 1 or not array.size:
        raise BadImage(f"an array of {_shape(array.shape)}", name, f"give {_accepted(preprocessing)}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadImage(not_finite(array), name, "correct the image, or leave it out")
    return _typed(array, np.dtype(preprocessing.dtype))


def _decoded(image: Image.Image, name: str, preprocessing: Preprocessing) -> Array:
    """A Pillow image as its file would be read: turned as its EXIF says, its palette resolved.

    A transparent one is refused: what shows through it is known of files alone.
    """
    if image.has_transparency_data:
        raise BadImage("a Pillow image with transparency", name, 'give image.convert("RGB"), or its file')
    return of_pillow(image, name, Decoding.recorded(preprocessing))


def _array(images: Any, preprocessing: Preprocessing, name: str) -> Array:
    """As NumPy has it, channels last."""
    sides, channels = len(preprocessing.size), preprocessing.channels
    if not isinstance(images, Tensor):
        try:
            array = np.asarray(images)
        except ValueError:  # rows of different lengths
            array = np.empty(0, object)
        if array.dtype.kind not in "buif":
            what = f"{type(images).__name__} of {array.dtype}, which is no image"
            raise BadImage(what, name, f"give {_accepted(preprocessing)}, or files")
        batch = array.ndim == sides + 2
        return channels_last(array, _possible(channels), sides) if batch else array
    pixels = images.detach().cpu()
    first = pixels.ndim - sides - 1  # where the channels are, if it has any
    if pixels.ndim == sides + 1 and pixels.shape[0] == 3 and channels == 1:
        what = f"a tensor of {_shape(pixels.shape)}: one image of 3 channels, or 3 grey ones?"
        raise BadImage(what, name, "say so with another axis: pixels[None] or pixels[:, None]")
    if pixels.ndim == sides + 2 or (pixels.ndim == sides + 1 and pixels.shape[0] in _possible(channels)):
        pixels = pixels.movedim(first, -1)
    return np.asarray(pixels.numpy())


def _is_one(shape: tuple[int, ...], preprocessing: Preprocessing) -> bool:
    """Whether an array, channels last, is a single image. Raises UserError where it is none, or could be both."""
    sides, possible = len(preprocessing.size), _possible(preprocessing.channels)
    has_channels, grey = shape[-1:] and shape[-1] in possible, 1 in possible
    if len(shape) == sides + 1 and grey and (channels := _doubtful(shape, preprocessing)):
        what = f"an array of {_shape(shape)}: one image of {channels} channels, or {shape[0]} grey ones?"
        raise UserError(what, fix="say so with another axis: images[None] or images[..., None]")
    if len(shape) == sides or (len(shape) == sides + 1 and has_channels):
        return True
    if (len(shape) == sides + 1 and grey) or (len(shape) == sides + 2 and has_channels):
        return False
    raise UserError(f"an array of {_shape(shape)}", "the images", f"give {_accepted(preprocessing)}")


def _doubtful(shape: tuple[int, ...], preprocessing: Preprocessing) -> int:
    """The axis of three or four, (N, H, W) or an image's, that may count channels just as well; 0: there is none."""
    possible, like_training = _possible(preprocessing.channels), shape[1:] == preprocessing.size
    if shape[-1] in possible:
        return shape[-1] if like_training else 0
    if shape[0] == preprocessing.channels == 3:  # as torch has one image
        return 3
    return shape[-1] if shape[-1] <= MOST_CHANNELS and not like_training else 0


def _typed(array: Array, kind: np.dtype[Any]) -> Array:
    """Wider numbers in the recorded type where each stays what it is: those of int64 in uint8, of float64 in float32.

    Of truths, as in training, True is 255.
    """
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if kind.kind == array.dtype.kind == "f":
        return array.astype(kind, copy=False)
    if kind.kind == "f" and array.dtype.kind == "i" and abs(array.astype(np.int64)).max() <= EXACT:
        return array.astype(
            kind
        )  # as training keeps whole numbers below zero; another scale is seen by the run's ``Watch``
    if kind.kind == "u" and array.dtype.kind in "ui" and np.iinfo(array.dtype).max > np.iinfo(kind).max:
        fits = array.min() >= 0 and array.max() <= np.iinfo(kind).max
        return array.astype(kind) if fits else array
    return array


def _possible(channels: int) -> tuple[int, ...]:
    """Numbers of channels that become the network's."""
    return (1, 3) if channels in (1, 3) else (channels,)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "no axes"


def _accepted(preprocessing: Preprocessing) -> str:
    sides, channels = ("D, H, W" if len(preprocessing.size) == 3 else "H, W"), preprocessing.channels
    last = f", {channels}"
    return f"({sides}{last}) or (N, {sides}{last}){', also without the last axis' * (channels == 1)}"
