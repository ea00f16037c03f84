"""`python -m services.contacts.imports PARENT`: imports what is queued, and ends. The contacts service starts it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys

import uvloop

from services.common.service import configure_logs, die_with_parent, quiet_garbage_collector
from services.common.settings import Settings, load_settings
from services.contacts.imports.runner import ImportRunner
from services.contacts.stores import Stores

GARBAGE = 500_000  # objects of some chunks, which their counts free: looking at each chunk cost 5 µs a row
NICE = 10  # behind whoever answers requests


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    os.nice(NICE)
    settings = load_settings()
    configure_logs(settings.log_level)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    stores, stops = Stores(settings), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stops.set)
    try:
        opening = asyncio.create_task(stores.open())
        stopped = asyncio.create_task(stops.wait())
        await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not stops.is_set():
            await opening
            quiet_garbage_collector()
            gc.set_threshold(GARBAGE, 20, 100)
            await ImportRunner(stores, settings, stops).run()
        opening.cancel()
        stopped.cancel()
    finally:
        await stores.close()


if __name__ == "__main__":
    main()
