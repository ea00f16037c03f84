"""One import, from where it is to its end: chunk after chunk, each counted when all of it is in Redis and ClickHouse.

While some chunks go into ClickHouse the next is written to Redis, and another read. After a crash those that were not
counted are done again, to the same ids and times, which changes nothing for the rows that were done.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice, takewhile
from typing import Protocol

import structlog

from services.common import keys
from services.common.caller import ADMIN_ID, rights
from services.common.clickhouse import connect_blocking
from services.common.documents import SEGMENT, STAGE, Segment, Stage, decode_document
from services.common.records import Ref
from services.common.settings import Settings
from services.common.values import UniqueValue
from services.contacts.imports.bulk import TOGETHER, Bulk
from services.contacts.imports.chunk import Chunk, done_of, room
from services.contacts.imports.chunk_writer import ChunkWriter
from services.contacts.imports.document import (
    WINDOW_ROWS,
    Done,
    Import,
    Status,
    Window,
)
from services.contacts.imports.failures import Failure, put_failures, remove_failures
from services.contacts.imports.file_store import FilePieces, remove_file
from services.contacts.imports.mapping import targets
from services.contacts.imports.part_writer import BROKEN, Source, Todo
from services.contacts.imports.plan import check_columns
from services.contacts.imports.row_change import Constants, RowError, RowReader
from services.contacts.imports.rows import Row, Rows, header_of
from services.contacts.imports.special_columns import Names, Person, folded
from services.contacts.people.change import InvalidChangeError
from services.contacts.people.contact_reader import ContactReader
from services.contacts.records.record_writer import RecordWriter
from services.contacts.stores import Stores

log = structlog.get_logger()

GONE = "The rest of its file is gone, as after an erasure: upload it again."
CHUNK, CHUNK_LETTERS = 5_000, 2_000_000
AHEAD = 2 * TOGETHER  # chunks in hand
BUSY_STREAM = 50  # batches of hits that wait: an import stands back then
STAND_BACK_SECONDS, LONGEST_STAND_BACK = 0.1, 5.0
MAX_NAMES = 10_000
MAX_NEW_STAGES = 100


class GoneError(Exception):
    """The import was deleted."""


class Progress(Protocol):
    """What an import tells of itself, where it outlives the process. An import that is no longer there is None."""

    async def advance(self, import_id: str, done: Done) -> Import | None: ...

    async def window(self, import_id: str, document: Import, row: int) -> tuple[Import, Window]: ...

    async def finish(self, import_id: str, file: str) -> None: ...

    async def fail(self, import_id: str, why: str) -> None: ...


class OneImport:
    """From where it is to its end, unless it is stopped."""

    def __init__(
        self, stores: Stores, settings: Settings, import_id: str, document: Import, progress: Progress
    ) -> None:
        self._stores, self._settings, self._id, self._document = stores, settings, import_id, document
        self._progress = progress
        self._reader = ContactReader(stores)
        source = Source(int(import_id), document.name, document.user)
        self._writer = ChunkWriter(stores, settings.admin_user, source)
        self._in_hand = deque[Chunk]()
        self._bulk = Bulk(stores.clickhouse, stores.profiles)
        self._again_until = 0  # rows before this one may have been written before somebody broke off
        self._users: dict[str, Person | None] = {}
        self._stages: dict[str, int] = {}  # 0 for one that is not there and is not made
        self._made_stages = 0

    async def run(self, stops: asyncio.Event) -> None:
        document = self._document
        fields = await self._stores.fields.now()
        known = targets(fields.fields, await self._stores.fields.of_companies())
        try:
            check_columns(document, known)
        except InvalidChangeError as error:
            await self._progress.fail(self._id, str(error))
            return
        self._row_reader = RowReader(document.columns, known, await self._constants())
        client = await asyncio.to_thread(connect_blocking, self._settings.clickhouse_url)
        pieces = FilePieces(client, document.file)
        try:
            rows = Rows(pieces, document.dialect)
            header_of(rows)
            next(islice(rows, document.rows, document.rows), None)  # what is done
            await self._work(rows, pieces, stops)
        except UnicodeError:
            await self._progress.fail(self._id, f"The file cannot be read as {document.dialect.encoding} to its end.")
        except GoneError:
            log.info("import_gone", import_id=self._id)
            await remove_file(self._stores.clickhouse, document.file)
            await remove_failures(self._stores.clickhouse, int(self._id))
        finally:
            pieces.close()
            client.close()

    async def _work(self, rows: Rows, pieces: FilePieces, stops: asyncio.Event) -> None:
        self._again_until = self._document.rows + AHEAD * CHUNK if self._document.windows else 0
        row, is_over, in_hand = self._document.rows, False, self._in_hand
        try:
            while not stops.is_set() and self._document.status is Status.RUNNING and not is_over:
                await self._stand_back()
                chunk = _some(rows, min(CHUNK, WINDOW_ROWS - row % WINDOW_ROWS))
                is_over = not chunk
                if chunk:
                    in_hand.append(await self._begun(row, chunk, rows.line, list(in_hand)))
                    row += len(chunk)
                while len(in_hand) >= AHEAD or (in_hand and in_hand[0].counted.done()):
                    await in_hand.popleft().counted
                await room(in_hand)
            self._bulk.hurry()
            while in_hand:
                await in_hand.popleft().counted
        finally:
            tasks = [task for one in in_hand for task in (one.written, one.counted)]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not is_over or self._document.status is not Status.RUNNING:
            return
        if pieces.bytes_read < self._document.bytes:
            await self._progress.fail(self._id, GONE)
        else:
            await self._progress.finish(self._id, self._document.file)

    async def _begun(self, first: int, rows: Sequence[Row], line: int, before: Sequence[Chunk]) -> Chunk:
        """A chunk on its way; what it has in common with one of those before waits for that one."""
        self._document, window = await self._progress.window(self._id, self._document, first)
        chunk = Chunk(first, rows, line, window)
        await self._read(chunk)
        chunk.tell(await self._writer.about(chunk.todo))
        waits = [one.written for one in before if one.is_about(chunk)]
        chunk.written = asyncio.create_task(self._write(chunk, waits))
        chunk.counted = asyncio.create_task(self._count(chunk, before[-1].counted if before else None))
        return chunk

    async def _write(self, chunk: Chunk, waits: Sequence[asyncio.Task[None]]) -> None:
        """Into Redis, behind those that it waits for, and not without them."""
        for one in waits:
            await asyncio.wait({one})
            one.result()
        is_again = chunk.first < self._again_until
        chunk.take(
            await self._writer.write(chunk.todo, chunk.marks, chunk.lot, chunk.window.time_us, is_again=is_again)
        )

    async def _count(self, chunk: Chunk, before: asyncio.Task[None] | None) -> None:
        """When all of it is in ClickHouse, and the one before is counted: with those behind it for which that holds,
        since to count costs ClickHouse as much as 500 rows."""
        await chunk.written
        await asyncio.gather(
            self._bulk.insert(chunk.lot), put_failures(self._stores.clickhouse, int(self._id), chunk.failures)
        )
        chunk.is_stored = True
        if before:
            await asyncio.wait({before})
            before.result()
        if chunk.is_counted:
            return
        following = takewhile(lambda one: one.is_stored, [one for one in self._in_hand if one.first > chunk.first])
        some = [chunk, *following]
        stored = await self._progress.advance(self._id, done_of(some))
        if stored is None:
            raise GoneError
        self._document = stored
        for one in some:
            one.is_counted = True

    async def _read(self, chunk: Chunk) -> None:
        """What its rows become; those that cannot be read are failures."""
        names, now_us = await self._names(chunk.rows), _now_us()
        read, problem_of = self._row_reader.read, self._row_reader.problem_of
        offset, unique = chunk.window.first_id - chunk.window.row, (await self._stores.fields.now()).unique
        for number, row in enumerate(chunk.rows, chunk.first):
            error = row.error or problem_of(row.cells)
            if not error:
                try:
                    change = read(row.cells, names, now_us)
                except RowError as wrong:
                    error = str(wrong)
                except Exception as broken:  # a row that nobody thought of must not take the others along
                    log.exception("import_row_broken", import_id=self._id, line=row.line)
                    error = f"{BROKEN}: {type(broken).__name__}"
            if error:
                chunk.failures.append(Failure(row.line, error, row.cells))
                continue
            values = [UniqueValue(*one) for one in change.change.unique_values(unique).items()]
            chunk.todo.append(Todo(number, row.line, offset + number, change, values))

    async def _names(self, chunk: Sequence[Row]) -> Names:
        """The users and stages that the rows name; stages that are not there are made."""
        for known in (self._users, self._stages):
            if len(known) > MAX_NAMES:
                known.clear()
        readable = [row.cells for row in chunk if not row.error]
        for name in {name for cells in readable for name in self._row_reader.users_of(cells)} - self._users.keys():
            self._users[name] = await self._person(name)
        for name in {name for cells in readable for name in self._row_reader.stages_of(cells)}:
            if folded(name) not in self._stages:
                self._stages[folded(name)] = await self._stage(name)
        users = {name: person for name, person in self._users.items() if person}
        return Names(users, {name: stage for name, stage in self._stages.items() if stage})

    async def _person(self, name: str) -> Person | None:
        """By user name, e-mail address or id."""
        if name == self._settings.admin_user.casefold():
            return Person(ADMIN_ID, self._settings.admin_user)
        account = await self._stores.directory.named(name)
        if account is None and name.isdecimal() and len(name) < 10:
            account = await self._stores.directory.account(int(name))
        return Person(account.id, account.user.username) if account else None

    async def _stage(self, name: str) -> int:
        """The stage of this name, made if there is none; 0 where whoever imports may not make any, or where so many are
        made that the column is none of stages."""
        found = await self._reader.stage_named(name)
        if found or self._made_stages >= MAX_NEW_STAGES or not rights().may("stage:stages:create"):
            return found
        self._made_stages += 1
        return int(await RecordWriter(self._stores, STAGE, Stage, self._document.user).create(Stage(name=name)))

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


def _some(rows: Rows, most: int) -> list[Row]:
    """So many rows at most, and no more than so many letters."""
    found, begun = [], rows.size
    for row in islice(rows, most):
        found.append(row)
        if rows.size - begun > CHUNK_LETTERS:
            break
    return found


def _now_us() -> int:
    return time.time_ns() // 1_000
