"""Counts of visitors: which are kept, for how long, and that two who ask at once count once."""

from __future__ import annotations

import asyncio

import pytest

from services.contacts.people.visitor_counts import LONGEST_KEPT_SECONDS, QUICK_SECONDS, SHARE, VisitorCounts


class Counted:
    """Counts that take so long, by a clock of their own."""

    def __init__(self, number: int, seconds: float) -> None:
        self.now, self.times = 100.0, 0
        self._number, self._seconds = number, seconds
        self.counts = VisitorCounts(lambda: self.now)

    async def get(self) -> int:
        return await self.counts.get("all", self._count)

    async def _count(self) -> int:
        self.times += 1
        await asyncio.sleep(0)
        self.now += self._seconds
        return self._number


async def test_a_count_that_took_long_is_kept_in_proportion() -> None:
    counted = Counted(7, 0.1)
    assert [await counted.get(), await counted.get()] == [7, 7]
    assert counted.times == 1
    counted.now += SHARE * 0.1 + 0.01
    assert (await counted.get(), counted.times) == (7, 2)


async def test_no_count_is_kept_longer_than_a_list_may_be_late() -> None:
    counted = Counted(7, 3.0)
    await counted.get()
    counted.now += LONGEST_KEPT_SECONDS + 0.01
    await counted.get()
    assert counted.times == 2


@pytest.mark.parametrize(("number", "seconds"), [(7, QUICK_SECONDS), (0, 1.0)])
async def test_a_quick_count_is_done_anew_and_so_is_that_of_nobody(number: int, seconds: float) -> None:
    """Else the first visitor of a search would be missing in its list for seconds."""
    counted = Counted(number, seconds)
    assert [await counted.get(), await counted.get(), counted.times] == [number, number, 2]


async def test_who_asks_meanwhile_gets_the_same_count() -> None:
    counted = Counted(7, 0.0)
    assert await asyncio.gather(counted.get(), counted.get()) == [7, 7]
    assert counted.times == 1
