"""Whether Redis has lost all that it had: whoever wrote then would make known people anew.

Asked once, when a service starts: contacts are in ClickHouse, and of the newest of them none is in Redis.
"""

from __future__ import annotations

from services.common.clickhouse import ClickHouse
from services.common.profiles import ProfileStore

LOST = "redis_lost"
WHAT_TO_DO = "Redis has lost what it had, ClickHouse has not: run ./just rebuild-redis (nothing is written until then)."
RETRY_SECONDS = 2.0
SAMPLE = 20
_NEWEST = f"SELECT id FROM contacts FINAL WHERE is_deleted = 0 ORDER BY version DESC LIMIT {SAMPLE}"


async def is_redis_lost(profiles: ProfileStore, clickhouse: ClickHouse) -> bool:
    """Raises what the stores raise."""
    newest = [int(row[0]) for row in (await clickhouse.query(_NEWEST)).result_rows]
    return bool(newest) and not any((await profiles.load(newest)).values())
