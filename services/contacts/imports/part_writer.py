"""Writes the contacts of some rows at once: what is plain by a few round trips, the rest one by one as the API does.
Both follow the same identity rules, and both may be done again with the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import structlog

from services.common.caller import author, author_id, may_act, source
from services.common.envelope import NOT_ALLOWED, STORES_AWAY, ApiError
from services.common.event_types import IMPORTED
from services.common.folding import creator_of, fold, owner_of
from services.common.hook_notes import Note
from services.common.profile import Part, Profile
from services.common.profiles import ProfileStore
from services.common.tables import ToldRow
from services.common.values import Claim, UniqueValue
from services.contacts.imports.companies import ImportedCompanies, Refused
from services.contacts.imports.row_change import RowChange, without_defaults
from services.contacts.jobs.targets import Targets
from services.contacts.people.change import Change, apply_change, without_kept
from services.contacts.people.editor import taken_by
from services.contacts.people.memberships import MembershipChange
from services.contacts.people.projector import Projection
from services.contacts.people.writer import ContactWriter, ValueTakenError, now_us
from services.contacts.stores import BusyError, Stores
from services.contacts.timeline.changes import events_of, told_row
from services.contacts.users.ownership import EDIT
from services.contacts.webhooks.notes import notes_of_change

log = structlog.get_logger()

ALONE_AT_ONCE = 20
BROKEN = "An error of this service"
NOBODY = "There is no contact of this id."
OTHERS_IDS = 10**12  # other products count from 1; ours are microseconds since 2026


class Todo(NamedTuple):
    """One row. `number`: which of the file, from 0 on; `new_id`: what a new contact is called; `values`: its unique
    ones."""

    number: int
    line: int
    new_id: int
    row: RowChange
    values: list[UniqueValue]


class Outcome(NamedTuple):
    """`error` is '' for one that was written."""

    is_new: bool
    error: str = ""


class Source(NamedTuple):
    """What the histories call it."""

    import_id: int
    name: str
    user: str


class _Entry(NamedTuple):
    """What the histories say of it: a title, and JSON around the line."""

    title: str
    begin: str
    end: str


class _Read(NamedTuple):
    """What is known before rows are written: who holds their values, the contacts that they may mean, when visitors
    first came, and the names of companies."""

    holders: Mapping[UniqueValue, Claim | None]
    profiles: Mapping[int, Profile | None]
    visitors: Mapping[int, int]
    names: dict[int, str]


class _Plain(NamedTuple):
    """A row whose contact is clear: what is claimed for it, and what becomes of it."""

    todo: Todo
    before: Profile
    change: Change
    free: list[UniqueValue]


class Chunk(NamedTuple):
    """What the parts of a chunk have in common."""

    unique: tuple[str, ...]
    time_us: int
    is_again: bool
    projection: Projection


class PartWriter:
    """Rows of which no two are about the same contact, as far as they say."""

    def __init__(self, stores: Stores, user: str, source: Source, companies: ImportedCompanies, chunk: Chunk) -> None:
        self._stores, self._user, self._source, self._companies, self._chunk = stores, user, source, companies, chunk
        self._store: ProfileStore = stores.profiles
        self._alone = ContactWriter(stores, user, chunk.projection)
        self._targets = Targets(stores)
        self._entries = {is_new: _entry(source, is_new=is_new) for is_new in (True, False)}
        self._events: list[ToldRow] = []
        self._notes: list[Note] = []

    async def write(self, rows: Sequence[Todo]) -> dict[int, Outcome]:
        before = await self._done_before(rows) if self._chunk.is_again else {}
        plain, others, outcomes = await self._sorted([one for one in rows if one.number not in before])
        outcomes |= before
        todo = [*others, *await self._write_plain(plain, outcomes)]
        for start in range(0, len(todo), ALONE_AT_ONCE):
            some = todo[start : start + ALONE_AT_ONCE]
            done = await asyncio.gather(*map(self._one, some))
            outcomes |= {one.number: outcome for one, outcome in zip(some, done, strict=True)}
        if self._notes:
            await self._stores.hooks.put(self._notes)
        return outcomes

    async def write_each(self, rows: Sequence[Todo]) -> dict[int, Outcome]:
        """One by one: what is wrong with one is told of it alone."""
        return {one.number: await self._surely(one) for one in rows}

    async def _surely(self, todo: Todo) -> Outcome:
        try:
            return await self._one(todo)
        except (*STORES_AWAY, ApiError):
            raise
        except Exception as error:
            log.exception("import_row_broken", import_id=self._source.import_id, line=todo.line)
            return Outcome(False, f"{BROKEN}: {type(error).__name__}")

    async def _done_before(self, rows: Sequence[Todo]) -> dict[int, Outcome]:
        """Those that made a contact before somebody broke off. What became of it since stays."""
        stored = await self._store.load([one.new_id for one in rows])
        done = [one for one in rows if stored[one.new_id] is not None]
        events = [self._imported(one, one.new_id, is_new=True) for one in done]
        written = [profile for one in done if (profile := stored[one.new_id])]
        await self._chunk.projection.put(written, events)
        return {one.number: Outcome(True) for one in done}

    async def _sorted(self, rows: Sequence[Todo]) -> tuple[list[_Plain], list[Todo], dict[int, Outcome]]:
        """Those that are plain, those that are not, and those that are nothing."""
        holders = await self._store.holders({value for one in rows for value in one.values})
        said = {one.row.id for one in rows if one.row.id}
        profiles = await self._store.load(said | {claim.contact_id for claim in holders.values() if claim})
        visitors = await self._targets.first_seen([one for one in said if profiles[one] is None])
        read = _Read(holders, profiles, visitors, await self._company_names(profiles.values(), rows))
        plain: list[_Plain] = []
        others: list[Todo] = []
        outcomes: dict[int, Outcome] = {}
        for todo in rows:
            todo = todo if _means_somebody(todo.row.id, read) else todo._replace(row=todo.row._replace(id=0))
            try:
                one = self._plain(todo, read)
            except (Refused, _RefusedRow) as error:
                outcomes[todo.number] = Outcome(False, str(error))
                continue
            if one is None:
                others.append(todo)
            else:
                plain.append(one)
        return plain, others, outcomes

    def _plain(self, todo: Todo, read: _Read) -> _Plain | None:
        """None where more must be known. Raises `_RefusedRow`, `Refused`."""
        row, profiles, visitors = todo.row, read.profiles, read.visitors
        held = {value: read.holders[value] for value in todo.values}
        found = {claim.contact_id for claim in held.values() if claim}
        if row.id in visitors and not may_act(EDIT, 0, 0):
            raise _RefusedRow(NOT_ALLOWED)
        if not found and (not row.id or not profiles[row.id]):
            contact_id = row.id or todo.new_id
            own = Part(added_us=visitors[row.id]) if row.id in visitors else None
            return _Plain(todo, Profile(contact_id, own=own), self._settled(row.change, read.names), list(held))
        target = profiles[row.id] if row.id else profiles[next(iter(found))]
        if target is None or not target.is_known() or found - {target.id}:
            return None
        if not may_act(EDIT, owner_of(target), creator_of(target)):
            raise _RefusedRow(NOT_ALLOWED)
        change = without_kept(target, without_defaults(row.change))
        free = [value for value in held if value.field in change.fields and not target.carries(*value)]
        if any(held[value] or target.lacks(*value) for value in free):
            return None
        if _blanks(change, self._chunk.unique, target):
            return None
        return _Plain(todo, target, self._settled(change, read.names), free)

    def _settled(self, change: Change, names: dict[int, str]) -> Change:
        """With the company that it names. Raises `Refused`."""
        company = self._companies.of(str(change.fields.get("company") or ""))
        if company is None:
            return change
        memberships = MembershipChange(primary=company.id, names={**names, company.id: company.name})
        return msgspec.structs.replace(
            change, fields={**change.fields, "company": company.name}, memberships=memberships
        )

    async def _company_names(self, profiles: Iterable[Profile | None], rows: Sequence[Todo]) -> dict[int, str]:
        """Of those that the contacts are in, where rows name any."""
        if not any(one.row.change.fields.get("company") for one in rows):
            return {}
        joined = {company for one in profiles if one for company in one.companies()}
        return {one.id: one.name for one in (await self._stores.companies.load(joined)).values()}

    async def _write_plain(self, plain: list[_Plain], outcomes: dict[int, Outcome]) -> list[Todo]:
        """Those for which somebody else was faster."""
        again, claimed = [], await self._claimed(plain)
        now, user, user_id = now_us(), author(self._user), author_id()
        ready: list[tuple[_Plain, Profile]] = []
        for one in plain:
            if one.todo.number not in claimed:
                again.append(one.todo)
            else:
                ready.append((one, apply_change(one.before, one.change, now, user, user_id, source())))
        changed = [(one, after) for one, after in ready if after is not one.before or not after.version]
        versions = await self._store.write(
            [after for _, after in changed],
            {after.id: claim for one, after in changed if (claim := claimed[one.todo.number])},
        )
        is_told = bool(await self._stores.hooks.hooks())
        written: list[Profile] = []
        for one, after in ready:
            version = versions.get(after.id, after.version)
            if not version:
                again.append(one.todo)
                continue
            stored = msgspec.structs.replace(after, version=version)
            written.append(stored)
            is_new = not one.before.version or after.id == one.todo.new_id
            outcomes[one.todo.number] = Outcome(is_new)
            self._tell(one, stored, now, is_new=is_new, is_told=is_told)
        await self._chunk.projection.put(written, self._events)
        return again

    async def _claimed(self, plain: list[_Plain]) -> dict[int, Claim | None]:
        """By the number of each row that has all it needs: the oldest of its claims."""
        asked = [(one, value) for one in plain for value in one.free]
        answers = await self._store.claim([(value, None, one.before.id) for one, value in asked])
        claimed: dict[int, Claim | None] = {one.todo.number: None for one in plain}
        for (one, _), claim in zip(asked, answers, strict=True):
            number = one.todo.number
            if claim is None or claim.contact_id != one.before.id:
                claimed.pop(number, None)
            elif number in claimed:
                oldest = claimed[number]
                claimed[number] = claim if oldest is None or claim.time_us < oldest.time_us else oldest
        return claimed

    def _tell(self, one: _Plain, stored: Profile, now: int, *, is_new: bool, is_told: bool) -> None:
        self._events.append(self._imported(one.todo, stored.id, is_new=is_new))
        if one.change.is_in_history() and stored.version != one.before.version:
            before = fold(one.before) if one.before.own else None
            self._events += events_of(before, fold(stored), one.change, author(self._user), now)
        if is_told:
            self._notes += notes_of_change(one.before, stored, now)

    async def _one(self, todo: Todo) -> Outcome:
        """By itself, as the API does it."""
        row = todo.row
        try:
            profile = await self._store.resolve(row.id) if row.id else None
            seen = await self._targets.first_seen([row.id]) if row.id and profile is None else {}
            if row.id and (profile is not None or seen):
                change = without_kept(profile or Profile(row.id), without_defaults(row.change))
                written = await self._alone.edit(row.id, change, seen.get(row.id, 0))
                if written is None:
                    return Outcome(False, f"id: {NOBODY}")
            else:
                written = await self._alone.create(row.change, row.id or todo.new_id)
        except ValueTakenError as error:
            return Outcome(False, f"{error.value.field}: {taken_by(error.contact_id)}")
        except BusyError:
            return Outcome(False, "The contact is being changed by others; try again.")
        except ApiError as error:
            if error.status == 503:
                raise
            return Outcome(False, error.message)
        event = self._imported(todo, written.profile.id, is_new=written.is_new)
        await self._chunk.projection.put([written.profile], [event])
        return Outcome(written.is_new)

    def _imported(self, todo: Todo, contact_id: int, *, is_new: bool) -> ToldRow:
        """The entry in its history."""
        key = blake2b(f"import:{self._source.import_id}:{todo.number}".encode(), digest_size=16).hexdigest()
        entry = self._entries[is_new]
        query = f"{entry.begin}{todo.line}{entry.end}"
        return told_row(key, contact_id, self._chunk.time_us, IMPORTED, entry.title, query)


def _entry(source: Source, *, is_new: bool) -> _Entry:
    said = {"importId": source.import_id, "action": "inserted" if is_new else "updated", "file": source.name,
            "line": 0, "user": source.user}  # fmt: skip
    begin, line, end = msgspec.json.encode(said).decode().partition('"line":')
    title = f"Contact {'imported' if is_new else 'updated'} from {source.name}"
    return _Entry(title, begin + line, end.removeprefix("0"))


class _RefusedRow(Exception):
    """Why a row is not written."""


def _means_somebody(contact_id: int, read: _Read) -> bool:
    """Whether a row's id is that of a contact or of a visitor, or could be given to a new one: it is none of ours, of
    which some are given out by now and some are kept to be. Who was deleted is nobody."""
    if not contact_id:
        return True
    profile = read.profiles[contact_id]
    if profile is None:
        return contact_id in read.visitors or contact_id < OTHERS_IDS
    return not profile.deleted_us and not profile.is_device_only()


def _blanks(change: Change, unique: Sequence[str], target: Profile) -> bool:
    """Whether a unique value would be given up."""
    return any(field in change.fields and not change.fields[field] and target.value(field) for field in unique)
