"""Which of very many hashes came more than once, in a fixed amount of memory. Pure.

Two bits for each of 2**28 places: with ten million values 1 in 27 of the others counts as having come twice too. So who
asks must compare what it is told.
"""

from __future__ import annotations

import hashlib

from services.common.values import UniqueValue

PLACES = 1 << 28  # 64 MB for both


def hash_of(value: UniqueValue) -> int:
    """64 bits of it."""
    text = "\n".join(value).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class SeenTwice:
    def __init__(self, places: int = PLACES) -> None:
        self._places = places
        self._once, self._twice = bytearray(places >> 3), bytearray(places >> 3)
        self.count = 0  # of those that came again

    def add(self, hashed: int) -> None:
        place, bit = self._at(hashed)
        if self._once[place] & bit:
            self._twice[place] |= bit
            self.count += 1
        self._once[place] |= bit

    def __contains__(self, hashed: int) -> bool:
        place, bit = self._at(hashed)
        return bool(self._twice[place] & bit)

    def _at(self, hashed: int) -> tuple[int, int]:
        at = hashed % self._places
        return at >> 3, 1 << (at & 7)
