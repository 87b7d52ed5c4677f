"""A competition between networks on one data set: rules, a sealed part, entries that run contained, and a board.

``rules`` and ``sealed`` say what is measured, ``entry_check`` and ``entry_settings`` what may enter, ``contained`` runs an
entry's code, ``running`` trains one and takes its answers, ``ladder``, ``standings`` and ``board`` say how it compares.
"""
