"""The duty that gives contacts the points which rules have for what they do.

It follows the events in the order in which they were stored; identity knows nothing of rules. What was given is kept in
the profile beside the points, in the same write, so it may die and begin again anywhere. Visitors whom nobody knows
have no profile, and so no points: they get them, for what they did since the rule was made, when they become known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.common import keys
from services.common.documents import POINT, POINT_GROUP, Point, PointGroup, decode_document
from services.common.profile import Profile
from services.contacts.people.change import Change
from services.contacts.people.grants import Grant, Happened, granted, new_events
from services.contacts.people.writer import ContactWriter
from services.contacts.points.rule_sql import OVERLAP_US, RuleSql, rule_sql
from services.contacts.stored_events import settled_ms
from services.contacts.stores import BusyError, Stores

EVERY_SECONDS = 2.0
MOST_MS = 300_000  # of stored events at once, after a pause
CONTACTS_AT_ONCE = 300  # their ids travel in the URL, which proxies and servers bound
WRITES_AT_ONCE = 16


class PointRules:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._writer = ContactWriter(stores, "points")
        self._groups: dict[int, str] = {}  # their names
        self._turns = asyncio.Semaphore(WRITES_AT_ONCE)

    async def work(self) -> None:
        rules = await self._rules()
        if not rules:
            await self._stores.redis.delete(keys.POINTS_PLACE)
            return
        until_ms = await settled_ms(self._stores.clickhouse)
        place = int(await self._stores.redis.get(keys.POINTS_PLACE) or 0)
        while place and place < until_ms:
            end_ms = min(until_ms, place + MOST_MS)
            for number, rule in rules.items():
                await self._apply(number, rule, place, end_ms)
            await self._stores.redis.set(keys.POINTS_PLACE, end_ms)
            place = end_ms
        if not place:
            await self._stores.redis.set(keys.POINTS_PLACE, until_ms)

    async def _rules(self) -> dict[int, Point]:
        """Those of groups that are gone give nothing."""
        records = await self._stores.records.numbered(POINT)
        rules = {number: decode_document(record.data, Point) for number, record in records.items()}
        open_ones = {number: rule for number, rule in rules.items() if rule.is_published and rule.delta}
        if any(rule.group_id for rule in open_ones.values()):
            groups = await self._stores.records.numbered(POINT_GROUP)
            self._groups = {number: decode_document(one.data, PointGroup).name for number, one in groups.items()}
        return {number: one for number, one in open_ones.items() if not one.group_id or one.group_id in self._groups}

    async def _apply(self, number: int, rule: Point, since_ms: int, until_ms: int) -> None:
        """To whom it may concern by what was stored in this time."""
        sql = rule_sql(rule)
        asked = {
            **sql.parameters, "since": since_ms, "until": until_ms, "changed": since_ms * 1_000 - OVERLAP_US,
            "after": 0, "limit": CONTACTS_AT_ONCE,
        }  # fmt: skip
        while rows := (await self._stores.clickhouse.query(sql.candidates, parameters=asked)).result_rows:
            profiles = await self._stores.profiles.load(contact_id for (contact_id,) in rows)
            open_ones = [
                profile
                for profile in profiles.values()
                if profile and profile.is_known() and (rule.is_repeatable or not granted(profile, number))
            ]
            await self._give(number, rule, sql, open_ones, until_ms)
            asked["after"] = rows[-1][0]

    async def _give(self, number: int, rule: Point, sql: RuleSql, profiles: Iterable[Profile], until_ms: int) -> None:
        survivors = {one: profile for profile in profiles for one in profile.ids()}
        found: dict[int, list[Happened]] = {}
        ids = list(survivors)
        for start in range(0, len(ids), CONTACTS_AT_ONCE):
            asked = {
                **sql.parameters, "since": rule.since_us // 1_000, "until": until_ms,
                "ids": ids[start : start + CONTACTS_AT_ONCE],
            }  # fmt: skip
            for contact_id, key, stored_ms in (
                await self._stores.clickhouse.query(sql.happened, parameters=asked)
            ).result_rows:
                found.setdefault(survivors[contact_id].id, []).append(Happened(key, stored_ms))
        grants = [
            (survivors[contact_id], Grant(number, rule.delta, rule.is_repeatable, until_ms, tuple(events[::-1])))
            for contact_id, events in found.items()
        ]
        due = [(profile.id, grant) for profile, grant in grants if new_events(profile, grant)]
        await asyncio.gather(*(self._write(contact_id, rule, grant) for contact_id, grant in due))

    async def _write(self, contact_id: int, rule: Point, grant: Grant) -> None:
        async with self._turns:
            try:
                await self._writer.edit(contact_id, self._change(rule, grant))
            except BusyError as error:
                raise TimeoutError("a contact is being changed by others") from error  # the duty tries again

    def _change(self, rule: Point, grant: Grant) -> Change:
        group_name = self._groups.get(rule.group_id, "")
        return Change(grant=grant, subject=rule.name, action=rule.type, group_id=rule.group_id, group_name=group_name)
