"""Writes the contacts of a chunk of rows: those about the same contact in their order, the others beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from services.common.envelope import STORES_AWAY, ApiError
from services.contacts.imports.companies import ImportedCompanies
from services.contacts.imports.part_writer import Chunk, Outcome, PartWriter, Source, Todo
from services.contacts.people.projector import Projection
from services.contacts.stores import BusyError, Stores

log = structlog.get_logger()

AT_ONCE = 1_000  # rows between a claim and the profile that carries it: that must not take a second
PARTS_AT_ONCE = 6
Marks = Mapping[int, Sequence[object]]


class ChunkWriter:
    """Of one import. What it has learned of companies serves all its chunks."""

    def __init__(self, stores: Stores, user: str, source: Source) -> None:
        self._stores, self._user, self._source = stores, user, source
        self._companies = ImportedCompanies(stores, user)
        self._places = asyncio.Semaphore(PARTS_AT_ONCE)

    async def about(self, rows: Sequence[Todo]) -> Marks:
        """By the number of each row whom it is about: its unique values, and the contacts that have them, or its id."""
        if not any(one.row.id for one in rows) and not any(len(one.values) > 1 for one in rows):
            return {one.number: one.values for one in rows}
        profiles = self._stores.profiles
        holders = await profiles.holders({value for one in rows for value in one.values})
        said = {one.row.id for one in rows if one.row.id}
        said |= {claim.contact_id for claim in holders.values() if claim}
        stored = await profiles.load(said)
        under = {one: profile.alias or one if profile else one for one, profile in stored.items()}
        return {
            one.number: [
                *one.values,
                *(under[claim.contact_id] for value in one.values if (claim := holders[value])),
                *([under[one.row.id]] if one.row.id else []),
            ]
            for one in rows
        }

    async def write(
        self, rows: Sequence[Todo], marks: Marks, projection: Projection, time_us: int, *, is_again: bool
    ) -> dict[int, Outcome]:
        """By the number of each row. `marks` are those of `about`. `time_us`: of the entries in the histories, the same
        when rows are done again; `is_again`: some of them may have been done before."""
        await self._stores.check_clickhouse()
        unique, outcomes = (await self._stores.fields.now()).unique, dict[int, Outcome]()
        chunk = Chunk(unique, time_us, is_again, projection)

        async def written(part: Sequence[Todo]) -> dict[int, Outcome]:
            writer = PartWriter(self._stores, self._user, self._source, self._companies, chunk)
            async with self._places:
                try:
                    return await writer.write(part)
                except (*STORES_AWAY, ApiError):
                    raise
                except Exception:  # a row that nobody thought of must not take the others along
                    log.exception("import_part_broken", import_id=self._source.import_id)
                    return await writer.write_each(part)

        for wave in waves(rows, marks):
            try:
                await self._companies.settle(
                    [(str(name), one.row.company) for one in wave if (name := one.row.change.fields.get("company"))]
                )
            except BusyError:  # those that are not settled are settled one by one
                log.warning("import_companies_busy", import_id=self._source.import_id)
            parts = [wave[start : start + AT_ONCE] for start in range(0, len(wave), AT_ONCE)]
            for done in await asyncio.gather(*map(written, parts)):
                outcomes |= done
        await self._stores.confirm()
        return outcomes


def waves(rows: Sequence[Todo], marks: Marks) -> list[list[Todo]]:
    """No two rows of a wave are about the same contact: those that are come in later ones, in their order."""
    found: list[list[Todo]] = []
    last: dict[object, int] = {}  # in which wave each was meant
    for one in rows:
        about = marks[one.number]
        wave = max([last.get(mark, -1) for mark in about], default=-1) + 1
        last.update(dict.fromkeys(about, wave))
        if wave == len(found):
            found.append([])
        found[wave].append(one)
    return found
