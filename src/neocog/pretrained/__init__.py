"""Weights of a network that was trained before: what ``--from`` names, the preprocessing they need, and what of them fits.

``source_of`` finds them (and downloads them, once), ``load_into`` puts them into a network.
"""

from neocog.pretrained.find import source_of
from neocog.pretrained.matching import load_into, matched
from neocog.pretrained.needs import Needs
from neocog.pretrained.origin import origin_of
from neocog.pretrained.source import Source, recorded_source, write_record
from neocog.pretrained.taken import Taken

__all__ = [
    "Needs", "Source", "Taken", "load_into", "matched", "origin_of", "recorded_source", "source_of", "write_record",
]  # fmt: skip
