"""Who may report events from a server: the holders of write keys, and the admin; and how many a second. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import blake2b

BURST_SECONDS = 10.0  # of its rate that a sender may use at once


class Senders:
    def __init__(self, write_keys: tuple[str, ...], admin: tuple[str, str], events_per_second: int) -> None:
        self._keys = [key.encode() for key in write_keys]
        self._admin = ":".join(admin).encode() if admin[1] else None
        self._rate = events_per_second
        self._buckets: dict[str, _Bucket] = {}

    def name(self, authorization: str) -> str | None:
        """The sender that an Authorization proves, or None. A key goes as Bearer, or as either half of Basic."""
        scheme, _, said = authorization.partition(" ")
        given = said.strip().encode()
        if scheme.lower() == "basic" and len(given) <= 4_096:
            try:
                given = base64.b64decode(given, validate=True)
            except (binascii.Error, ValueError):
                return None
            if self._admin and hmac.compare_digest(given, self._admin):
                return "admin"
            user, _, password = given.partition(b":")
            given = password or user
        elif scheme.lower() != "bearer":
            return None
        known = [key for key in self._keys if hmac.compare_digest(given, key)]
        return blake2b(known[0], digest_size=4).hexdigest() if known else None

    def wait_seconds(self, name: str, events: int, now: float) -> float:
        """0 when the sender may send so many events now, and then they are counted; else how long it must wait."""
        if not self._rate:
            return 0.0
        bucket = self._buckets.setdefault(name, _Bucket(self._rate * BURST_SECONDS, now))
        return bucket.take(events, self._rate, now)


class _Bucket:
    """What a sender may still send: refilled with time, taken from by batches; a batch may overdraw a full one."""

    def __init__(self, events: float, now: float) -> None:
        self._events = self._most = events
        self._at = now

    def take(self, events: int, rate: float, now: float) -> float:
        self._events = min(self._most, self._events + (now - self._at) * rate)
        self._at = now
        missing = min(events, self._most) - self._events
        if missing > 0:
            return missing / rate
        self._events -= events
        return 0.0
