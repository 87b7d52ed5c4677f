"""Measures and how sure they are. NumPy only; the names are scikit-learn's where it has one."""

from neocog.metrics.calibration import Bins as Bins
from neocog.metrics.calibration import brier_scores as brier_scores
from neocog.metrics.calibration import calibration_bins as calibration_bins
from neocog.metrics.calibration import fit_temperature as fit_temperature
from neocog.metrics.calibration import log_losses as log_losses
from neocog.metrics.calibration import log_softmax as log_softmax
from neocog.metrics.classification import class_counts as class_counts
from neocog.metrics.classification import classification_measures as classification_measures
from neocog.metrics.classification import counts_of as counts_of
from neocog.metrics.classification import per_class as per_class
from neocog.metrics.counts import Counts as Counts
from neocog.metrics.counts import confusion as confusion
from neocog.metrics.counts import in_top as in_top
from neocog.metrics.intervals import Units as Units
from neocog.metrics.intervals import proportion as proportion
from neocog.metrics.intervals import proportion_measure as proportion_measure
from neocog.metrics.names import PERCENT as PERCENT
from neocog.metrics.names import lower_is_better as lower_is_better
from neocog.metrics.names import title as title
from neocog.metrics.paired import Comparison as Comparison
from neocog.metrics.paired import holm as holm
from neocog.metrics.paired import mcnemar as mcnemar
from neocog.metrics.paired import paired as paired
from neocog.metrics.ranking import auroc as auroc
from neocog.metrics.ranking import macro_auroc as macro_auroc
from neocog.metrics.widened import widened as widened
