"""Augmentation of whole batches on their device, drawn per sample as a function of (seed, epoch, sample).

Sample, then apply: ``draw`` decides what happens to each sample, ``apply`` does it to the images, ``apply_masks`` does the
geometric part of the same draw to their masks. No state: any batch, order, rank or number of workers gives the same.
"""

from neocog.augment.apply import apply, apply_masks
from neocog.augment.draw import Draw, draw
from neocog.augment.policy import Augmentation
from neocog.augment.transforms import ImageChanges, MaskChanges

__all__ = ["Augmentation", "Draw", "ImageChanges", "MaskChanges", "apply", "apply_masks", "draw"]
