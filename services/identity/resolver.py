"""One batch of hits, from the stream to ClickHouse: enrich, place, insert. The caller acknowledges.

`enrich` changes nothing anywhere, so the next batch may be enriched while this one is resolved. Of one batch at a time
order is the guarantee: values are claimed and profiles written before the events are inserted, so that an event's
contact is final when it is stored; the acknowledgement comes last. Where replicas are waited for, they have by then all
that the events rest on, also what other writers wrote. A batch that dies anywhere comes again, and every
step that was done already changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from services.common.clickhouse import ClickHouse, ClickHouseError, insert_rows
from services.common.event_types import FORM_SUBMITTED
from services.common.faults import FaultPoints
from services.common.field_registry import Fields
from services.common.hit import Hit
from services.common.live_feed import LiveFeed
from services.common.profiles import ProfileStore
from services.common.projection import project
from services.common.records import RecordStore, project_records
from services.common.redis_client import RedisError
from services.common.replication import Replicas
from services.common.tables import BOT_EVENTS, EVENTS, EventRow
from services.identity import hit_log, live
from services.identity.companies import Companies, Settled
from services.identity.dead_letters import DeadLetters
from services.identity.identify import ContactDeleted, Sighting
from services.identity.metrics import IdentityMetrics
from services.identity.pipeline import Draft, Pipeline, bot_row, event_row, opened_mail
from services.identity.placement import MAX_ROUNDS, ContestedError, Placed, Placement, PlacementError
from services.identity.slow_lane import SlowLane, sift

# The servers' or other writers' doing, and over some time later: the batch is tried again.
PASSING_TROUBLES = (RedisError, ClickHouseError, PlacementError, OSError, TimeoutError)

# What ClickHouse says when the data are at fault, not the server: such an insert fails for ever.
BAD_DATA_CODES = ("Code: 6.", "Code: 26.", "Code: 27.", "Code: 33.", "Code: 38.", "Code: 41.", "Code: 53.",
                  "Code: 69.", "Code: 72.", "Code: 117.", "Code: 131.", "Code: 190.", "Code: 321.", "Code: 376.",
                  "Code: 441.", "Code: 469.", "Code: 676.")  # fmt: skip

CONTESTED_ROUNDS = 5  # lost to other writers before the rest of a batch goes on without what they hold up
HITS_A_TURN = 100  # enriched in half a millisecond; then whoever sends the batch before gets a turn


class Resolver:
    def __init__(
        self,
        pipeline: Pipeline,
        fields: Fields,
        placement: Placement,
        store: ProfileStore,
        clickhouse: ClickHouse,
        dead_letters: DeadLetters,
        metrics: IdentityMetrics,
        faults: FaultPoints,
        companies: Companies,
        records: RecordStore,
        replicas: Replicas,
        feed: LiveFeed,
        slow_lane: SlowLane | None = None,
        hot_hits: int = 0,
    ) -> None:
        self._slow_lane, self._hot_hits = slow_lane, hot_hits  # none for who works off the slow lane itself
        self._pipeline, self._fields = pipeline, fields
        self._placement, self._store = placement, store
        self._companies, self._records = companies, records
        self._clickhouse, self._dead_letters = clickhouse, dead_letters
        self._metrics, self._faults = metrics, faults
        self._replicas, self._feed = replicas, feed

    async def enrich(self, hits: list[Hit]) -> list[Draft]:
        """The hits in their order, but for one that cannot be read: it is put aside. Raises `RedisError`."""
        self._faults.pass_by("after_read")
        rules = await self._fields.now()
        self._pipeline.follow(rules)
        self._placement.follow(rules.unique)
        drafts = []
        for number, hit in enumerate(hits):
            if number % HITS_A_TURN == 0:
                await asyncio.sleep(0)
            try:
                drafts.append(self._pipeline.run(hit))
            except Exception as error:  # one strange hit must not hold up its neighbours
                await self._put_aside(hit, "unreadable", error)
        return drafts

    async def resolve(self, drafts: list[Draft]) -> None:
        """Takes the hits, in their order, all the way. Raises one of `PASSING_TROUBLES`: then nothing is lost, and the
        same hits must be given again. Anything else is a hit that we cannot cope with: it is put aside alone."""
        try:
            await self._resolve(drafts)
        except PASSING_TROUBLES:
            raise
        except Exception as error:
            if len(drafts) == 1:
                await self._put_aside(drafts[0].hit, "unplaceable", error)
                return
            middle = len(drafts) // 2
            await self.resolve(drafts[:middle])
            await self.resolve(drafts[middle:])

    async def _resolve(self, drafts: list[Draft]) -> None:
        started = time.perf_counter()
        mark = self._replicas.mark()
        drafts, settled, placed = await self._place(await self._without_hot(drafts))
        for draft in drafts:
            for outcome in draft.proofs:
                self._metrics.proofs.add(value=outcome)
        kept = []
        people, bots = _people(drafts), [draft for draft in drafts if draft.is_bot]
        for draft, contact in zip(people, placed.contacts, strict=True):
            if not isinstance(contact, ContactDeleted):
                draft.contact_id = contact
                kept.append(draft)
        if placed.written:
            self._faults.pass_by("after_profile")
        await self._replicas.confirm(mark)
        stored = await self._insert(kept, bots)
        self._faults.pass_by("after_events")
        await project(self._store, self._clickhouse, placed.written.values())
        self._faults.pass_by("after_projection")
        await project_records(self._records, self._clickhouse, settled.written.values())
        self._faults.pass_by("after_insert")
        self._count(stored, bots, placed)
        if self._feed.is_watched:
            self._tell(people, bots, placed)
        self._metrics.count_batch(len(drafts), placed.outcomes, time.perf_counter() - started)

    def _count(self, stored: int, bots: list[Draft], placed: Placed) -> None:
        """At the end: a batch that fails comes again."""
        self._metrics.stored.add(stored)
        self._metrics.dropped.add(len(bots), live.BOT)
        for contact in placed.contacts:
            if isinstance(contact, ContactDeleted):
                self._metrics.dropped.add(value=contact.value)

    def _tell(self, people: list[Draft], bots: list[Draft], placed: Placed) -> None:
        """Of the first hits one by one, so many as the feed takes."""
        for draft, contact, fate in zip(people, placed.contacts, placed.fates, strict=False):
            if isinstance(contact, ContactDeleted):
                self._feed.tell(live.gone, draft, contact)
            else:
                self._feed.tell(live.stored, draft, fate)
        for draft in bots:
            self._feed.tell(live.bot, draft)
        self._feed.skip(len(people) - len(placed.fates))

    async def _without_hot(self, drafts: list[Draft]) -> list[Draft]:
        """Those that need not wait."""
        if self._slow_lane is None:
            return drafts
        sifted = sift(drafts, self._slow_lane.slow, self._hot_hits)
        for reason, waiting in sifted.waiting.items():
            await self._set_aside(self._slow_lane, waiting, reason)
        return sifted.now

    async def _place(self, drafts: list[Draft]) -> tuple[list[Draft], Settled, Placed]:
        """With the drafts whose hits are placed: those that others hold up must wait."""
        patience = MAX_ROUNDS if self._slow_lane is None else CONTESTED_ROUNDS
        while True:
            people = _people(drafts)
            settled = await self._companies.settle([draft.company for draft in people if draft.company])
            try:
                sightings = [_sighting(draft, settled) for draft in people]
                placed = await self._placement.place(sightings, patience, self._feed.room)
            except ContestedError as error:
                assert self._slow_lane is not None
                devices = {people[index].hit.device_contact_id for index in error.indexes}
                waiting = [draft for draft in drafts if draft.hit.device_contact_id in devices]
                await self._set_aside(self._slow_lane, waiting, "contested")
                drafts = [draft for draft in drafts if draft.hit.device_contact_id not in devices]
            else:
                return drafts, settled, placed

    async def _set_aside(self, lane: SlowLane, waiting: list[Draft], reason: str) -> None:
        self._faults.pass_by("before_set_aside")
        await lane.put(waiting, reason)
        hit_log.waits_apart(reason, waiting)
        self._faults.pass_by("after_set_aside")

    async def _put_aside(self, hit: Hit, reason: str, error: Exception) -> None:
        await self._dead_letters.put(hit, f"{reason}: {type(error).__name__}: {str(error)[:500]}")
        self._metrics.dead.add(value=reason)
        hit_log.put_aside(hit, reason, error)
        if self._feed.is_watched:
            self._feed.tell(live.dead, hit, reason)

    async def _insert(self, people: list[Draft], bots: list[Draft]) -> int:
        """How many hits are events of contacts now."""
        for draft in bots:
            draft.contact_id = draft.hit.device_contact_id
        opened = [mail for draft in people if (mail := opened_mail(draft))]
        stored = await self._insert_events(EVENTS, people + opened, event_row)
        await self._insert_events(BOT_EVENTS, bots, bot_row)
        return stored

    async def _insert_events(self, table: str, drafts: list[Draft], row: Callable[[Draft], EventRow]) -> int:
        """One insert; if the data are refused it is halved until the culprit is alone, and that one is put aside. How
        many hits were stored."""
        if not drafts:
            return 0
        try:
            await insert_rows(self._clickhouse, table, [row(draft) for draft in drafts])
        except ClickHouseError as error:
            if not any(code in str(error) for code in BAD_DATA_CODES):
                raise
            self._metrics.refused_inserts.add()
            hit_log.refused(table, drafts)
            if len(drafts) == 1:
                await self._put_aside(drafts[0].hit, "refused_by_clickhouse", error)
                return 0
            middle = len(drafts) // 2
            stored = await self._insert_events(table, drafts[:middle], row)
            return stored + await self._insert_events(table, drafts[middle:], row)
        hit_log.stored(table, drafts)
        return sum(not draft.is_second for draft in drafts)


def _people(drafts: list[Draft]) -> list[Draft]:
    return [draft for draft in drafts if not draft.is_bot]


def _sighting(draft: Draft, settled: Settled) -> Sighting:
    hit, fields = draft.hit, draft.fields
    company = settled.companies.get(draft.company.key) if draft.company else None
    if company:  # whose name the contact takes, not what the hit calls it
        fields = {alias: value for alias, value in fields.items() if alias != "company"}
    time_us, event_id = draft.left_key or (hit.time_us, hit.event_id)
    return Sighting(
        hit.device_contact_id if hit.device_id else 0,
        hit.is_new_device,
        time_us,
        hit.received_us,
        event_id,
        draft.unique,
        fields,
        draft.tags,
        draft.timezone,
        draft.named_contact_id,
        draft.clicked_contact_id,
        company_id=company.id if company else 0,
        company=company.name if company else "",
        unsubscribed=draft.unsubscribed,
        unsubscribed_by=draft.unsubscribed_by,
        is_form=hit.type == FORM_SUBMITTED,
    )
