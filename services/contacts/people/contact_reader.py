"""Reads contacts for showing: what they were told from Redis, what their visits say from ClickHouse."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import NamedTuple

from services.common.clickhouse import ClickHouse
from services.common.device import MAX_CONTACT_ID
from services.common.documents import STAGE, Stage, decode_document
from services.common.folding import fold
from services.common.profile import Profile
from services.common.queries.contact_query import exact_pattern
from services.common.records import Ref
from services.contacts.people.contact import Contact, Footprint
from services.contacts.people.contact_list import ListQuery, Statement, count_statement, page_statement
from services.contacts.people.footprints import load_footprints
from services.contacts.stores import Stores

_STAGE_NAMED = """
SELECT toUInt64OrZero(id) AS number FROM records FINAL
WHERE kind = 'stage' AND JSONExtractString(data, 'name') ILIKE {name:String} ORDER BY number LIMIT 1
"""


class Page(NamedTuple):
    total: int
    contacts: list[Contact]


class ContactReader:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def one(self, contact_id: int) -> Contact | None:
        """The contact that an id answers with: its survivor, or an anonymous visitor; None for nobody."""
        if not 0 < contact_id <= MAX_CONTACT_ID:
            return None
        clickhouse = self._stores.clickhouse
        profile = await self._stores.profiles.resolve(contact_id)
        if profile is None:
            return await self._anonymous(clickhouse, contact_id)
        if profile.is_known():
            return await self.shown(profile)
        if profile.is_device_only() and profile.moves[-1].contact_id > 0:
            # A visitor without cookies, stored under somebody who is known: ingest had answered with this id.
            moved = await self._stores.profiles.resolve(profile.moves[-1].contact_id)
            return await self.shown(moved) if moved is not None and moved.is_known() else None
        return None

    async def shown(self, profile: Profile, *, is_new: bool = False) -> Contact:
        """A known contact whose profile is at hand. One that has just been made left no footprints."""
        return (await self.all_shown([profile], {profile.id} if is_new else ()))[0]

    async def all_shown(self, profiles: list[Profile], new: Collection[int] = ()) -> list[Contact]:
        """The same for several; `new` are those that have just been made."""
        ids = {profile.id: profile.ids() for profile in profiles}
        views = [fold(profile) for profile in profiles]
        footprints, stages = await asyncio.gather(
            load_footprints(self._stores.clickhouse, {one: every for one, every in ids.items() if one not in new}),
            self._stages({view.stage_id for view in views}),
        )
        registry = (await self._stores.fields.now()).fields
        return [
            Contact(
                view.id, view, footprints.get(view.id, Footprint()), ids[view.id], stages.get(view.stage_id), registry
            )
            for view in views
        ]

    async def first_seen_us(self, contact_id: int) -> int:
        """When an anonymous visitor first came; 0 for everybody else."""
        if not 0 < contact_id <= MAX_CONTACT_ID or await self._stores.profiles.resolve(contact_id) is not None:
            return 0
        contact = await self._anonymous(self._stores.clickhouse, contact_id)
        return contact.footprint.first_seen_ms * 1_000 if contact else 0

    async def page(self, query: ListQuery) -> Page:
        clickhouse = self._stores.clickhouse
        rows, counted = await asyncio.gather(
            _rows(clickhouse, page_statement(query)), _rows(clickhouse, count_statement(query))
        )
        known = [contact_id for contact_id, is_known in rows if is_known]
        profiles = await self._stores.profiles.load(known)
        ids = {contact_id: _ids(contact_id, profiles.get(contact_id)) for contact_id, _ in rows}
        views = {one: fold(profile) for one, profile in profiles.items() if profile is not None and profile.is_known()}
        footprints, stages = await asyncio.gather(
            load_footprints(clickhouse, ids), self._stages({view.stage_id for view in views.values()})
        )
        registry, contacts = (await self._stores.fields.now()).fields, []
        for contact_id, is_known in rows:
            view = views.get(contact_id)
            if is_known and view is None:
                continue  # gone since the search
            stage = stages.get(view.stage_id) if view else None
            contacts.append(Contact(contact_id, view, footprints[contact_id], ids[contact_id], stage, registry))
        return Page(int(counted[0][0]) if counted else 0, contacts)

    async def stage_named(self, name: str) -> int:
        """The first one of this name, whatever the case; 0 for none."""
        rows = (await self._stores.clickhouse.query(_STAGE_NAMED, parameters={"name": exact_pattern(name)})).result_rows
        return int(rows[0][0]) if rows else 0

    async def _stages(self, stage_ids: set[int]) -> dict[int, Stage]:
        """Those of these that there are."""
        refs = [Ref(STAGE, str(stage_id)) for stage_id in stage_ids if stage_id]
        records = await self._stores.records.load(refs) if refs else {}
        return {int(ref.id): decode_document(one.data, Stage) for ref, one in records.items() if one.data}

    async def _anonymous(self, clickhouse: ClickHouse, contact_id: int) -> Contact | None:
        footprint = (await load_footprints(clickhouse, {contact_id: [contact_id]}))[contact_id]
        registry = (await self._stores.fields.now()).fields
        found = Contact(contact_id, None, footprint, [contact_id], registry=registry)
        return found if footprint.first_seen_ms else None


def _ids(contact_id: int, profile: Profile | None) -> list[int]:
    return profile.ids() if profile else [contact_id]


async def _rows(clickhouse: ClickHouse, statement: Statement | None) -> list[tuple[int, ...]]:
    if statement is None:
        return []
    return list((await clickhouse.query(statement.sql, parameters=statement.parameters)).result_rows)
