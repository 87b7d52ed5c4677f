"""Sections of a report that every task shares, as plain records: data, network, training, quality. Nothing is drawn here."""
