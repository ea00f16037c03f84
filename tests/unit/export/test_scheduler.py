"""A schedule while the stores are away, and where this service itself is wrong: told, and no due time is lost by it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, cast

import pytest

from services.common.caller import Caller
from services.common.clickhouse import ClickHouseError
from services.export import watching
from services.export.jobs.job import Job
from services.export.metrics import ExportMetrics
from services.export.record_folder import RecordFolder
from services.export.schedules import scheduler
from services.export.schedules.rhythm import Every, Rhythm
from services.export.schedules.schedule import Schedule
from services.export.schedules.scheduler import Scheduler

RHYTHM = Rhythm(Every.DAILY, (time.gmtime().tm_hour + 12) % 24)  # far from now: no run of all tests lasts until then
DUE = RHYTHM.next_due(time.time()) - 86_400


class Exports:
    """In the place of the exporter: raises what it is told to, then makes a job."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.made = list(errors), 0

    def forget(self, _: str) -> None: ...

    async def create(self, wish: Any, job_id: str, schedule_id: str) -> Job:
        if self.errors:
            raise self.errors.pop(0)
        self.made += 1
        return Job(job_id, wish, DUE, schedule_id=schedule_id)


class Users:
    async def user_of(self, user_id: int) -> Caller:
        return Caller("user:1", user_id, "admin")


async def served(tmp_path: Path, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> list[Schedule]:
    """How one schedule was kept, one time after the other, until it was no longer due."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(scheduler, "AGAIN_SECONDS", 0.0)
    folder = RecordFolder(tmp_path, Schedule)
    schedule = Schedule("0" * 32, DUE, 1, "admin", "x", RHYTHM, {}, DUE)
    folder.add(schedule)
    one = Scheduler(folder, cast(Any, exports), cast(Any, Users()), ExportMetrics())
    one.open()
    seen: list[Schedule] = []
    async with asyncio.timeout(10):
        while not seen or seen[-1].due_at == DUE:
            now = folder.one(schedule.id)
            if now and (not seen or now != seen[-1]):
                seen.append(now)
            await asyncio.sleep(0.001)
    await one.close()
    return seen


@pytest.mark.parametrize("away", [ClickHouseError("gone"), TimeoutError(), OSError("no file")])
async def test_a_due_time_waits_for_stores_that_are_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    exports = Exports(*[away] * 5)
    seen = await served(tmp_path, exports, monkeypatch)
    errors = [one.last.error for one in seen if one.last]
    assert errors == ["A database does not answer at the moment.", ""], "it is said once"
    assert exports.made == 1 and seen[-1].due_at > time.time()
    assert seen[-1].last and seen[-1].last.due_at == DUE


async def test_an_error_of_this_service_is_told_and_the_next_time_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = Exports(KeyError("oops"))
    seen = await served(tmp_path, exports, monkeypatch)
    assert seen[-1].last and seen[-1].last.error == "an error of this service: KeyError"
    assert exports.made == 0 and seen[-1].due_at > time.time()


async def test_one_that_cannot_be_made_does_not_keep_others_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Schedule("1" * 32, DUE - 1, 1, "admin", "x", Rhythm(Every.DAILY, 6, None, "Mars/Olympus"), {}, DUE)
    RecordFolder(tmp_path, Schedule).add(odd)
    seen = await served(tmp_path, Exports(), monkeypatch)
    assert seen[-1].last and seen[-1].last.export_id
