"""Text as free search compares it: small letters, without the marks of Latin, Greek and Cyrillic ones. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import chain

_LETTERS = (range(0xC0, 0x530), range(0x1E00, 0x2000))
_MARKS = range(0x300, 0x370)
# Letters of their own to Unicode, and with a mark to whoever types a name.
_STROKES = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i"}


def _plain_letters() -> Iterator[tuple[int, str | None]]:
    for code in chain(*_LETTERS):
        apart = unicodedata.normalize("NFD", chr(code))
        letter, marks = apart[0], apart[1:]
        if marks and letter.isalpha() and all(ord(mark) in _MARKS for mark in marks):
            yield code, _STROKES.get(letter, letter)
    yield from ((ord(letter), plain) for letter, plain in _STROKES.items())
    yield from ((mark, None) for mark in _MARKS)


PLAIN = dict(_plain_letters())
"""The letter without its mark by code point, None for marks that stand alone: what migrations put into SQL."""


def searchable(text: str) -> str:
    """Łódź and LODZ are the same, as are Müller and muller; ß is ss, ä is a."""
    small = text.casefold()
    return small if small.isascii() else small.translate(PLAIN)
