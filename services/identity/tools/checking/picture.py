"""Loads what is known of some contacts in Redis and in ClickHouse, in a few round trips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from services.common.clickhouse import ClickHouse
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.tables import AliasRow
from services.identity.tools.checking.findings import Picture, is_unknown
from services.identity.tools.claims import carried
from services.identity.tools.leads import load_led

_VERSIONS = "SELECT id, max(version) FROM contacts WHERE id IN ({ids}) GROUP BY id"
_ALIAS_ROWS = "SELECT loser, argMax(winner, version), max(version) FROM aliases WHERE loser IN ({ids}) GROUP BY loser"
_VISITED = "SELECT DISTINCT contact_id FROM activity WHERE contact_id IN ({ids})"
_LONG = {"max_query_size": 4 << 20}


async def load_picture(
    store: ProfileStore, clickhouse: ClickHouse, contact_ids: Sequence[int], unique_fields: tuple[str, ...]
) -> Picture:
    """Raises `RedisError`, `ClickHouseError`."""
    looked_at = await store.load(contact_ids)
    there = [profile for profile in looked_at.values() if profile is not None]
    claims = await store.holders({value for profile in there for value in carried(profile, unique_fields)})
    holders = {claim.contact_id for claim in claims.values() if claim}
    led = {contact_id for profile in there for contact_id in _leads(profile)}
    profiles = dict(await load_led(store, holders | led, looked_at))
    moved_to = {move.contact_id for profile in there for move in profile.moves}
    unknown = [contact_id for contact_id in moved_to if is_unknown(profiles, contact_id)]
    return Picture(
        profiles=profiles,
        claims=claims,
        projected={int(one): int(version) for one, version in await _rows(clickhouse, _VERSIONS, contact_ids)},
        alias_rows=await alias_rows(clickhouse, contact_ids),
        visited={int(row[0]) for row in await _rows(clickhouse, _VISITED, unknown)},
    )


async def alias_rows(clickhouse: ClickHouse, losers: Iterable[int]) -> dict[int, AliasRow]:
    """The newest of each."""
    return {int(row[0]): AliasRow(*map(int, row)) for row in await _rows(clickhouse, _ALIAS_ROWS, losers)}


async def _rows(clickhouse: ClickHouse, sql: str, contact_ids: Iterable[int]) -> list[tuple[Any, ...]]:
    ids = ",".join(map(str, contact_ids))
    return list((await clickhouse.query(sql.format(ids=ids), settings=_LONG)).result_rows) if ids else []


def _leads(profile: Profile) -> set[int]:
    leads = {move.contact_id for move in profile.moves}
    return leads | ({profile.alias} if profile.alias else set(profile.losers))
