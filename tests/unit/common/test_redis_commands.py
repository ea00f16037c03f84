"""What concurrent tasks ask for travels together, and each gets its own answers."""

from __future__ import annotations

import asyncio

import pytest

from services.common.redis_client import _grouped
from services.common.redis_commands import Group


class Server:
    """Doubles numbers, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def work(self, numbers: list[int]) -> list[int]:
        self.asked.append(numbers)
        await asyncio.sleep(0)
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


async def test_tasks_that_ask_at_once_are_answered_at_once_each_with_its_own() -> None:
    server = Server()
    group: Group[int, int] = Group(server.work)
    answers = await asyncio.gather(group.ask([1, 2]), group.ask([]), group.ask([3]), group.ask([4, 5, 6]))
    assert answers == [[2, 4], [], [6], [8, 10, 12]]
    assert await group.ask([7]) == [14]
    assert server.asked == [[1, 2, 3, 4, 5, 6], [7]]


def test_calls_of_a_script_go_together_by_number_and_by_size() -> None:
    small, large = [(["k"], [b"x", 1])] * 250, [(["k"], [b"x" * 400_000])] * 5
    assert [len(one) for one in _grouped(small)] == [100, 100, 50]
    assert [len(one) for one in _grouped(large)] == [2, 2, 1]
    assert [len(one) for one in _grouped([(["k"], [b"x" * 3_000_000])] * 2)] == [1, 1]
    assert _grouped([]) == []


async def test_what_goes_wrong_is_told_to_all_who_travelled_along_and_to_nobody_else() -> None:
    server = Server()
    group: Group[int, int] = Group(server.work)
    told = await asyncio.gather(group.ask([1]), group.ask([13]), return_exceptions=True)
    assert [str(one) for one in told] == ["thirteen", "thirteen"]
    assert await group.ask([1]) == [2]


async def test_who_gives_up_does_not_harm_the_others() -> None:
    group: Group[int, int] = Group(Server().work)
    impatient, patient = asyncio.create_task(group.ask([1])), asyncio.create_task(group.ask([2]))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == [4]
    with pytest.raises(asyncio.CancelledError):
        await impatient
