"""The company store: records of kind `company`, found by names that are claimed like e-mail addresses.

A name leads to the company that its claim names. The claim comes first, and the record is written under the id that the
claim has: many writers at once make one company of a name, and whoever finds a claim without its record completes it. A
renamed company keeps its former names until somebody makes a new company of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from services.common.company import Company, decode_company, encode_company
from services.common.profiles import ProfileStore
from services.common.records import Record, RecordStore, Ref
from services.common.values import Claim, UniqueValue

KIND = "company"
CLAIM_FIELD = "companyname"


class Lead(NamedTuple):
    """Where a name leads. No company: it is free. One of version 0: claimed, but its record is still to be written."""

    claim: Claim | None
    company: Company | None


class CompanyStore:
    def __init__(self, profiles: ProfileStore, records: RecordStore) -> None:
        self._profiles, self._records = profiles, records

    async def load(self, company_ids: Iterable[int]) -> dict[int, Company]:
        """Those of the companies that there are. Raises `RedisError`."""
        stored = await self._stored(company_ids)
        return {company_id: company for company_id, company in stored.items() if not company.deleted_us}

    async def one(self, company_id: int) -> Company | None:
        return (await self.load([company_id])).get(company_id)

    async def follow(self, names: Iterable[str]) -> dict[str, Lead]:
        """Where these names (as `name_key` makes them) lead, in two round trips."""
        claims = await self._profiles.holders(UniqueValue(CLAIM_FIELD, name) for name in names)
        stored = await self._stored({claim.contact_id for claim in claims.values() if claim})
        return {value.value: _lead(claim, stored) for value, claim in claims.items()}

    async def named(self, names: Iterable[str], is_free: Callable[[str, Company | None], bool]) -> dict[str, Lead]:
        """The same, after those names of which `is_free` says so were claimed for new companies."""
        leads = await self.follow(names)
        free = {name: lead.claim for name, lead in leads.items() if is_free(name, lead.company)}
        if free:
            ids = await self._new_ids(len(free))
            await self.claim({name: (seen, new) for (name, seen), new in zip(free.items(), ids, strict=True)})
            leads.update(await self.follow(free))
        return leads

    async def claim(self, names: dict[str, tuple[Claim | None, int]]) -> None:
        """Name: (its claim as seen, the company that it shall lead to). Whose claim was faster keeps it."""
        await self._profiles.claim(
            [(UniqueValue(CLAIM_FIELD, name), seen, company_id) for name, (seen, company_id) in names.items()]
        )

    async def new_id(self) -> int:
        return (await self._new_ids(1))[0]

    async def write(self, companies: Iterable[Company]) -> dict[int, Record]:
        """Stores each if its stored version is still the one it has. Returns what was stored, by id: what is not there
        was written by somebody else meanwhile."""
        records = [_record(company) for company in companies]
        versions = await self._records.write(records)
        return {int(one.ref.id): one._replace(version=versions[one.ref]) for one in records if versions[one.ref]}

    async def _stored(self, company_ids: Iterable[int]) -> dict[int, Company]:
        """Deleted ones too."""
        records = await self._records.load(Ref(KIND, str(company_id)) for company_id in company_ids)
        return {int(ref.id): decode_company(int(ref.id), version, data) for ref, version, data in records.values()}

    async def _new_ids(self, count: int) -> list[int]:
        """Under which nothing is stored: Redis gives some out again after it lost its last second."""
        ids: list[int] = []
        while len(ids) < count:
            fresh = [int(text) for text in await self._records.new_ids(KIND, count - len(ids))]
            taken = await self._stored(fresh)
            ids += [company_id for company_id in fresh if company_id not in taken]
        return ids


def _lead(claim: Claim | None, stored: dict[int, Company]) -> Lead:
    if claim is None:
        return Lead(None, None)
    return Lead(claim, stored.get(claim.contact_id) or Company(claim.contact_id))


def _record(company: Company) -> Record:
    return Record(Ref(KIND, str(company.id)), company.version, encode_company(company))


def as_stored(company: Company, record: Record) -> Company:
    """The company with the version under which it was stored."""
    return msgspec.structs.replace(company, version=record.version)
