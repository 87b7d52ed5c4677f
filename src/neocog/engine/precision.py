"""Which numbers the network computes in: bfloat16 where the processor multiplies it in hardware, else float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch

from neocog.checked import read
from neocog.engine.convolution import FastConvolutions
from neocog.environment import cpu_features
from neocog.errors import UserError

Wanted = Literal["fp32", "bf16", "auto"]


@dataclass(frozen=True)
class Precision:
    """``autocast`` says whether to enter torch.autocast with ``dtype``; weights and optimizer stay float32.

    ``own_convolutions``: whether training computes convolutions in the ways of ``engine.convolution``. Evaluation never does.
    """

    name: Literal["fp32", "bf16"]
    autocast: bool
    dtype: torch.dtype
    why: str
    own_convolutions: bool = False

    def evaluating(self, device: torch.device) -> AbstractContextManager[object]:
        """In which a network computes what it is evaluated by."""
        return torch.autocast(device.type, self.dtype, enabled=self.autocast)

    @contextmanager
    def learning(self, device: torch.device) -> Iterator[None]:
        """In which it computes what it learns from."""
        with self.evaluating(device), FastConvolutions() if self.own_convolutions else nullcontext():
            yield


def choose(device: str, wanted: Wanted = "auto") -> Precision:
    """The precision for a device ("cpu", "cuda", "cuda:1"), with the reason in words."""
    fast, reason = _bf16(torch.device(device))
    own = torch.device(device).type == "cpu"
    if wanted == "auto" and fast:
        return _bfloat16(reason, own)
    if wanted == "auto":
        return _float32(reason + "; wide 3 × 3 convolutions by Winograd's algorithm" * own, own)
    if wanted == "fp32":
        return _float32("asked for" + (f"; bf16 would be faster: {reason}" if fast else ""))
    return _bfloat16("asked for" if fast else f"asked for, though {reason}: slower than fp32", own)


def to_answer(device: torch.device, wanted: Wanted = "fp32") -> Precision:
    """The precision in which a finished network answers; auto: bf16 where the device is fast at it.

    Raises UserError where bf16 is asked for and would gain nothing, and for words that are no precision.
    """
    wanted, (fast, reason) = read("precision", wanted, Wanted), _bf16(device)
    if wanted == "bf16" and not fast:
        raise UserError(f"--precision bf16: {reason}, so it would only be less exact", fix="leave it out, or give auto")
    return _bfloat16(reason) if fast and wanted != "fp32" else _float32(reason)


def by_trial(given: Precision, name: str) -> Precision:
    """``given``, or fp32 in its place where a trial found that quicker."""
    return given if name == given.name else _float32(f"faster for this network in a trial, though {given.why}", True)


def _bfloat16(why: str, own_convolutions: bool = False) -> Precision:
    return Precision("bf16", True, torch.bfloat16, why, own_convolutions)


def _float32(why: str, own_convolutions: bool = False) -> Precision:
    return Precision("fp32", False, torch.float32, why, own_convolutions)


def _bf16(device: torch.device) -> tuple[bool, str]:
    """Whether the device multiplies bfloat16 in hardware, and what says so."""
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError("no GPU that PyTorch can use", fix="--device cpu, or a PyTorch built for this GPU")
        name = torch.cuda.get_device_name(device)
        if torch.version.hip or torch.cuda.get_device_capability(device) >= (8, 0):
            return True, f"{name} has bf16 units"
        return False, f"{name} has no bf16 units"
    if device.type == "cpu":
        features = cpu_features()
        for feature, name in (("amx_bf16", "AMX"), ("avx512_bf16", "AVX512-BF16")):
            if feature in features:
                return True, f"the processor has {name}"
        return False, "the processor has neither AMX nor AVX512-BF16"
    return False, f"bf16 is not tried on {device.type}"
