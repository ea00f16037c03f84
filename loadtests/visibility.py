"""From an answer to its event in a contact's activity: sampled hits, looked up as the activity is until they show."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import Any

from loadtests.stack import Stack

POLL_SECONDS = 0.05
GIVE_UP_SECONDS = 60.0


class Watcher:
    """Follows the generator's samples in threads of its own. What it measures is at most a poll too long."""

    def __init__(self, stack: Stack, traffic: subprocess.Popen[str]) -> None:
        self.seconds: list[float] = []
        self.unseen = 0
        self._traffic = traffic
        self._clickhouse = stack.clickhouse()
        self._outstanding: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._poll)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Waits for the last sample to be seen or given up. The generator must have ended."""
        for thread in self._threads:
            thread.join()
        self._clickhouse.close()

    def _read(self) -> None:
        assert self._traffic.stdout is not None
        for line in self._traffic.stdout:
            event_id, contact_id, answered_us = line.split()
            with self._lock:
                self._outstanding[event_id] = (int(contact_id), int(answered_us) / 1e6)
        self._is_over.set()

    def _poll(self) -> None:
        while True:
            with self._lock:
                wanted = dict(self._outstanding)
            if not wanted and self._is_over.is_set():
                return
            if wanted:
                self._look(wanted)
            time.sleep(POLL_SECONDS)

    def _look(self, wanted: dict[str, tuple[int, float]]) -> None:
        found = self._visible({contact_id for contact_id, _ in wanted.values()})
        now = time.time()
        with self._lock:
            for event_id, (_, answered) in wanted.items():
                if event_id in found:
                    self.seconds.append(now - answered)
                elif now - answered > GIVE_UP_SECONDS:
                    self.unseen += 1
                else:
                    continue
                del self._outstanding[event_id]

    def _visible(self, contact_ids: set[int]) -> set[str]:
        query = "SELECT toString(event_id) FROM events WHERE contact_id IN ({ids})"
        try:
            rows: Any = self._clickhouse.query(query.format(ids=",".join(map(str, contact_ids)))).result_rows
        except Exception as error:  # a server that is being restarted; asked again in a moment
            print(f"activity cannot be read: {type(error).__name__}", flush=True)
            return set()
        return {str(row[0]) for row in rows}
