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

    ClickHouse may drop rows that it was given lately, also where they are gone since: a new `token` inserts them again.
    """
    written = list(profiles)
    await insert_profiles(clickhouse, written, token)
    await settle_profiles(store, written)


async def insert_profiles(clickhouse: ClickHouse, profiles: list[Profile], token: str = "") -> None:
    """They are to be settled after it."""
    contacts: list[ContactRow] = [contact_row(profile) for profile in profiles]
    aliases: list[AliasRow] = [row for profile in profiles for row in alias_rows(profile)]
    await asyncio.gather(
        insert_rows(clickhouse, CONTACTS, contacts, token), insert_rows(clickhouse, ALIASES, aliases, token)
    )


async def settle_profiles(store: ProfileStore, profiles: list[Profile]) -> None:
    """The outbox forgets these versions: they are in ClickHouse."""
    newest: dict[int, int] = {}
    for profile in profiles:
        newest[profile.id] = max(profile.version, newest.get(profile.id, 0))
    if newest:
        await store.settle(newest)
