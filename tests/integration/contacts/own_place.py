"""A contacts service with a Redis and a ClickHouse database of its own: what duties do is not done by another one."""

from __future__ import annotations

import signal
import time
import uuid
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx

from services.common.tables import EventRow, columns, encode_rows
from tests.integration.conftest import event_row
from tests.integration.services import Service, redis_client, start_service
from tests.processes import Process, eventually, free_port


class Place:
    def __init__(self, folder: Path, redis_url: str, clickhouse_url: str, **environ: str) -> None:
        self._folder, self.redis_url, self._environ = folder, redis_url, environ
        self.clickhouse_url = clickhouse_url.removesuffix("spoor") + f"place_{uuid.uuid4().hex}"
        self.redis = redis_client(redis_url)
        self.redis.flushdb()
        self.service = self.start()
        url = httpx.URL(self.clickhouse_url)
        self.clickhouse = clickhouse_connect.get_client(
            host=url.host, port=url.port or 0, username=url.username, password=url.password, database=url.path[1:]
        )

    @property
    def api(self) -> httpx.Client:
        return self.service.http

    def start(self, **environ: str) -> Service:
        """One more process on these servers."""
        return start_service("contacts", self._folder, self.redis_url, self.clickhouse_url, **self._environ | environ)

    def kill(self) -> None:
        self.service.process.stop(signal.SIGKILL)
        self.service.http.close()

    def stop(self) -> None:
        """In order, unless it was killed."""
        self.service.http.close()
        if self.service.process.is_running:
            self.service.process.stop()

    def restart(self, **environ: str) -> None:
        self.stop()
        self.service = self.start(**environ)

    def start_until_it_dies(self, **environ: str) -> None:
        """One more process, which a fault point ends."""
        log = self._folder / f"dying-{uuid.uuid4().hex}.log"
        said = {
            "SPOOR_REDIS_URL": self.redis_url, "SPOOR_CLICKHOUSE_URL": self.clickhouse_url,
            "SPOOR_CONTACTS_PORT": str(free_port()), "SPOOR_ADMIN_PASSWORD": "x", "SPOOR_SECRET": "integration-tests",
        }  # fmt: skip
        process = Process("services.contacts", log, {**said, **self._environ, **environ})
        eventually(lambda: "Unexpected exit" in process.said(), "its end", 90)
        process.stop()

    def forget_leases(self) -> None:
        """Of a process that was killed: its successor need not wait."""
        for key in self.redis.scan_iter("duty:*"):
            self.redis.delete(key)

    def close(self) -> None:
        self.clickhouse.close()
        self.stop()
        self.redis.close()

    def store(self, contact_id: int, *, at: float | None = None, times: int = 1, **said: str) -> str:
        """Stores an event of a contact as identity would; returns its id."""
        event_id = uuid.uuid4().hex
        row = event_row(event_id, contact_id, at or time.time(), said)
        for _ in range(times):
            self.clickhouse.raw_insert(
                "events", columns(EventRow), encode_rows([row]), fmt="JSONCompactEachRow",
                settings={"insert_deduplication_token": uuid.uuid4().hex},
            )  # fmt: skip
        return event_id

    def contact(self, **body: Any) -> int:
        answer = self.api.post("/api/contacts/new", json=body)
        assert answer.status_code in (200, 201), answer.text
        return int(answer.json()["contact"]["id"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self.clickhouse.query(sql).result_rows)
