"""What writers have not projected into ClickHouse yet."""

from __future__ import annotations

from typing import Any

from services.common import keys


def are_empty(redis: Any) -> bool:
    """Also of a cluster."""
    waiting = redis.pipeline(transaction=False)
    for slot in range(keys.CONTACT_SLOTS):
        waiting.exists(keys.changes(slot))
    for slot in range(keys.RECORD_SLOTS):
        waiting.exists(keys.made(slot))
    return not any(waiting.execute())
