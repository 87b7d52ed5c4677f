"""What Python has of a run beside its folder: frames, answers in memory, a module, figures, and how a notebook shows it."""

from neocog.results.run import Results as Results
from neocog.results.run import load as load
from neocog.results.stopped import returned as returned
