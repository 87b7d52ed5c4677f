"""Chapters of a report as plain records: data, network, training, results. Nothing is drawn here."""

from neocog.tasks.chapters.data import data_chapter as data_chapter
from neocog.tasks.chapters.environment import environment_chapter as environment_chapter
from neocog.tasks.chapters.mistakes import Example as Example
from neocog.tasks.chapters.mistakes import mistakes_chapter as mistakes_chapter
from neocog.tasks.chapters.mistakes import worst_and_surest as worst_and_surest
from neocog.tasks.chapters.network import filters_chapter as filters_chapter
from neocog.tasks.chapters.network import network_chapter as network_chapter
from neocog.tasks.chapters.orientation import orientation_chapters as orientation_chapters
from neocog.tasks.chapters.pictures import thumbnail as thumbnail
from neocog.tasks.chapters.quality import calibration_chapter as calibration_chapter
from neocog.tasks.chapters.quality import confusion_chapter as confusion_chapter
from neocog.tasks.chapters.quality import measures_chapter as measures_chapter
from neocog.tasks.chapters.regression import Quantity as Quantity
from neocog.tasks.chapters.regression import extremes_chapter as extremes_chapter
from neocog.tasks.chapters.regression import regression_chapter as regression_chapter
from neocog.tasks.chapters.segmentation import Case as Case
from neocog.tasks.chapters.segmentation import case as case
from neocog.tasks.chapters.segmentation import cases_chapter as cases_chapter
from neocog.tasks.chapters.segmentation import grey_levels as grey_levels
from neocog.tasks.chapters.segmentation import overlay as overlay
from neocog.tasks.chapters.segmentation import segmentation_chapter as segmentation_chapter
from neocog.tasks.chapters.sequences import sequences_chapter as sequences_chapter
from neocog.tasks.chapters.sequences import strip as strip
from neocog.tasks.chapters.training import training_chapter as training_chapter
