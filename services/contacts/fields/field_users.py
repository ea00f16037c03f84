"""Who uses a field: the segments whose filters ask for it."""

from __future__ import annotations

from services.common.clickhouse import ClickHouse
from services.common.envelope import ApiError
from services.common.queries.segments import is_seen, load_segments


async def check_unused(clickhouse: ClickHouse, alias: str, owner: str) -> None:
    """`owner`: lead or company, whose field it is. Raises `ApiError` 422, which names the segments that one may see."""
    segments = (await load_segments(clickhouse)).values()
    users = [one for one in segments if any((said.field, said.object) == (alias, owner) for said in one.filters)]
    if users:
        names = [one.name for one in users if is_seen(one)]
        raise ApiError(422, f"Segments ask for {alias}; it can not be deleted.", {"segments": names})
