"""A run folder as one HTML page that works offline. Reads plain files, runs no model, imports no torch."""

from neocog.pages.compare import compare as compare
from neocog.pages.page import write_card as write_card
from neocog.pages.page import write_report as write_report
from neocog.pages.sections import sections_from_json as sections_from_json
from neocog.pages.sections import sections_to_json as sections_to_json
