"""One hit is followed through the logs by its event id, and the logs say nothing else of whose it is."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client

from tests.integration.services import Service, start_service
from tests.integration.site import ENVIRON, Site
from tests.processes import eventually

DEBUG = {"SPOOR_LOG_LEVEL": "debug"}


def lines_about(service: Service, event_id: str) -> list[dict[str, Any]]:
    text = service.process.log.read_text()
    return [msgspec.json.decode(line) for line in text.splitlines() if event_id in line and line.startswith("{")]


def test_a_hit_is_found_at_the_door_at_the_resolver_and_in_the_table(
    site: Site, clickhouse: Client, server_folder: Path, valkey_url: str, clickhouse_url: str
) -> None:
    event_id, address = str(uuid.uuid4()), f"{uuid.uuid4().hex[:8]}@example.org"
    said = {"page_url": "https://shop.example/secret-page", "email": address}
    door = start_service("ingest", server_folder, valkey_url, clickhouse_url, **{**ENVIRON, **DEBUG})
    with door.process, door.http, site.resolver_with(**DEBUG):
        key = {"event_id": event_id, "event_time": str(time.time_ns() // 1_000_000)}
        assert door.http.get("/mtc/event", params={**said, **key}).status_code == 200
        query = "SELECT contact_id FROM events WHERE event_id = %(id)s"
        eventually(lambda: clickhouse.query(query, {"id": event_id}).result_rows, "it is stored")
        eventually(lambda: lines_about(site.identity, event_id), "the resolver has said so")
        [(contact_id,)] = clickhouse.query(query, {"id": event_id}).result_rows
        [kept], [stored] = lines_about(door, event_id), lines_about(site.identity, event_id)
        logs = door.process.log.read_text() + site.identity.process.log.read_text()
    assert (kept["event"], kept["is_spilled"]) == ("hits_kept", False)
    assert (stored["event"], stored["table"], stored["contact_ids"]) == ("hits_stored", "events", [contact_id])
    assert address not in logs and "secret-page" not in logs
    assert "127.0.0.1" not in str([kept, stored])
