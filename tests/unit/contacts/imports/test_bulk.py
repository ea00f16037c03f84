"""What chunks add to ClickHouse together, with a ClickHouse and an outbox that only write down what they are told."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from services.common.profile import Part, Profile
from services.common.tables import CONTACTS
from services.contacts.imports.bulk import TOGETHER, Bulk, Lot

NOW = 1_700_000_000_000_000


class Told:
    """A ClickHouse, and the outbox of a profile store."""

    def __init__(self) -> None:
        self.inserts: list[list[int]] = []  # the ids of each
        self.settled: dict[int, int] = {}
        self.error: Exception | None = None

    async def raw_insert(self, table: str, *, insert_block: bytes, **_: Any) -> None:
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        assert table == CONTACTS
        self.inserts.append([msgspec.json.decode(line)[0] for line in insert_block.splitlines()])

    async def settle(self, versions: dict[int, int]) -> None:
        self.settled |= versions


async def lot(*profiles: Profile) -> Lot:
    made = Lot()
    await made.put(list(profiles))
    return made


def known(number: int, version: int = 1) -> Profile:
    return Profile(number, own=Part(added_us=NOW), version=version)


def bulk(told: Told) -> Bulk:
    return Bulk(told, told)  # type: ignore[arg-type]


async def test_the_first_chunk_goes_alone_and_later_ones_together() -> None:
    told = Told()
    one = bulk(told)
    for expected in range(1, TOGETHER + 1):
        ids = range(10 * expected, 11 * expected)
        await asyncio.wait_for(asyncio.gather(*[one.insert(await lot(known(number))) for number in ids]), 1)
        assert told.inserts[-1] == list(ids)
    assert len(told.inserts) == TOGETHER


async def test_none_waits_for_others_that_will_not_come() -> None:
    told = Told()
    one = bulk(told)
    await one.insert(await lot(known(1)))
    waiting = asyncio.create_task(one.insert(await lot(known(2))))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    one.hurry()
    await asyncio.wait_for(waiting, 1)
    await asyncio.wait_for(one.insert(await lot(known(3))), 1)
    assert told.inserts == [[1], [2], [3]]


async def test_one_that_waits_long_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.contacts.imports.bulk.LONGEST_SECONDS", 0.01)
    told = Told()
    one = bulk(told)
    await one.insert(await lot(known(1)))
    await asyncio.wait_for(one.insert(await lot(known(2))), 1)
    assert told.inserts == [[1], [2]]


async def test_a_chunk_that_adds_nothing_is_one_that_others_go_with() -> None:
    told = Told()
    one = bulk(told)
    await one.insert(await lot())
    await asyncio.wait_for(asyncio.gather(one.insert(await lot(known(1))), one.insert(await lot())), 1)
    assert told.inserts == [[1]]


async def test_the_outbox_forgets_the_newest_versions() -> None:
    told = Told()
    one = bulk(told)
    await one.insert(await lot(known(1, 5), known(2, 7), known(1, 6)))
    await asyncio.gather(one.insert(await lot(known(1, 9))), one.insert(await lot(known(1, 8))))
    await asyncio.sleep(0.01)
    assert told.settled == {1: 9, 2: 7}


async def test_all_who_wait_are_told_of_an_insert_that_failed_and_the_outbox_forgets_nothing() -> None:
    told = Told()
    one = bulk(told)
    await one.insert(await lot(known(1)))
    told.settled, told.error = {}, OSError("away")
    answers = await asyncio.gather(
        one.insert(await lot(known(2))), one.insert(await lot(known(3))), return_exceptions=True
    )
    assert answers == [told.error, told.error]
    assert told.settled == {}
