"""Shortcuts: what of a picture other than the object tells its label, and whether the network goes by it."""
