"""Records as a busy service reads them: at most a second old, and as they were when Redis does not answer."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from services.common.records import RecordStore, Ref
from services.common.redis_client import RedisError

SECONDS = 1.0
MAX_CACHED = 10_000

Read = TypeVar("Read")


class RecordCache(Generic[Read]):
    """The records of one kind, decoded; None for one that is not there."""

    def __init__(self, store: RecordStore, kind: str, decode: Callable[[bytes], Read]) -> None:
        self._store, self._kind, self._decode = store, kind, decode
        self._known: OrderedDict[str, tuple[float, Read | None]] = OrderedDict()

    def forget(self, record_id: str) -> None:
        """The next look is a fresh one."""
        self._known.pop(record_id, None)

    async def get(self, record_id: str) -> Read | None:
        """Raises `RedisError` for one that was never read."""
        known = self._known.get(record_id)
        if known and time.monotonic() - known[0] < SECONDS:
            return known[1]
        asked = time.monotonic()  # the process may stand still before it has the answer
        try:
            record = await self._store.one(Ref(self._kind, record_id))
        except RedisError:
            if known:
                return known[1]
            raise
        found = self._decode(record.data) if record else None
        self._known[record_id] = (asked, found)
        self._known.move_to_end(record_id)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        return found
