"""The second half of preprocessing, on the device: (x − mean) / std per channel."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.data.nucleotides import shares
from neocog.data.preprocessing import Preprocessing


def normalise(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(B, C, …) uint8, uint16 or float in stored units → float32 of about mean 0 and standard deviation 1.

    The pixels that are given stay as they are.
    """
    shape = (-1, *(1,) * (pixels.ndim - 2))
    if preprocessing.encoding == "nucleotides":
        table = torch.from_numpy(shares()).to(pixels.device).T.contiguous()  # (4, 16)
        codes = pixels[:, 0].int()  # (B, 1, L)
        # One base after the other lies as the network wants it: twice as fast as rows of four turned afterwards.
        return torch.stack([row.index_select(0, codes.flatten()).view(codes.shape) for row in table], 1)
    mean = torch.tensor(preprocessing.mean, device=pixels.device).view(shape)
    std = torch.tensor(preprocessing.std, device=pixels.device).view(shape)
    return pixels.float().sub(mean).div_(std)
