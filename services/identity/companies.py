"""Settles the companies that the hits of a batch name: found or made in Redis, and told what is new.

A handful of round trips however many they are: claims and documents, and where a name is new ids, claims and documents
again. Done twice it changes nothing: a claim stays, and an older word on a field is not news.
"""

from __future__ import annotations

from services.common.companies import CompanyStore
from services.common.company import Company, Mention
from services.common.faults import FaultPoints
from services.common.records import Record
from services.identity.placement import PlacementError

MAX_ROUNDS = 200


class Settled:
    """By the key of its name each company that there is, and the records that were written on the way."""

    def __init__(self) -> None:
        self.companies: dict[str, Company] = {}
        self.written: dict[int, Record] = {}


class Companies:
    def __init__(self, store: CompanyStore, faults: FaultPoints) -> None:
        self._store, self._faults = store, faults

    async def settle(self, mentions: list[Mention]) -> Settled:
        """Raises `RedisError`, and `PlacementError` when other writers won every round."""
        settled = Settled()
        waiting: dict[str, list[Mention]] = {}
        for mention in mentions:
            waiting.setdefault(mention.key, []).append(mention)
        for _ in range(MAX_ROUNDS):
            if not waiting:
                return settled
            waiting = await self._round(waiting, settled)
        raise PlacementError(f"{len(waiting)} companies")

    async def _round(self, waiting: dict[str, list[Mention]], settled: Settled) -> dict[str, list[Mention]]:
        """Settles all but those that somebody else wrote meanwhile, and returns these."""
        leads = await self._store.named(waiting, lambda name, company: _is_free(company, waiting[name]))
        led = {name: lead.company for name, lead in leads.items() if lead.company and not lead.company.deleted_us}
        if any(not company.version for company in led.values()):
            self._faults.pass_by("after_company_claim")
        told = {company.id: company for company in led.values()}
        for name, company in led.items():  # several names may lead to one
            for mention in waiting[name]:
                told[company.id] = told[company.id].told(mention.values, mention.time_us)
        changed = {company.id for company in led.values() if told[company.id] is not company}
        written = await self._store.write([told[company_id] for company_id in changed])
        if written:
            self._faults.pass_by("after_company")
        settled.written.update(written)
        lost = changed - written.keys()
        settled.companies.update({name: told[one.id] for name, one in led.items() if one.id not in lost})
        return {name: waiting[name] for name, one in led.items() if one.id in lost}


def _is_free(company: Company | None, mentions: list[Mention]) -> bool:
    """A hit from before its company was deleted makes no new one."""
    return company is None or 0 < company.deleted_us <= max(mention.time_us for mention in mentions)
