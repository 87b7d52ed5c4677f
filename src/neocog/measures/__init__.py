"""Measures and how sure they are. NumPy only; the names are scikit-learn's where it has one."""

from neocog.measures.calibration import Bins as Bins
from neocog.measures.calibration import brier_scores as brier_scores
from neocog.measures.calibration import calibration_bins as calibration_bins
from neocog.measures.calibration import fit_temperature as fit_temperature
from neocog.measures.calibration import log_losses as log_losses
from neocog.measures.calibration import log_softmax as log_softmax
from neocog.measures.classification import class_counts as class_counts
from neocog.measures.classification import classification_measures as classification_measures
from neocog.measures.classification import counts_of as counts_of
from neocog.measures.classification import per_class as per_class
from neocog.measures.counts import Counts as Counts
from neocog.measures.counts import confusion as confusion
from neocog.measures.counts import in_top as in_top
from neocog.measures.intervals import Units as Units
from neocog.measures.intervals import proportion as proportion
from neocog.measures.intervals import proportion_measure as proportion_measure
from neocog.measures.names import PERCENT as PERCENT
from neocog.measures.names import lower_is_better as lower_is_better
from neocog.measures.names import title as title
from neocog.measures.paired import Comparison as Comparison
from neocog.measures.paired import holm as holm
from neocog.measures.paired import mcnemar as mcnemar
from neocog.measures.paired import paired as paired
from neocog.measures.ranking import auroc as auroc
from neocog.measures.ranking import macro_auroc as macro_auroc
