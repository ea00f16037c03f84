"""Hits of a hot device or contact wait in a lane of their own, so that their neighbours do not wait for them.

Each stream has one: `hits:{n}:slow`, read more slowly by whoever reads the stream. While hits of a device are in there,
all that follow go there too, so their order stays. Nothing is dropped: a hit is in the lane before its batch is
acknowledged, and comes twice at worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from services.common import keys
from services.common.hit import BATCH_FIELD, Hit, decode_batch, encode_batch
from services.common.redis_client import RedisClient
from services.identity.metrics import IdentityMetrics
from services.identity.pipeline import Draft

ENTRY_HITS = 500
ENTRIES_A_LOOK = 100


class Sifted(NamedTuple):
    """Drafts to be stored now, and by reason those that must wait; each in their order."""

    now: list[Draft]
    waiting: dict[str, list[Draft]]


def sift(drafts: Sequence[Draft], is_slow: Counter[int], most: int) -> Sifted:
    """At most so many hits of one device, and at most so many that name one contact or value; a hit of a device that is
    slow already waits behind its others. Pure."""
    if not is_slow and not _is_hot(drafts, most):
        return Sifted(list(drafts), {})  # nearly always: 2 milliseconds of a batch of 20,000
    devices: Counter[int] = Counter()
    named: Counter[object] = Counter()
    slowed: set[int] = set()
    sifted = Sifted([], {})
    for draft in drafts:
        device = draft.hit.device_contact_id
        devices[device] += 1
        names = _names(draft)
        named.update(names)
        reason = ""
        if device in slowed or is_slow.get(device) or devices[device] > most:
            reason = "device"
        elif any(named[name] > most for name in names):
            reason = "contact"
        if reason:
            slowed.add(device)
            sifted.waiting.setdefault(reason, []).append(draft)
        else:
            sifted.now.append(draft)
    return sifted


def _is_hot(drafts: Sequence[Draft], most: int) -> bool:
    if len(drafts) <= most:
        return False
    devices = Counter(draft.hit.device_contact_id for draft in drafts)
    naming = [draft for draft in drafts if draft.unique or draft.named_contact_id or draft.clicked_contact_id]
    named = Counter(name for draft in naming for name in _names(draft))
    return max(devices.values()) > most or max(named.values(), default=0) > most


def _names(draft: Draft) -> list[object]:
    """Whom it names, beside its device."""
    names: list[object] = list(draft.unique.items()) if draft.unique else []
    return [*names, *(one for one in (draft.named_contact_id, draft.clicked_contact_id) if one)]


class SlowLane:
    """The lanes of the streams that this resolver reads."""

    def __init__(self, redis: RedisClient, streams: int, metrics: IdentityMetrics) -> None:
        self._redis, self._streams, self._metrics = redis, streams, metrics
        self._waiting: dict[int, Counter[int]] = {}  # stream: hits in its lane, by device

    @property
    def slow(self) -> Counter[int]:
        """Hits that wait, by device."""
        return sum(self._waiting.values(), Counter())

    async def follow(self, held: set[int]) -> None:
        """Learns what waits in the lanes of streams that are new to this resolver. Raises `RedisError`."""
        for stream in [stream for stream in self._waiting if stream not in held]:
            del self._waiting[stream]
        for stream in held - self._waiting.keys():
            self._waiting[stream] = await self._look(stream)

    async def put(self, drafts: Iterable[Draft], reason: str) -> None:
        """They wait now. Raises `RedisError`: then they stay with their batch."""
        by_stream: dict[int, list[Hit]] = {}
        for draft in drafts:
            by_stream.setdefault(draft.hit.device_contact_id % self._streams, []).append(draft.hit)
        pipeline: Any = self._redis.pipeline(transaction=False)
        for stream, hits in by_stream.items():
            for start in range(0, len(hits), ENTRY_HITS):
                batch = encode_batch(hits[start : start + ENTRY_HITS])
                pipeline.xadd(keys.slow_hits(stream), {BATCH_FIELD: batch})
        await pipeline.execute()
        for stream, hits in by_stream.items():
            self._waiting.setdefault(stream, Counter()).update(hit.device_contact_id for hit in hits)
            self._metrics.slowed.add(len(hits), reason)
        self._tell()

    def done(self, stream: int, hits: Iterable[Hit]) -> None:
        """These have been acknowledged."""
        waiting = self._waiting.get(stream)
        if waiting is not None:
            waiting.subtract(hit.device_contact_id for hit in hits)
            self._waiting[stream] = +waiting
        self._tell()

    def _tell(self) -> None:
        self._metrics.slow_hits.value = sum(waiting.total() for waiting in self._waiting.values())

    async def _look(self, stream: int) -> Counter[int]:
        found: Counter[int] = Counter()
        after = "-"
        while entries := await self._redis.xrange(keys.slow_hits(stream), min=after, count=ENTRIES_A_LOOK):
            for entry_id, fields in entries:
                after = f"({entry_id.decode()}"
                try:
                    found.update(hit.device_contact_id for hit in decode_batch(fields.get(BATCH_FIELD, b"")))
                except msgspec.DecodeError:
                    continue  # whoever reads it puts it aside
        return found
