"""What services ask of identity: merge, unmerge, link a device, say who is who. Written first to Redis, then to
ClickHouse, and only then answered, so that whoever asks next sees it."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

from services.common.availability import Availability
from services.common.clickhouse import ClickHouse, insert_rows
from services.common.device import DeviceCodec
from services.common.faults import NO_FAULTS, FaultPoints
from services.common.field_registry import Fields
from services.common.folding import fold
from services.common.merges import MergeStore, Unmerged
from services.common.profile import Profile
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.replication import Mark, Replicas
from services.common.tables import AUDIT, AuditRow, audit_rows
from services.identity.identify import ContactDeleted, Sighting
from services.identity.lookup import Answer, Lookup, Status
from services.identity.placement import Placement
from services.identity.selectors import Selector


class NobodyError(Exception):
    """A selector leads to no contact; `name` is the parameter."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Linked(NamedTuple):
    contact: Profile
    outcomes: list[str]


class Operations:
    def __init__(
        self,
        store: ProfileStore,
        placement: Placement,
        clickhouse: ClickHouse,
        codec: DeviceCodec,
        fields: Fields,
        replicas: Replicas,
        faults: FaultPoints = NO_FAULTS,
    ) -> None:
        self._replicas, self._faults = replicas, faults
        self._store, self._placement, self._clickhouse, self._fields = store, placement, clickhouse, fields
        self._lookup = Lookup(store, clickhouse, codec)
        self._codec = codec
        self._merges = MergeStore(store, self.first_seen_us, faults)
        self._availability = Availability()
        self._availability.watch(clickhouse)

    async def unique_fields(self) -> tuple[str, ...]:
        return (await self._fields.now()).unique

    async def resolve(self, selectors: list[Selector]) -> list[Answer]:
        return await self._lookup.all(selectors, await self.unique_fields())

    async def merge(self, winner: Selector, loser: Selector, user: str) -> tuple[Profile, bool]:
        """(the survivor, whether anything was done). Raises `NobodyError`, `MergeError`."""
        await self._availability.check()
        mark = self._replicas.mark()
        winner_id, loser_id = await self._find("winner", winner), await self._find("loser", loser)
        merged = await self._merges.merge(winner_id, loser_id, user)
        audit: list[AuditRow] = []
        if merged.is_new:
            gone, into = merged.written[0].id, merged.survivor.id
            audit = audit_rows("merge", user, {into: {"merged": gone}, gone: {"merged_into": into}})
        await self._project(merged.written, mark, audit)
        return merged.survivor, merged.is_new

    async def unmerge(self, loser: Selector, user: str) -> Unmerged:
        """Raises `NobodyError`, `MergeError`."""
        await self._availability.check()
        mark = self._replicas.mark()
        loser_id = loser.contact_id or await self._find("contact", loser)
        unmerged = await self._merges.unmerge(loser_id, await self.unique_fields())
        audit: list[AuditRow] = []
        if unmerged.is_new:
            back, rest = unmerged.back.id, unmerged.rest.id
            audit = audit_rows("unmerge", user, {rest: {"taken_out": back}, back: {"taken_out_of": rest}})
        await self._project(unmerged.written, mark, audit)
        return unmerged

    async def link(
        self, device_id: str, contact: Selector | None, unique: dict[str, str], key: bytes, user: str
    ) -> Linked | None:
        """Makes a device a contact's, or its contact take unique values, as a hit would; None for what is no device id.
        `key` is the event's. Raises `NobodyError`."""
        await self._availability.check()
        device = self._codec.choose(device_id, "")
        if device is None:
            return None
        mark = self._replicas.mark()
        linked = await self._find("contact", contact) if contact else 0
        now_us = time.time_ns() // 1_000
        sighting = Sighting(
            device.contact_id, False, now_us, now_us, key, unique, {}, {}, "", linked_contact_id=linked
        )  # fmt: skip
        placed = await self._placement.place([sighting])
        under = placed.contacts[0]
        audit = (
            [] if isinstance(under, ContactDeleted) else audit_rows("identify", user, {under: {"device": device_id}})
        )
        await self._project(list(placed.written.values()), mark, audit)
        profile = None if isinstance(under, ContactDeleted) else await self._store.resolve(under)
        if profile is None:
            raise NobodyError("device_id")
        return Linked(profile, [outcome for outcome, count in placed.outcomes.items() if count])

    async def _find(self, name: str, selector: Selector) -> int:
        """The id that it leads to before merges, of somebody who is there."""
        answer = await self._lookup.one(selector, await self.unique_fields())
        if answer.status in (Status.UNKNOWN, Status.DELETED):
            raise NobodyError(name)
        return answer.under

    async def first_seen_us(self, contact_id: int) -> int:
        """When an anonymous visitor first came, microseconds; 0 for nobody."""
        return (await self._lookup.first_seen([contact_id])).get(contact_id, 0)

    async def _project(self, profiles: list[Profile], mark: Mark, audit: list[AuditRow]) -> None:
        await self._replicas.confirm(mark)
        self._faults.pass_by("after_call")
        try:
            await asyncio.gather(
                project(self._store, self._clickhouse, profiles), insert_rows(self._clickhouse, AUDIT, audit)
            )
        except Exception:
            self._availability.distrust()
            raise


def shown(profile: Profile) -> dict[str, Any]:
    """A contact as identity answers it."""
    view = fold(profile)
    return {
        "contact_id": profile.id,
        "ids": profile.ids(),
        "fields": {field: value for field, value in view.fields.items() if value not in (None, "")},
        "tags": view.tags,
        "points": view.points,
        "merges": [
            {"contact_id": loser, "into": merge.winner, "time_ms": merge.time_us // 1_000, "by": merge.by or None}
            for loser, merge in sorted(profile.merges.items(), key=lambda one: one[1].time_us)
        ],
    }
