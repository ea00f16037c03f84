"""ClickHouse or Redis away: writes are refused before anything is stored, and all is well when they are back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration.conftest import PASSWORD, start_clickhouse, start_valkey
from tests.integration.contacts.imports.importing import counts, shown, started, table, uploaded, waited
from tests.integration.contacts.ui.somebody import log_in
from tests.integration.services import Service, start_service
from tests.processes import Process, eventually, free_port


class Stack:
    def __init__(self, folder: Path) -> None:
        (folder / "password").write_text(PASSWORD)
        self.folder, self.redis_port, self.clickhouse_port = folder, free_port(), free_port()
        self.valkey = start_valkey(folder, self.redis_port)
        self.clickhouse: Process = start_clickhouse(folder, self.clickhouse_port)
        self.service: Service = start_service(
            "contacts",
            folder,
            f"redis://:{PASSWORD}@127.0.0.1:{self.redis_port}/0",
            f"http://spoor:{PASSWORD}@127.0.0.1:{self.clickhouse_port}/spoor",
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("outage"))
    yield stack
    stack.service.http.close()
    for process in (stack.service.process, stack.clickhouse, stack.valkey):
        process.stop()


def names(client: redis.Redis) -> set[bytes]:
    """Of all keys but leases of duties, which come and go."""
    return {name for name in client.scan_iter() if not name.startswith(b"duty:")}


def test_a_write_is_refused_before_redis_is_touched_while_clickhouse_is_away(stack: Stack) -> None:
    http = stack.service.http
    assert http.post("/api/contacts/new", json={"email": "before@example.com"}).status_code == 201
    stack.clickhouse.stop(signal.SIGKILL)
    eventually(lambda: http.get("/readyz").status_code == 503, "not ready")
    with redis.Redis(port=stack.redis_port, password=PASSWORD) as client:
        kept = names(client)
        answer = http.post("/api/contacts/new", json={"email": "during@example.com"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        company = http.post("/api/companies/new", json={"companyname": "During"})
        assert (company.status_code, company.headers["retry-after"]) == (503, "1")
        assert answer.json()["errors"][0]["code"] == 503
        assert names(client) == kept
    assert http.get("/api/contacts").status_code == http.get("/api/companies").status_code == 503
    assert http.get("/livez").status_code == 200
    stack.clickhouse = start_clickhouse(stack.folder, stack.clickhouse_port)
    eventually(lambda: http.get("/readyz").status_code == 200, "ready again")
    assert http.post("/api/contacts/new", json={"email": "during@example.com"}).status_code == 201
    assert http.get("/api/contacts", params={"search": "email:before@"}).json()["total"] == "1"


def test_redis_away_is_503_and_heals(stack: Stack) -> None:
    http = stack.service.http
    session = {"Cookie": "spoor_session=" + log_in(http).cookies["spoor_session"]}
    http.cookies.clear()
    stack.valkey.stop(signal.SIGKILL)
    looked, left = http.get("/ui/me", headers=session), http.post("/ui/logout", headers=session)
    for page in (looked, left):
        assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "A database does not answer at the moment; try again." in page.text
    assert 'href="/ui/me">Try again' in looked.text and "/ui/logout" not in left.text
    assert http.post("/api/contacts/new", json={"email": "x@example.com"}).status_code == 503
    assert http.get("/api/contacts/1").status_code == 503
    stack.valkey = start_valkey(stack.folder, stack.redis_port)
    eventually(lambda: http.get("/readyz").status_code == 200, "ready again")
    assert http.post("/api/contacts/new", json={"email": "y@example.com"}).status_code == 201


def test_an_import_waits_for_either_and_says_nothing_twice(stack: Stack) -> None:
    http, rows = stack.service.http, 30_000
    said = [[f"o{row}@x.org" if row % 3 else "", f"name {row}", row % 7, "outage"] for row in range(rows)]
    import_id = uploaded(http, table(["email", "firstname", "points", "tags"], *said))["id"]
    started(http, import_id)
    eventually(lambda: shown(http, import_id)["rows"] > 0, "the first rows", 60)
    stack.clickhouse.stop(signal.SIGKILL)
    time.sleep(1.0)
    stack.clickhouse = start_clickhouse(stack.folder, stack.clickhouse_port)
    eventually(lambda: http.get("/readyz").status_code == 200, "ready again")
    stack.valkey.stop()
    time.sleep(1.0)
    stack.valkey = start_valkey(stack.folder, stack.redis_port)
    eventually(lambda: http.get("/readyz").status_code == 200, "ready again")
    assert counts(waited(http, import_id)) == (rows, 0, 0)
    assert http.get("/api/contacts", params={"search": "tag:outage", "limit": 1}).json()["total"] == str(rows)
    last = http.get("/api/contacts", params={"search": f"email:+o{rows - 1}@x.org"}).json()["contacts"]
    assert [one["points"] for one in last.values()] == [(rows - 1) % 7]
