"""Counting for neocog: a task, a network and a reader."""
