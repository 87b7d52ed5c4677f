"""Sequences changed as reading and evolution change them: point mutations, unread stretches, shifts, the other strand.

Everything works on codes (see ``nucleotides``), and is a function of (seed, epoch, sample).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import torch
from torch import Tensor

from neocog.augment.counter import pixel_uniform
from neocog.augment.random_streams import RandomStreams
from neocog.checked import number
from neocog.data.nucleotides import complement
from neocog.data.preprocessing import Preprocessing
from neocog.errors import UserError, did_you_mean, printable, raise_all

USUAL = {"mutate": 0.01, "unread": 0.05, "shift": 10.0, "reverse": 0.5}  # what "on" stands for
MOST = {"mutate": 1.0, "unread": 1.0, "shift": 1e6, "reverse": 1.0}


@dataclass(frozen=True)
class SequenceAugmentation:
    """How far each change goes at most; 0 is off. Raises UserError for values out of range, all at once."""

    mutate: float = 0.01
    """Share of the letters that are replaced by A, C, G or T, for each sample between 0 and this."""
    unread: float = 0.05
    """Longest stretch that becomes N, as a share of the length."""
    shift: float = 10.0
    """Letters by which a sequence is moved to either side; padding comes in."""
    reverse: float = 0.0
    """Probability of the reverse complement: only where the strand is not known."""

    def __post_init__(self) -> None:
        raise_all(
            UserError(f"augmentation {field.name}={getattr(self, field.name):g} is outside 0 … {MOST[field.name]:g}")
            for field in fields(self)
            if not 0 <= getattr(self, field.name) <= MOST[field.name]
        )

    def changed(self, edits: Iterable[str]) -> SequenceAugmentation:
        """With edits as on the command line, in their order: "mutate=0.02", "reverse=on", "shift=off", or "off"."""
        policy: dict[str, float] = {}
        for edit in (part for text in edits for part in text.replace(",", " ").split()):
            name, _, value = edit.partition("=")
            if edit in ("off", "none"):
                policy = dict.fromkeys(USUAL, 0.0)
            elif name not in USUAL:
                hint = did_you_mean(name, list(USUAL))
                what = f"no augmentation '{printable(name)}' of sequences"
                raise UserError(what, fix=f"{hint}known: {', '.join(USUAL)}")
            else:
                policy[name] = _amount(name, value)
        return replace(self, **policy)

    def is_on(self) -> bool:
        """Whether anything happens at all."""
        return any(getattr(self, name) for name in USUAL)


def _amount(name: str, value: str) -> float:
    if value.lower() in ("off", "none", "false"):
        return 0.0
    if value.lower() in ("", "on", "true"):
        return USUAL[name]
    amount = number(value)
    if amount is None:
        what = f"augmentation {name}={printable(value)} is not a number"
        raise UserError(what, fix=f"{name}={USUAL[name]:g}, or {name}=off")
    return amount


class SequenceStreams(RandomStreams):
    """The streams of sequences."""

    first = 100
    streams = ("mutate", "bases", "unread_length", "unread_start", "shift", "reverse")


@dataclass(frozen=True)
class SequenceChanges:
    """Codes (B, 1, 1, L) uint8 → codes; labels stay."""

    policy: SequenceAugmentation

    def __call__(
        self, pixels: Tensor, targets: Tensor, samples: Tensor, seed: int, epoch: int, preprocessing: Preprocessing
    ) -> tuple[Tensor, Tensor]:
        codes, length = pixels[:, 0, 0], pixels.shape[-1]
        place = torch.arange(length, device=codes.device)[None]

        streams = SequenceStreams(seed, epoch, samples)

        def chance(stream: str) -> Tensor:
            return streams.between(stream, 0, 1)[:, None]

        if self.policy.reverse:
            codes = torch.where(chance("reverse") < self.policy.reverse, reversed_complement(codes), codes)
        if self.policy.mutate:
            most = max(1, round(self.policy.mutate * length))  # few places are drawn, not a number for each letter
            where = (pixel_uniform(streams.bits("mutate"), most) * length).long()
            bases = (1 << (pixel_uniform(streams.bits("bases"), most) * 4).long()).to(codes.dtype)  # A, C, G or T
            hit = torch.arange(most, device=codes.device) < chance("mutate") * (most + 1)
            drawn = torch.where(hit, bases, 0)
            # the largest of what is drawn for one place: the same in any order
            other = torch.zeros_like(codes).scatter_reduce(1, where, drawn, "amax")
            codes = torch.where((other > 0) & (codes > 0), other, codes)
        if self.policy.unread:
            size = (chance("unread_length") * self.policy.unread * length).floor()
            start = (chance("unread_start") * (length - size)).long()
            codes = torch.where((place >= start) & (place < start + size.long()) & (codes > 0), 15, codes)
        if self.policy.shift:
            moved = place - ((2 * chance("shift") - 1) * (self.policy.shift + 1)).trunc().long()
            inside = (moved >= 0) & (moved < length)
            codes = torch.where(inside, codes.gather(1, moved.clamp(0, length - 1).expand_as(codes)), 0)
        return codes[:, None, None].to(pixels.dtype), targets


def reversed_complement(codes: Tensor) -> Tensor:
    """(B, L) codes of the other strand, read from its beginning; the padding stays at the end."""
    length = codes.shape[1]
    place = torch.arange(length, device=codes.device)[None]
    last = torch.where(codes > 0, place, -1).amax(1, keepdim=True)  # (B, 1) the last letter
    turned = codes.gather(1, (last - place).clamp(min=0).expand_as(codes))
    return torch.where(place <= last, _partners(codes.device)[turned.long()], 0).to(codes.dtype)


@lru_cache(maxsize=8)
def _partners(device: torch.device) -> Tensor:
    return torch.from_numpy(complement()).to(device)
