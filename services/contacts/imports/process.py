"""The process that imports: started when something is queued, beside the one that answers requests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

import structlog

from services.common.background import Duty
from services.contacts.imports.runner import waiting_imports
from services.contacts.stores import Stores

log = structlog.get_logger()

EVERY_SECONDS = 0.5
STOP_SECONDS = 8.0  # for the chunk in hand; what is cut off is done again


class ImportProcess:
    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def duty(self) -> Duty:
        return Duty("imports", EVERY_SECONDS, self.work)

    async def work(self) -> None:
        if not await waiting_imports(self._stores):
            return
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.contacts.imports", str(os.getpid())
        )
        try:
            if status := await process.wait():
                log.warning("import_process_ended", status=status)
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
        if process.returncode is None:
            process.kill()
            await process.wait()
