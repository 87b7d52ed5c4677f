"""The studio: a local web page on which one looks through every layer of a run's own network. Needs the extra ``studio``."""
