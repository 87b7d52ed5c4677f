"""A file of weights: the names and shapes in it without its numbers, its digest, and its tensors. Never a pickle of the user's."""

from __future__ import annotations

import hashlib
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError  # the error alone

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from neocog.errors import UserError, printable

PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")
PROTOCOLS = range(2, 6)  # of pickles that say theirs
Shapes = dict[str, tuple[int, ...]]


def refuse_pickle(file: Path) -> None:
    """Raise UserError, with the line that converts it, for a pickle: opening one may run any program.

    A safetensors file begins with eight bytes, how long its header is, and that header's "{": of one in 32 the first byte is 0x80,
    as a pickle's is.
    """
    with file.open("rb") as stream:
        start = stream.read(9)
    pickled = start[8:] != b"{" and start[:2] in (b"PK", *(bytes([0x80, protocol]) for protocol in PROTOCOLS))
    if file.suffix.lower() in PICKLES or pickled:
        raise UserError("a pickle, which can run any program when it is opened", printable(str(file)), conversion(file))


def conversion(file: Path) -> str:
    """What converts a file of tensors to .safetensors; ``weights_only`` runs nothing that the file says. Opened,
    as torch goes by the name of a file that it opens itself."""
    converted = file.with_suffix(".safetensors")
    if converted == file:  # only called so
        converted = file.with_name(f"{file.stem}-converted.safetensors")
    code = (
        "import torch, safetensors.torch as s; "
        f"d = torch.load(open({str(file)!r}, 'rb'), map_location='cpu', weights_only=True); "
        "d = d.get('state_dict', d.get('model', d)); "
        f"s.save_file({{k: v.clone() for k, v in d.items()}}, {str(converted)!r})"
    )
    return f"convert it once: python -c {shlex.quote(code)}"


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shapes(file: Path, published: bool = False) -> Shapes:
    """{name: shape} of the tensors in a file. ``published``: a library's own pickle, of tensors alone, may be read."""
    if published and file.suffix == ".pth":
        return {name: tuple(tensor.shape) for name, tensor in tensors(file, published).items()}
    refuse_pickle(file)
    try:
        with safe_open(file, framework="pt") as found:
            return {name: tuple(found.get_slice(name).get_shape()) for name in found.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise unreadable(file, error) from None


def tensors(file: Path, published: bool = False) -> dict[str, Tensor]:
    """{name: tensor} of a file, all of them finite. Raises UserError."""
    try:
        if published and file.suffix == ".pth":
            found = torch.load(file, map_location="cpu", weights_only=True)
            found = {name: value for name, value in found.items() if isinstance(value, Tensor)}
        else:
            refuse_pickle(file)
            with safe_open(file, framework="pt") as opened:
                found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError, RuntimeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise unreadable(file, error) from None
    except UnpicklingError as error:
        raise UserError("it holds more than tensors: refused", printable(str(file)), "remove the file") from error
    for name, value in found.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(
                f"weights that are not finite: '{printable(name)}'", printable(str(file)), "give other ones"
            )
    return found


def unreadable(file: Path, error: Exception) -> UserError:
    reason = printable(" ".join(str(error).split()))[:120]
    fix = "get it again: it may have been cut short on its way"
    return UserError(f"not a whole file of weights ({reason})", printable(str(file)), fix)


def parameters(found: Mapping[str, tuple[int, ...]]) -> int:
    """Numbers in tensors of these shapes."""
    return sum(torch.Size(shape).numel() for shape in found.values())
