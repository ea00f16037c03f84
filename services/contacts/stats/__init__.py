"""Hits as they arrive, what became of those of the last minutes, and how many contacts there are."""
