"""Reads contacts for showing: what they were told from Redis, what their visits say from ClickHouse."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

from services.common.caller import sees_others
from services.common.clickhouse import ClickHouse
from services.common.device import MAX_CONTACT_ID
from services.common.documents import STAGE, Stage, decode_document
from services.common.folding import creator_of, fold, owner_of
from services.common.profile import Profile
from services.common.queries.contact_query import of_caller
from services.common.queries.search_sql import exact_pattern
from services.common.records import Ref
from services.contacts.people.contact import Contact, Footprint
from services.contacts.people.contact_list import (
    CANDIDATES,
    FEW,
    VERY_FEW,
    ListQuery,
    Row,
    Statement,
    count_statements,
    few_statement,
    fits_statement,
    page_statements,
    very_few_statement,
)
from services.contacts.people.first_ids import FirstIds, first_rows, first_statement
from services.contacts.people.footprints import SHOWN_OF_ONE, load_footprints, load_times
from services.contacts.people.latest_active import (
    latest_rows,
    latest_statement,
    read_latest,
    rest_statement,
    versions_statement,
)
from services.contacts.people.visitor_counts import LONGEST_KEPT_SECONDS
from services.contacts.stores import Stores
from services.contacts.users.ownership import check_contact

_STAGE_NAMED = """
SELECT toUInt64OrZero(id) AS number FROM records FINAL
WHERE kind = 'stage' AND JSONExtractString(data, 'name') ILIKE {name:String} ORDER BY number LIMIT 1
"""


Load = Callable[[ClickHouse, dict[int, list[int]]], Awaitable[dict[int, Footprint]]]


class Page(NamedTuple):
    total: int
    contacts: list[Contact]


class ContactReader:
    """`settings`: of ClickHouse, for lists and counts."""

    def __init__(self, stores: Stores, settings: Mapping[str, Any] | None = None) -> None:
        self._stores, self._settings = stores, dict(settings or {})

    async def one(self, contact_id: int) -> Contact | None:
        """The contact that an id answers with: its survivor, or an anonymous visitor; None for nobody.

        Raises `ApiError` 403 when the caller may not do with it what the route does."""
        return await self._one(contact_id, partial(load_footprints, most=SHOWN_OF_ONE))

    async def find(self, contact_id: int) -> Contact | None:
        """The same, of its visits only the times: for those who do not show it, in less time."""
        return await self._one(contact_id, load_times)

    async def _one(self, contact_id: int, load: Load) -> Contact | None:
        if not 0 < contact_id <= MAX_CONTACT_ID:
            return None
        profile = await self._stores.profiles.resolve(contact_id)
        if profile is None:
            visitor = await self._anonymous(contact_id, load)
            if visitor:
                check_contact(0, 0)
            return visitor
        if profile.is_known():
            check_contact(owner_of(profile), creator_of(profile))
            return (await self._all([profile], load))[0]
        if profile.is_device_only() and profile.moves[-1].contact_id > 0:
            # A visitor without cookies, stored under somebody who is known: ingest had answered with this id.
            moved = await self._stores.profiles.resolve(profile.moves[-1].contact_id)
            if moved is None or not moved.is_known():
                return None
            check_contact(owner_of(moved), creator_of(moved))
            return (await self._all([moved], load))[0]
        return None

    async def shown(self, profile: Profile, *, is_new: bool = False) -> Contact:
        """A known contact whose profile is at hand. One that has just been made left no footprints."""
        return (await self.all_shown([profile], {profile.id} if is_new else ()))[0]

    async def all_shown(self, profiles: list[Profile], new: Collection[int] = ()) -> list[Contact]:
        """The same for several; `new` are those that have just been made."""
        return await self._all(profiles, load_footprints, new)

    async def _all(self, profiles: list[Profile], load: Load, new: Collection[int] = ()) -> list[Contact]:
        ids = {profile.id: profile.ids() for profile in profiles}
        views = [fold(profile) for profile in profiles]
        footprints, stages, owners = await asyncio.gather(
            load(self._stores.clickhouse, {one: every for one, every in ids.items() if one not in new}),
            self._stages({view.stage_id for view in views}),
            self._stores.owners({view.owner_id for view in views}),
        )
        registry, colors = (await self._stores.fields.now()).fields, await self._stores.colors.now()
        return [
            Contact(
                view.id,
                view,
                footprints.get(view.id, Footprint()),
                ids[view.id],
                stages.get(view.stage_id),
                registry,
                owners.get(view.owner_id),
                colors.of(view.points),
            )
            for view in views
        ]

    async def first_seen_us(self, contact_id: int) -> int:
        """When an anonymous visitor first came; 0 for everybody else."""
        if not 0 < contact_id <= MAX_CONTACT_ID or await self._stores.profiles.resolve(contact_id) is not None:
            return 0
        contact = await self._anonymous(contact_id, load_times)
        return contact.footprint.first_seen_ms * 1_000 if contact else 0

    async def page(self, query: ListQuery) -> Page:
        """Of the contacts that the caller may see."""
        if not sees_others():
            query = query._replace(search=of_caller(query.search))
        clickhouse = self._stores.clickhouse
        rows, total = await self._rows(query)
        known = [contact_id for contact_id, is_known in rows if is_known]
        profiles = await self._stores.profiles.load(known)
        ids = {contact_id: _ids(contact_id, profiles.get(contact_id)) for contact_id, _ in rows}
        views = {one: fold(profile) for one, profile in profiles.items() if profile is not None and profile.is_known()}
        footprints, stages, owners = await asyncio.gather(
            load_footprints(clickhouse, ids),
            self._stages({view.stage_id for view in views.values()}),
            self._stores.owners({view.owner_id for view in views.values()}),
        )
        registry, colors = (await self._stores.fields.now()).fields, await self._stores.colors.now()
        contacts = []
        for contact_id, is_known in rows:
            view = views.get(contact_id)
            if is_known and view is None:
                continue  # gone since the search
            stage, owner = (stages.get(view.stage_id), owners.get(view.owner_id)) if view else (None, None)
            color, footprint = colors.of(view.points if view else 0), footprints[contact_id]
            contacts.append(Contact(contact_id, view, footprint, ids[contact_id], stage, registry, owner, color))
        return Page(total, contacts)

    async def _rows(self, query: ListQuery) -> tuple[list[Row], int]:
        """Those of the page, and how many the list has."""
        few = await self._few(query)
        if few is not None:
            return few
        total, found = await asyncio.gather(self.count(query), self._begin(query))
        statements = page_statements(query, total)
        while len(found) < min(query.limit, total - query.start) and statements:
            found = await self._found(statements.pop(0))
        return found, max(total, query.start + len(found)) if found else total  # who came since visitors were counted

    async def _few(self, query: ListQuery) -> tuple[list[Row], int] | None:
        """The same, if the search finds few."""
        very_few = await self._very_few(query)
        statement = few_statement(query) if very_few is None else None
        if statement is None:
            return very_few
        found = await self._query(statement)
        if next(number for _, kind, number in found if kind == CANDIDATES) > FEW:
            return None
        rows = [(row[0], row[1]) for row in found if row[1] != CANDIDATES]
        return rows[query.start :], max((total for _, kind, total in found if kind != CANDIDATES), default=0)

    async def _very_few(self, query: ListQuery) -> tuple[list[Row], int] | None:
        """The same, if it finds so few that their profiles are asked which version counts."""
        statement = very_few_statement(query)
        if statement is None:
            return None
        [(found, versions)] = await self._query(statement)
        if len(found) >= VERY_FEW:
            return None
        ids = await self._as_they_are(query, dict(sorted(zip(found, versions, strict=True))))
        return [(one, 1) for one in ids[query.start : query.start + query.limit]], len(ids)

    async def _as_they_are(self, query: ListQuery, fitting: dict[int, int]) -> list[int]:
        """Those whose version that fits is the one that counts, in the order of the list. Who has been written since is
        asked for in ClickHouse: what counts there is what was answered last."""
        versions = await self._stores.profiles.versions(fitting)
        same = [one for one, version in fitting.items() if versions[one] == version]
        changed = fitting.keys() - same
        if changed:
            same += [row[0] for row in await self._query(fits_statement(query, changed))]
        return sorted(same, reverse=query.orders[0].is_descending)

    async def _begin(self, query: ListQuery) -> list[Row]:
        """The page, or less of it, if the list is one of those that are looked at most."""
        statement = first_statement(query)
        if statement is None:
            return await self._latest(query)
        [row] = await self._query(statement)
        return first_rows(query, FirstIds(*row))[query.start : query.start + query.limit]

    async def _latest(self, query: ListQuery) -> list[Row]:
        """The page, or less of it, if the list is that of who was active last."""
        statement = latest_statement(query)
        if statement is None:
            return []
        latest = read_latest(query, (await self._query(statement))[0])
        if latest is None:
            return []
        active = latest_rows(latest, await self._query(versions_statement(latest)))
        rows = active[query.start : query.start + query.limit]
        if len(rows) < query.limit and not latest.bound_ms:
            rows += [(row[0], 1) for row in await self._query(rest_statement(query, active))]
        return rows

    async def _found(self, statement: Statement | None) -> list[Row]:
        return [(row[0], row[1]) for row in await self._query(statement)] if statement else []

    async def count(self, query: ListQuery, longest_seconds: float = LONGEST_KEPT_SECONDS) -> int:
        """Known contacts as they are now, visitors as they were a moment ago, at most `longest_seconds`."""
        return sum(await asyncio.gather(self.known(query), self.visitors(query, longest_seconds)))

    async def known(self, query: ListQuery) -> int:
        return await self._number(count_statements(query).known)

    async def visitors(self, query: ListQuery, longest_seconds: float = LONGEST_KEPT_SECONDS) -> int:
        statement = count_statements(query).visitors
        if statement is None:
            return 0
        asked = f"{statement.sql}{sorted(statement.parameters.items())}".encode()
        key = hashlib.blake2b(asked).hexdigest()
        return await self._stores.visitor_counts.get(key, lambda: self._number(statement), longest_seconds)

    async def _number(self, statement: Statement | None) -> int:
        return int((await self._query(statement))[0][0]) if statement else 0

    async def _query(self, statement: Statement) -> list[tuple[Any, ...]]:
        found = await self._stores.clickhouse.query(
            statement.sql, parameters=statement.parameters, settings=self._settings
        )
        return list(found.result_rows)

    async def stage_named(self, name: str) -> int:
        """The first one of this name, whatever the case; 0 for none."""
        rows = (await self._stores.clickhouse.query(_STAGE_NAMED, parameters={"name": exact_pattern(name)})).result_rows
        return int(rows[0][0]) if rows else 0

    async def _stages(self, stage_ids: set[int]) -> dict[int, Stage]:
        """Those of these that there are."""
        refs = [Ref(STAGE, str(stage_id)) for stage_id in stage_ids if stage_id]
        records = await self._stores.records.load(refs) if refs else {}
        return {int(ref.id): decode_document(one.data, Stage) for ref, one in records.items() if one.data}

    async def _anonymous(self, contact_id: int, load: Load) -> Contact | None:
        footprint = (await load(self._stores.clickhouse, {contact_id: [contact_id]}))[contact_id]
        registry, colors = (await self._stores.fields.now()).fields, await self._stores.colors.now()
        found = Contact(contact_id, None, footprint, [contact_id], registry=registry, color=colors.of(0))
        return found if footprint.first_seen_ms else None


def _ids(contact_id: int, profile: Profile | None) -> list[int]:
    return profile.ids() if profile else [contact_id]
