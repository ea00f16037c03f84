"""Writes companies: claim the name, write the record by compare-and-set, project it, answer.

What a crash leaves in between is a claim without a record, which whoever names that company next completes, or a record
that the outbox's relay projects.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from services.common.caller import author, author_id
from services.common.companies import KIND as COMPANY
from services.common.company import Company, is_name, name_key
from services.common.company_fields import NAME
from services.common.envelope import ApiError
from services.common.hook_notes import Note
from services.common.profile import MAX_COMPANIES, Profile
from services.common.records import Record, project_records
from services.contacts.audit.notes import note_record
from services.contacts.companies.company_change import CompanyChange, apply_company_change
from services.contacts.people.change import Change
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import DELETE, EDIT, check_contact
from services.contacts.webhooks.notes import note_of_company

ROUNDS = 100
TOO_MANY = f"A contact can be a member of at most {MAX_COMPANIES} companies."


class WrittenCompany(NamedTuple):
    """The company as it is stored now, and whether this write made it."""

    company: Company
    is_new: bool


class CompanyWriter:
    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._user = stores, user
        self._store = stores.companies

    async def create(self, change: CompanyChange) -> WrittenCompany:
        """The company of that name, changed; a new one when there is none, or when the change is forced."""
        await self._stores.check_clickhouse()
        key = name_key(str(change.fields[NAME]))
        if change.is_forced:
            return WrittenCompany(await self._force(key, change), is_new=True)
        for _ in range(ROUNDS):
            leads = await self._store.named([key], lambda _, found: found is None or not _bears(found, key))
            company = leads[key].company
            if company and company.version and not company.deleted_us:
                check_contact(company.owner_id, company.created_by_id, EDIT)
            if company and not company.deleted_us and (stored := await self._change(company, change)):
                return WrittenCompany(stored, is_new=not company.version)
        raise BusyError

    async def edit(self, company_id: int, change: CompanyChange) -> Company | None:
        """The company, changed; None for one that is not there."""
        await self._stores.check_clickhouse()
        for _ in range(ROUNDS):
            company = await self._store.one(company_id)
            if company is None:
                return None
            check_contact(company.owner_id, company.created_by_id, EDIT)
            key = name_key(str(change.fields.get(NAME, company.name)))
            if key != name_key(company.name):
                await self._take_name(key, company_id)
            if stored := await self._change(company, change):
                return stored
        raise BusyError

    async def delete(self, company_id: int) -> Company | None:
        """The company as it was; None for one that is not there. Its names lead to it, and so to nobody."""
        await self._stores.check_clickhouse()
        for _ in range(ROUNDS):
            company = await self._store.one(company_id)
            if company is None:
                return None
            check_contact(company.owner_id, company.created_by_id, DELETE)
            gone = msgspec.structs.replace(company, deleted_us=_now_us())
            if written := await self._store.write([gone]):
                note_record("delete", COMPANY, company_id, company, None)
                await self._tell(partial(note_of_company, company, is_gone=True))
                await self._project(written)
                return company
        raise BusyError

    async def settled(self, change: Change, profiles: list[Profile]) -> Change:
        """A change of these contacts with all that it must know of companies; one that its text names is made.
        Raises `ApiError` 400 for an id that is no company's."""
        said, name = change.memberships, str(change.fields.get("company") or "")
        if not name and not said.says_something():
            return change
        wanted = {*said.words, *(company_id for profile in profiles for company_id in profile.companies())}
        if len(wanted) > MAX_COMPANIES and not said.replaces:
            raise ApiError(400, TOO_MANY, {"companies": [TOO_MANY]})
        names = {one.id: one.name for one in (await self._store.load(wanted)).values()}
        if unknown := [company_id for company_id, is_in in said.words.items() if is_in and company_id not in names]:
            text = f"Company with ID {unknown[0]} was not found."
            raise ApiError(400, f"companies: {text}", {"companies": [text]})
        fields, company = change.fields, await self._of_name(name)
        if company:
            names[company.id] = company.name
            fields = {**fields, "company": company.name}
        memberships = msgspec.structs.replace(said, primary=company.id if company else 0, names=names)
        return msgspec.structs.replace(change, fields=fields, memberships=memberships)

    async def _force(self, key: str, change: CompanyChange) -> Company:
        company = Company(await self._store.new_id())
        await self._take_name(key, company.id)
        stored = await self._change(company, change)
        if stored is None:
            raise BusyError
        return stored

    async def _of_name(self, name: str) -> Company | None:
        """The company that a name leads to, made if there is none; None for what is nobody's name."""
        if not is_name(name):
            return None
        key = name_key(name)
        for _ in range(ROUNDS):
            leads = await self._store.named([key], lambda _, found: found is None or found.deleted_us > 0)
            company = leads[key].company
            if company and company.version and not company.deleted_us:
                return company
            if company and not company.deleted_us:
                stored = await self._change(company, CompanyChange({NAME: name}))
                if stored:
                    return stored
        raise BusyError

    async def _change(self, company: Company, change: CompanyChange) -> Company | None:
        """As it is stored then, and projected; None when somebody else was faster."""
        changed = apply_company_change(company, change, _now_us(), author(self._user), author_id())
        written = await self._store.write([changed])
        if not written:
            return None
        is_new = not company.version
        note_record("create" if is_new else "update", COMPANY, company.id, None if is_new else company, changed)
        stored = msgspec.structs.replace(changed, version=written[company.id].version)
        await self._tell(partial(note_of_company, stored))
        await self._project(written)
        return stored

    async def _take_name(self, key: str, company_id: int) -> None:
        """Unless another company bears it: several may, by force, and the name leads to one of them."""
        lead = (await self._store.follow([key]))[key]
        if lead.company is None or not _bears(lead.company, key):
            await self._store.claim({key: (lead.claim, company_id)})

    async def _tell(self, note: Callable[[int], Note]) -> None:
        if await self._stores.hooks.hooks():
            await self._stores.hooks.put([note(_now_us())])

    async def _project(self, written: dict[int, Record]) -> None:
        try:
            await self._stores.confirm()
            await project_records(self._stores.records, self._stores.clickhouse, written.values())
        except Exception:
            self._stores.distrust()
            raise


def _now_us() -> int:
    return time.time_ns() // 1_000


def _bears(company: Company, key: str) -> bool:
    """Whether the name is its own now, or about to be. A former name can be taken away; a deleted one has none."""
    return not company.version or name_key(company.name) == key
