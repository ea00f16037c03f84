"""What requests change, by whom and from where: noted while they run, in a Redis stream before they are answered, and
worked off from there into ClickHouse, at least once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import msgspec

from services.common import keys
from services.common.caller import caller
from services.common.clickhouse import ClickHouse, insert_rows
from services.common.redis_client import RedisClient
from services.common.tables import AUDIT, AuditRow

ROWS_AN_ENTRY, ENTRIES_AT_ONCE = 500, 100
LEAD = "lead"  # a contact, as the API calls it here


class Noted:
    """What one request notes."""

    def __init__(self) -> None:
        self.waiting: list[AuditRow] = []
        self.is_empty = True

    def add(self, row: AuditRow) -> None:
        self.waiting.append(row)
        self.is_empty = False

    def take(self) -> list[AuditRow]:
        """What was not taken yet."""
        rows, self.waiting = self.waiting, []
        return rows


_noted: ContextVar[Noted | None] = ContextVar("noted", default=None)


def begin() -> Noted:
    """For the request that runs: what it and its tasks note from now on."""
    noted = Noted()
    _noted.set(noted)
    return noted


def note(action: str, kind: str, object_id: object, details: Mapping[str, Any], *, contact_id: int = 0) -> None:
    """That something was done; `details` by field the old value and the new one. Beside requests nothing is noted."""
    noted, by = _noted.get(), caller()
    if noted is None or by is None:
        return
    noted.add(
        AuditRow(
            id=uuid.uuid4().hex,
            contact_id=contact_id,
            time=time.time_ns() // 1_000_000,
            action=action,
            user=by.name,
            details=msgspec.json.encode(details).decode(),
            object=kind,
            object_id=str(object_id),
            user_id=by.user_id,
            ip=by.ip,
        )
    )


class AuditLog:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def append_noted(self) -> None:
        """What the request that runs has noted so far, beside whatever else it does. As `append`."""
        noted = _noted.get()
        if noted is not None:
            await self.append(noted.take())

    async def append(self, rows: list[AuditRow]) -> None:
        """Raises `RedisError`; then it is not known whether they are kept."""
        for start in range(0, len(rows), ROWS_AN_ENTRY):
            entry = msgspec.json.encode(rows[start : start + ROWS_AN_ENTRY])
            await self._redis.xadd(keys.AUDIT, {"rows": entry})

    async def work_off(self, clickhouse: ClickHouse) -> int:
        """Returns when all that was there is in ClickHouse; how many rows. Two at once do no harm.

        What is appended meanwhile is left: else who reads the log would wait until nobody writes."""
        count, last = 0, await self._redis.xrevrange(keys.AUDIT, count=1)
        while last and (entries := await self._redis.xrange(keys.AUDIT, max=last[0][0], count=ENTRIES_AT_ONCE)):
            rows = [row for _, entry in entries for row in msgspec.json.decode(entry[b"rows"], type=list[AuditRow])]
            await insert_rows(clickhouse, AUDIT, rows, f"audit-{entries[0][0].decode()}-{entries[-1][0].decode()}")
            await self._redis.xdel(keys.AUDIT, *(entry_id for entry_id, _ in entries))
            count += len(rows)
        return count
