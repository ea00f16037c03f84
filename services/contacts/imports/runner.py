"""Imports what is queued, the oldest first: chunk after chunk, each counted when all of it is in Redis and ClickHouse.

While one chunk goes into ClickHouse the next is written to Redis, and another read. After a crash those that were not
counted are done again, to the same ids and times, which changes nothing for the rows that were done.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import structlog

from services.common import keys
from services.common.caller import ADMIN_ID, Caller, enter
from services.common.clickhouse import connect_blocking
from services.common.contact_ids import EPOCH_SECONDS
from services.common.documents import SEGMENT, STAGE, Segment, Stage, decode_document
from services.common.envelope import STORES_AWAY, ApiError
from services.common.records import Ref
from services.common.redis_client import load_script
from services.common.settings import Settings
from services.common.values import UniqueValue
from services.contacts.imports.chunk_writer import ChunkWriter, Outcome, Source, Todo
from services.contacts.imports.document import (
    IMPORT,
    UNDER_WAY,
    WINDOW_ROWS,
    Done,
    Import,
    Status,
    Window,
    advanced,
    begun,
    ended,
    window_of,
    with_window,
)
from services.contacts.imports.failures import Failure, put_failures
from services.contacts.imports.file_store import FilePieces, remove_file
from services.contacts.imports.mapping import targets
from services.contacts.imports.row_change import Constants, Names, Person, RowError, RowReader, folded
from services.contacts.imports.rows import Row, Rows
from services.contacts.people.contact_reader import ContactReader
from services.contacts.people.projector import Collected
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores

log = structlog.get_logger()

CHUNK = 5_000
AHEAD = 4  # chunks in hand
AWAY_SECONDS = 1.0
GONE = "The rest of its file is gone, as after an erasure: upload it again."
BUSY_STREAM = 50  # batches of hits that wait: an import stands back then
STAND_BACK_SECONDS, LONGEST_STAND_BACK = 0.1, 5.0
MAX_NAMES = 10_000
_WAITING = """
SELECT id FROM records FINAL
WHERE kind = {kind:String} AND is_deleted = 0 AND JSONExtractString(data, 'status') IN {under_way:Array(String)}
ORDER BY toUInt64OrZero(id)
"""


class _InHand(NamedTuple):
    """A chunk on its way: what its rows are about, whether they are in Redis, and whether all is done and counted."""

    about: frozenset[object]
    written: asyncio.Event
    counted: asyncio.Task[None]


async def waiting_imports(stores: Stores) -> list[str]:
    """The oldest first."""
    parameters = {"kind": IMPORT, "under_way": [str(one) for one in UNDER_WAY]}
    return [str(row[0]) for row in (await stores.clickhouse.query(_WAITING, parameters=parameters)).result_rows]


class ImportRunner:
    """`stops` says that this process is to end: what it is at it then leaves to the next."""

    def __init__(self, stores: Stores, settings: Settings, stops: asyncio.Event) -> None:
        self._stores, self._settings, self._stops = stores, settings, stops
        self._documents = RecordWriter(stores, IMPORT, Import, settings.admin_user)
        self._take_ids = load_script(stores.redis, "take_contact_ids", allow_oom=True)

    async def run(self) -> None:
        """Until nothing waits."""
        while not self._stops.is_set() and (waiting := await waiting_imports(self._stores)):
            for import_id in waiting:
                await self._run(import_id)

    async def _run(self, import_id: str) -> None:
        document = await self._change(import_id, lambda stored: begun(stored, _now_us()))
        while document and document.status is Status.RUNNING and not self._stops.is_set():
            enter(Caller(f"import:{import_id}", document.created_by_id, document.created_by, document.rights))
            try:
                await _OneImport(self._stores, self._settings, import_id, document, self).run(self._stops)
            except (*STORES_AWAY, ApiError) as error:
                log.warning("import_waits", import_id=import_id, error=type(error).__name__, text=str(error)[:200])
                self._stores.distrust()
                await asyncio.sleep(AWAY_SECONDS)
            document = await self._again(import_id)

    async def _again(self, import_id: str) -> Import | None:
        while not self._stops.is_set():
            try:
                return await self._documents.one(import_id)
            except STORES_AWAY:
                await asyncio.sleep(AWAY_SECONDS)
        return None

    async def _change(self, import_id: str, apply: Callable[[Import], Import]) -> Import | None:
        return await self._documents.change(import_id, apply)

    async def advance(self, import_id: str, done: Done) -> Import | None:
        return await self._change(import_id, lambda stored: advanced(stored, done))

    async def fail(self, import_id: str, why: str) -> None:
        await self._change(import_id, lambda stored: ended(stored, Status.FAILED, _now_us(), why))
        log.warning("import_failed", import_id=import_id, why=why)

    async def finish(self, import_id: str, file: str) -> None:
        document = await self._change(import_id, lambda stored: ended(stored, Status.DONE, _now_us()))
        await remove_file(self._stores.clickhouse, file)
        if document:
            log.info("import_done", import_id=import_id, inserted=document.inserted, updated=document.updated,
                     failed=document.failed)  # fmt: skip

    async def window(self, import_id: str, document: Import, row: int) -> tuple[Import, Window]:
        """The ids and the time of the rows around this one, kept before any is used."""
        known = window_of(document, row)
        if known:
            return document, known
        first = int(await self._take_ids(keys=[keys.CONTACT_IDS], args=[WINDOW_ROWS, EPOCH_SECONDS]))
        new = Window(row - row % WINDOW_ROWS, first, _now_us())
        stored = await self._change(import_id, lambda old: with_window(old, new))
        found = window_of(stored, row) if stored else None
        if stored is None or found is None:
            raise _GoneError
        return stored, found


class _GoneError(Exception):
    """The import was deleted."""


class _OneImport:
    """From where it is to its end, unless it is stopped."""

    def __init__(
        self, stores: Stores, settings: Settings, import_id: str, document: Import, runner: ImportRunner
    ) -> None:
        self._stores, self._settings, self._id, self._document = stores, settings, import_id, document
        self._runner = runner
        self._reader = ContactReader(stores)
        source = Source(int(import_id), document.name, document.created_by)
        self._writer = ChunkWriter(stores, settings.admin_user, source)
        self._users: dict[str, Person] = {}
        self._stages: dict[str, int] = {}

    async def run(self, stops: asyncio.Event) -> None:
        document = self._document
        fields = await self._stores.fields.now()
        known = targets(fields.fields, await self._stores.fields.of_companies())
        self._row_reader = RowReader(document.columns, known, fields.unique, await self._constants())
        client = await asyncio.to_thread(connect_blocking, self._settings.clickhouse_url)
        pieces = FilePieces(client, document.file)
        try:
            rows = Rows(pieces, document.dialect)
            next(islice(rows, document.rows, None), None)  # the header, and what is done
            await self._work(rows, pieces, stops)
        except _GoneError:
            log.info("import_gone", import_id=self._id)
        finally:
            pieces.close()
            client.close()

    async def _work(self, rows: Rows, pieces: FilePieces, stops: asyncio.Event) -> None:
        row, is_over, in_hand = self._document.rows, False, deque[_InHand]()
        try:
            while not stops.is_set() and self._document.status is Status.RUNNING and not is_over:
                await self._stand_back()
                chunk = list(islice(rows, min(CHUNK, WINDOW_ROWS - row % WINDOW_ROWS)))
                is_over = not chunk
                if chunk:
                    in_hand.append(await self._begun(row, chunk, rows.line, list(in_hand)))
                    row += len(chunk)
                while len(in_hand) >= AHEAD or (in_hand and in_hand[0].counted.done()):
                    await in_hand.popleft().counted
            while in_hand:
                await in_hand.popleft().counted
        finally:
            for one in in_hand:
                one.counted.cancel()
            await asyncio.gather(*(one.counted for one in in_hand), return_exceptions=True)
        if not is_over or self._document.status is not Status.RUNNING:
            return
        if pieces.bytes_read < self._document.bytes:
            await self._runner.fail(self._id, GONE)
        else:
            await self._runner.finish(self._id, self._document.file)

    async def _begun(self, first: int, chunk: Sequence[Row], line: int, before: Sequence[_InHand]) -> _InHand:
        """A chunk on its way; what it has in common with one of those before waits for that one."""
        self._document, window = await self._runner.window(self._id, self._document, first)
        failures: list[Failure] = []
        todo = await self._todo(first, chunk, window, failures)
        about = frozenset(mark for one in todo for mark in one.about())
        waits = [one.written for one in before if not one.about.isdisjoint(about)]
        written = asyncio.Event()
        work = self._done(first, chunk, line, todo, window, failures, waits, written, before)
        return _InHand(about, written, asyncio.create_task(work))

    async def _done(
        self,
        first: int,
        chunk: Sequence[Row],
        line: int,
        todo: Sequence[Todo],
        window: Window,
        failures: list[Failure],
        waits: Sequence[asyncio.Event],
        written: asyncio.Event,
        before: Sequence[_InHand],
    ) -> None:
        for one in waits:
            await one.wait()
        projection = Collected(self._stores.projector)
        next_id = int(await self._stores.redis.get(keys.CONTACT_IDS) or 0)
        outcomes = await self._writer.write(todo, projection, window.time_us, next_id)
        written.set()
        for number, outcome in sorted(outcomes.items()):
            if outcome.error:
                failed = chunk[number - first]
                failures.append(Failure(failed.line, outcome.error, failed.cells))
        await asyncio.gather(projection.flush(), put_failures(self._stores.clickhouse, int(self._id), failures))
        if before:
            await asyncio.wait({before[-1].counted})
            before[-1].counted.result()
        stored = await self._runner.advance(
            self._id, _counted(first, len(chunk), line, outcomes.values(), len(failures))
        )
        if stored is None:
            raise _GoneError
        self._document = stored

    async def _todo(self, first: int, chunk: Sequence[Row], window: Window, failures: list[Failure]) -> list[Todo]:
        """The rows that can be read; the others are failures."""
        names, now_us = await self._names(chunk), _now_us()
        read, problem_of, todo = self._row_reader.read, self._row_reader.problem_of, []
        offset, unique = window.first_id - window.row, (await self._stores.fields.now()).unique
        for number, row in enumerate(chunk, first):
            if error := row.error or problem_of(row.cells):
                failures.append(Failure(row.line, error, row.cells))
                continue
            try:
                change = read(row.cells, names, now_us)
            except RowError as wrong:
                failures.append(Failure(row.line, str(wrong), row.cells))
                continue
            values = [UniqueValue(*one) for one in change.change.unique_values(unique).items()]
            todo.append(Todo(number, row.line, offset + number, change, values))
        return todo

    async def _names(self, chunk: Sequence[Row]) -> Names:
        """The users and stages that the rows name; stages that are not there are made."""
        for known in (self._users, self._stages):
            if len(known) > MAX_NAMES:
                known.clear()
        users = {name for row in chunk for name in self._row_reader.users_of(row.cells)} - self._users.keys()
        for name in users:
            if person := await self._person(name):
                self._users[name] = person
        for name in {name for row in chunk for name in self._row_reader.stages_of(row.cells)}:
            if folded(name) not in self._stages:
                self._stages[folded(name)] = await self._stage(name)
        return Names(self._users, self._stages)

    async def _person(self, name: str) -> Person | None:
        """By user name, e-mail address or id."""
        if name == self._settings.admin_user.casefold():
            return Person(ADMIN_ID, self._settings.admin_user)
        account = await self._stores.directory.named(name)
        if account is None and name.isdecimal() and len(name) < 10:
            account = await self._stores.directory.account(int(name))
        return Person(account.id, account.user.username) if account else None

    async def _stage(self, name: str) -> int:
        """The stage of this name, made if there is none."""
        found = await self._reader.stage_named(name)
        if found:
            return found
        return int(await RecordWriter(self._stores, STAGE, Stage, self._document.created_by).create(Stage(name=name)))

    async def _constants(self) -> Constants:
        said = self._document.defaults
        refs = [Ref(SEGMENT, str(one)) for one in said.segments]
        found = await self._stores.records.load(refs)
        names = {int(ref.id): decode_document(one.data, Segment).name for ref, one in found.items() if one.data}
        return Constants(said.owner_id, names, said.tags, self._document.keeps_values)

    async def _stand_back(self) -> None:
        """While hits wait to be worked off."""
        until = time.monotonic() + LONGEST_STAND_BACK
        while time.monotonic() < until and await self._hits_wait():
            await asyncio.sleep(STAND_BACK_SECONDS)

    async def _hits_wait(self) -> bool:
        pipeline = self._stores.redis.pipeline(transaction=False)
        for stream in range(self._settings.streams):
            pipeline.xlen(keys.hits(stream))
        return sum(map(int, await pipeline.execute())) > BUSY_STREAM


def _counted(first: int, count: int, line: int, outcomes: Iterable[Outcome], failed: int) -> Done:
    written = [one for one in outcomes if not one.error]
    inserted = sum(one.is_new for one in written)
    return Done(first, first + count, line, inserted, len(written) - inserted, failed)


def _now_us() -> int:
    return time.time_ns() // 1_000
