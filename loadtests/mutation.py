"""Bytes that have broken parsers, and good ones spoiled. Pure but for the randomness that it is given."""

from __future__ import annotations

import base64
import random
import re
import uuid
from urllib.parse import quote_from_bytes

# What has broken somebody's parser before.
NASTY = (
    b"", b"%", b"%0", b"%zz", b"%00", b"%FF%FE", b"%ED%A0%80", b"%F0%9F%92%A9", b"\xff\xfe", b"\xc3\x28", b"a" * 300,
    b"../../etc/passwd", b"..%2f..%2f", b"null", b"undefined", b"NaN", b"-1", b"0", b"1e999", b"9" * 400, b"[]", b"{}",
    b"' OR 1=1 --", b"<script>alert(1)</script>", b"{{7*7}}", b"${jndi:ldap://x}", b"\x1b[31m", b"http://[::1",
    b"http://[", b"https://x:99999999/", b"javascript:1", b"//x", b"https://shop.example/?email=a%40b.example&tags=x",
    b"a:1:{s:5:\"email\";s:900000:\"x\";}", b"YToxOntpOjA7aToxO30=", b"O:8:\"stdClass\":0:{}", b"=?=&&=&;;", b"+",
    b"\xe2\x80\xa8", b"\xd9\x80" * 20, b"a@b", b"a@b.example", b"2026-02-30T25:61:61", b"253402300800000", b"-0",
)  # fmt: skip
# What the server itself answers 400 to is mostly left out: else half of all requests would never reach our code.
RAW = 0.02
_ENDS_LINE = re.compile(rb"[\r\n]")
_REFUSED_IN_TARGET = re.compile(rb"[^\x21-\x7e]|[\"#<>\\^`{|}]")
_REFUSED_IN_HEADER = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Mutator:
    """`good` are values that deserve to be spoiled: ids, tokens."""

    def __init__(self, chance: random.Random, good: list[bytes]) -> None:
        self._random, self._good = chance, good

    def value(self) -> bytes:
        chance = self._random.random()
        if chance < 0.45:
            return self._random.choice(NASTY)
        if chance < 0.6:
            return self._random.randbytes(self._random.randrange(1, 40))
        if chance < 0.8:
            return self.spoiled(self._random.choice(self._good))
        if chance < 0.85:
            return base64.b64encode(self.mutated(b'a:1:{s:8:"page_url";s:3:"abc";}'))
        if chance < 0.9:
            return str(uuid.UUID(int=self._random.getrandbits(128))).encode()
        return str(self._random.choice((0, 1, 1_790_000_000_000, 10**13, 10**14, 2**63, -5))).encode()

    def spoiled(self, good: bytes) -> bytes:
        return self.mutated(good) if self._random.random() < 0.5 else good

    def mutated(self, data: bytes) -> bytes:
        mutated = bytearray(data)
        for _ in range(self._random.randrange(1, 4)):
            at = self._random.randrange(len(mutated) + 1)
            kind = self._random.randrange(4)
            if kind == 0:
                mutated[at:at] = self._random.randbytes(self._random.randrange(1, 6))
            elif kind == 1:
                del mutated[at : at + self._random.randrange(1, 8)]
            elif kind == 2 and at < len(mutated):
                mutated[at] ^= 1 << self._random.randrange(8)
            else:
                mutated[at:at] = mutated[at : at + 20] * self._random.choice((1, 1, 1, 30))
        return bytes(mutated)

    def quoted(self, value: bytes) -> bytes:
        return quote_from_bytes(value).encode() if self._random.random() < 0.7 else self.in_target(value)

    def in_target(self, value: bytes) -> bytes:
        """What would end the request line is escaped; the rest stays raw."""
        pattern = _ENDS_LINE if self._random.random() < RAW else _REFUSED_IN_TARGET
        return pattern.sub(lambda found: b"%%%02X" % found[0][0], value)

    def in_header(self, value: bytes) -> bytes:
        pattern = _ENDS_LINE if self._random.random() < RAW else _REFUSED_IN_HEADER
        return pattern.sub(b"", value)
