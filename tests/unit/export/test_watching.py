"""A folder of records is looked into whenever something changes there, also twice within one tick of its clock."""

from __future__ import annotations

import asyncio
import math
import os
import time
from pathlib import Path

import pytest

from services.export import watching
from services.export.record_folder import RecordFolder
from services.export.schedules.schedule import Schedule
from services.export.watching import watch


async def looks(folder: RecordFolder[Schedule], monkeypatch: pytest.MonkeyPatch) -> int:
    """How often it is looked into within 50 looks at its time of change."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.001)
    count = 0

    async def serve() -> float:
        nonlocal count
        count += 1
        return math.inf

    asked = iter(range(50))
    changed_ns, ended = folder.changed_ns, asyncio.Event()

    def counted() -> int:
        if next(asked, None) is None:
            ended.set()
        return changed_ns()

    monkeypatch.setattr(folder, "changed_ns", counted)
    task = asyncio.create_task(watch(folder, serve, asyncio.Event()))
    await asyncio.wait_for(ended.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return count


async def test_what_changed_long_ago_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(tmp_path, (time.time() - 60,) * 2)
    assert await looks(RecordFolder(tmp_path, Schedule), monkeypatch) == 1


async def test_what_changed_just_now_may_change_again_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(tmp_path, (time.time() + 60,) * 2)  # however slow this machine is, no look comes a second later
    assert await looks(RecordFolder(tmp_path, Schedule), monkeypatch) > 1
