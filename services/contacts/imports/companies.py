"""The companies that rows name: found or made, and told what the rows say of them, many at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from services.common.caller import author, author_id, may_act
from services.common.companies import as_stored
from services.common.company import Company, is_name, name_key
from services.common.company_fields import NAME
from services.common.envelope import NOT_ALLOWED
from services.common.profile import Value
from services.common.records import project_records
from services.contacts.companies.company_change import CompanyChange, apply_company_change
from services.contacts.stores import BusyError, Stores
from services.contacts.users.ownership import EDIT
from services.contacts.webhooks.notes import note_of_company

ROUNDS = 50
MAX_KNOWN = 50_000
Values = Mapping[str, Value]


class Refused(Exception):
    """The caller may not change this company."""


class ImportedCompanies:
    """Of one import. What was found a moment ago is not looked for again."""

    def __init__(self, stores: Stores, user: str) -> None:
        self._stores, self._user = stores, user
        self._known: dict[str, Company] = {}

    def of(self, name: str) -> Company | None:
        """The company that a name leads to, after it was settled; None for what is nobody's name. Raises `Refused`."""
        if not is_name(name):
            return None
        company = self._known[name_key(name)]
        if company.id < 0:
            raise Refused(f"company: {NOT_ALLOWED}")
        return company

    async def settle(self, said: Sequence[tuple[str, Values]]) -> None:
        """Names, and what is said of each company beside its name; the last word counts."""
        if len(self._known) > MAX_KNOWN:
            self._known = dict(list(self._known.items())[-MAX_KNOWN // 2 :])
        wanted: dict[str, tuple[str, dict[str, Value]]] = {}
        for name, values in said:
            if is_name(name):
                known = wanted.setdefault(name_key(name), (name, {}))
                known[1].update({alias: value for alias, value in values.items() if alias != NAME})
        waiting = {key: one for key, one in wanted.items() if not self._says_so(key, one[1])}
        for _ in range(ROUNDS):
            if not waiting:
                return
            waiting = await self._round(waiting)
        raise BusyError

    def _says_so(self, key: str, values: Values) -> bool:
        known = self._known.get(key)
        if known is None or known.id < 0:
            return known is not None
        return all((known.value(one) if known.value(one) is not None else "") == value for one, value in values.items())

    async def _round(self, waiting: dict[str, tuple[str, dict[str, Value]]]) -> dict[str, tuple[str, dict[str, Value]]]:
        """Those that somebody else wrote meanwhile."""
        now_us, changed = time.time_ns() // 1_000, {}
        leads = await self._stores.companies.named(waiting, lambda _, found: found is None or found.deleted_us > 0)
        for key, (name, values) in waiting.items():
            company = leads[key].company
            if company is None or company.deleted_us:
                continue
            change = CompanyChange(values if company.version else {NAME: name, **values})
            after = apply_company_change(company, change, now_us, author(self._user), author_id())
            if after is company:
                self._known[key] = company
            elif company.version and not may_act(EDIT, company.owner_id, company.created_by_id):
                self._known[key] = Company(-1)
            else:
                changed[key] = after
        written = await self._stores.companies.write(changed.values())
        stored = {
            key: as_stored(company, written[company.id]) for key, company in changed.items() if company.id in written
        }
        self._known.update(stored)
        if await self._stores.hooks.hooks():
            await self._stores.hooks.put([note_of_company(one, now_us) for one in stored.values()])
        await self._stores.confirm()
        await project_records(self._stores.records, self._stores.clickhouse, written.values())
        return {key: one for key, one in waiting.items() if key not in self._known or not self._says_so(key, one[1])}
