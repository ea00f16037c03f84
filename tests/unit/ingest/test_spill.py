"""The files of the spill: what is given back, and what a failure in the middle leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from services.ingest.spill import BATCHES_AT_ONCE, Entries, Spill, SpillFullError


class Taker:
    """Takes batches; refuses when `room` is used up."""

    def __init__(self, room: int = 1_000) -> None:
        self.room = room
        self.taken: Entries = []

    async def __call__(self, entries: Entries) -> None:
        if self.room < len(entries):
            raise ConnectionError
        self.room -= len(entries)
        self.taken += entries


def entries(*numbers: int) -> Entries:
    return [("hits:{0}", b"batch %d" % number) for number in numbers]


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_file_that_redis_has_room_for_in_part_only_is_gone_on_with(tmp_path: Path) -> None:
    spill, every = Spill(tmp_path, 10_000), entries(*range(3 * BATCHES_AT_ONCE))
    await spill.keep(every)
    taker = Taker(BATCHES_AT_ONCE + 1)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await spill.replay(taker)
    assert taker.taken == every[:BATCHES_AT_ONCE]
    taker.room = 1_000
    assert await spill.replay(taker) == 2 * BATCHES_AT_ONCE
    assert taker.taken == every
    assert files(tmp_path) == []


async def test_nothing_is_written_behind_what_could_not_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spill, taker = Spill(tmp_path, 10_000), Taker()

    def fail(*_: Any) -> None:
        raise OSError("no space left")

    await spill.keep(entries(1))
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fail)
        broken.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="no space left"):
            await spill.keep(entries(2))
    await spill.keep(entries(3))
    assert [path.suffix for path in files(tmp_path)] == [".hits"] * 2
    await spill.replay(taker)
    assert [entry for entry in taker.taken if entry not in entries(2)] == entries(1, 3)


async def test_a_full_folder_takes_nothing_and_keeps_what_it_has(tmp_path: Path) -> None:
    spill, taker = Spill(tmp_path, 60), Taker()
    await spill.keep(entries(1))
    with pytest.raises(SpillFullError):
        await spill.keep(entries(2, 3))
    await spill.replay(taker)
    assert taker.taken == entries(1)


async def test_the_file_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    writer, heir, taker = Spill(tmp_path, 10_000), Spill(tmp_path, 10_000), Taker()
    await writer.keep(entries(1))
    assert await heir.replay(taker) == 0
    writer.close()
    assert await heir.replay(taker) == 1
