"""neocog: from labelled images to a network whose numbers you can trust."""

__version__ = "0.1.0"
