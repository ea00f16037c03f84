"""The projection of stored profiles into ClickHouse: contact and alias rows, then the outbox forgets them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.common.clickhouse import ClickHouse, insert_rows
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.tables import ALIASES, CONTACTS, AliasRow, ContactRow, alias_rows, contact_row


async def project(store: ProfileStore, clickhouse: ClickHouse, profiles: Iterable[Profile], token: str = "") -> None:
    """Inserts these versions and settles them. Done twice it changes nothing; raises what the stores raise.

    ClickHouse drops rows that it was given lately, also where they are gone since: a new `token` inserts them again.
    """
    written = list(profiles)
    if not written:
        return
    contacts: list[ContactRow] = [contact_row(profile) for profile in written]
    aliases: list[AliasRow] = [row for profile in written for row in alias_rows(profile)]
    await asyncio.gather(
        insert_rows(clickhouse, CONTACTS, contacts, token), insert_rows(clickhouse, ALIASES, aliases, token)
    )
    newest: dict[int, int] = {}
    for profile in written:
        newest[profile.id] = max(profile.version, newest.get(profile.id, 0))
    await store.settle(newest)
