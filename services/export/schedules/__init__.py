"""Exports that are made again and again: daily or weekly, by the rights that their user has then."""
