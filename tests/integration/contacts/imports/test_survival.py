"""Imports that are stopped, killed, or done beside other writers: nothing twice, and nothing lost."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.common import keys
from services.contacts.imports.one_import import BUSY_STREAM
from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.imports.importing import counts, shown, started, table, uploaded, waited
from tests.integration.contacts.own_place import Place
from tests.processes import eventually

ROWS = 24_000
MANY = 50_000


@pytest.fixture(scope="module")
def place(make_place: PlaceMaker) -> Place:
    return make_place()


def many(key: str, rows: int = ROWS) -> bytes:
    """Every third row names nobody: it would be a contact anew whenever it was done."""
    return table(
        ["email", "firstname", "points", "tags"],
        *([f"{key}{row}@x.org" if row % 3 else "", f"{key}-{row}", row % 7, key] for row in range(rows)),
    )


def begun(place: Place, data: bytes, least: int) -> int:
    """An import that has done so many rows."""
    import_id: int = uploaded(place.api, data)["id"]
    started(place.api, import_id)
    eventually(lambda: shown(place.api, import_id)["rows"] >= least, "the first rows", 60)
    return import_id


def under_way(place: Place, rows: int = ROWS) -> tuple[str, int]:
    """The tag of an import's contacts, and the import."""
    key = uuid.uuid4().hex[:8]
    return key, begun(place, many(key, rows), 5_000)


def importers(place: Place) -> list[int]:
    """The processes that import for this service."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"services.contacts.imports" in words and _is_below(int(path.name), place.service.process.pid):
            found.append(int(path.name))
    return found


def kill_importers(place: Place) -> None:
    for pid in importers(place):
        with contextlib.suppress(ProcessLookupError):  # it may have ended just now
            os.kill(pid, signal.SIGKILL)


@contextmanager
def standing_back(place: Place) -> Iterator[None]:
    """So many hits wait that an import begins a chunk every 5 s alone: it still runs when a test acts."""
    for _ in range(BUSY_STREAM + 1):
        place.redis.xadd(keys.hits(0), {"h": b""})
    try:
        yield
    finally:
        place.redis.delete(keys.hits(0))


def _is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if pid == ancestor:
            return True
    return False


def people(place: Place, key: str) -> tuple[int, int, int]:
    """Contacts with this tag, by how they are called, and their points."""
    sql = f"SELECT count(), uniqExact(firstname), sum(points) FROM contacts FINAL WHERE has(tags, '{key}')"
    [(count, names, points)] = place.rows(sql)
    return count, names, points


def histories(place: Place, import_id: int) -> int:
    [(count,)] = place.rows(
        "SELECT uniqExact(event_id) FROM events WHERE type = 'lead.imported'"
        f" AND JSONExtractUInt(query, 'importId') = {import_id}"
    )
    return int(count)


def check_whole(place: Place, key: str, import_id: int, rows: int = ROWS) -> None:
    assert people(place, key) == (rows, rows, sum(row % 7 for row in range(rows)))
    assert histories(place, import_id) == rows
    assert place.api.get("/api/contacts", params={"search": f"tag:{key}", "limit": 1}).json()["total"] == str(rows)


def test_a_killed_import_goes_on_where_it_was(place: Place) -> None:
    key, import_id = under_way(place)
    for _ in range(3):
        kill_importers(place)
        at = shown(place.api, import_id)["rows"]
        eventually(lambda at=at: shown(place.api, import_id)["rows"] > at or at == ROWS, "more rows", 60)
    done = waited(place.api, import_id)
    assert (done["status"], counts(done)) == ("imported", (ROWS, 0, 0)), done
    check_whole(place, key, import_id)


def test_a_service_that_is_killed_takes_its_import_along_and_the_next_one_goes_on(place: Place) -> None:
    key, import_id = under_way(place)
    pids = importers(place)
    place.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "the end of the import", 10)
    place.forget_leases()
    place.service = place.start()
    done = waited(place.api, import_id)
    assert counts(done) == (ROWS, 0, 0), done
    check_whole(place, key, import_id)


def test_a_pause_stops_it_and_it_is_resumed(place: Place) -> None:
    with standing_back(place):
        key, import_id = under_way(place, MANY)
        assert place.api.post(f"/api/imports/{import_id}/pause").json()["import"]["status"] == "paused"
        eventually(lambda: not importers(place), "the end of its process", 60)
    paused = shown(place.api, import_id)
    assert 0 < paused["rows"] < MANY
    assert people(place, key)[0] == paused["inserted"] == paused["rows"]
    assert place.api.patch(f"/api/imports/{import_id}/edit", json={}).status_code == 409
    assert place.api.post(f"/api/imports/{import_id}/pause").status_code == 409
    assert place.api.post(f"/api/imports/{import_id}/resume").json()["import"]["status"] == "queued"
    assert counts(waited(place.api, import_id)) == (MANY, 0, 0)
    check_whole(place, key, import_id, MANY)


def test_what_is_cancelled_stays_as_far_as_it_was(place: Place) -> None:
    with standing_back(place):
        key, import_id = under_way(place, MANY)
        assert place.api.post(f"/api/imports/{import_id}/cancel").json()["import"]["status"] == "cancelled"
        eventually(lambda: not importers(place), "the end of its process", 60)
    cancelled = shown(place.api, import_id)
    assert people(place, key)[0] == cancelled["inserted"] < MANY
    assert place.api.post(f"/api/imports/{import_id}/resume").status_code == 409
    assert place.rows(f"SELECT count() FROM import_files WHERE position(hex(data), hex('{key}')) > 0") == [(0,)]


def test_imports_come_one_behind_the_other(place: Place) -> None:
    key = uuid.uuid4().hex[:8]
    first = uploaded(place.api, many(f"{key}a"))["id"]
    second = uploaded(place.api, many(f"{key}b", 100))["id"]
    started(place.api, first)
    started(place.api, second)
    eventually(lambda: shown(place.api, second)["status"] != "queued", "the second is begun", 90)
    assert shown(place.api, first)["status"] == "imported"
    assert counts(waited(place.api, first)) == (ROWS, 0, 0)
    assert counts(waited(place.api, second)) == (100, 0, 0)


def test_an_edit_beside_it_is_not_lost(place: Place) -> None:
    key = uuid.uuid4().hex[:8]
    first = begun(place, many(key), ROWS)
    waited(place.api, first)
    ids = [row[0] for row in place.rows(f"SELECT id FROM contacts FINAL WHERE has(tags, '{key}') AND email != ''")]
    rows = [[f"{key}{row}@x.org", f"City {row}"] for row in range(ROWS) if row % 3]
    import_id = uploaded(place.api, table(["email", "city"], *rows))["id"]
    started(place.api, import_id)
    edited = 0
    for contact in ids[:: len(ids) // 60]:
        assert place.api.patch(f"/api/contacts/{contact}/edit", json={"phone": str(contact)}).status_code == 200
        edited += 1
    done = waited(place.api, import_id)
    assert counts(done) == (0, len(rows), 0), done
    [(phones, cities)] = place.rows(
        "SELECT countIf(phone = toString(id)), countIf(city LIKE 'City %')"
        f" FROM contacts FINAL WHERE has(tags, '{key}')"
    )
    assert (phones, cities) == (edited, len(rows))


def test_failed_rows_of_a_killed_import_are_told_once(place: Place) -> None:
    key = uuid.uuid4().hex[:8]
    rows = [[f"{key}{row}@x.org" if row % 10 else f"wrong {row}", key] for row in range(ROWS)]
    import_id = begun(place, table(["email", "tags"], *rows), 5_000)
    kill_importers(place)
    done = waited(place.api, import_id)
    assert counts(done) == (ROWS - ROWS // 10, 0, ROWS // 10)
    answer = place.api.get(f"/api/imports/{import_id}/failed")
    told = [row[0] for row in csv.reader(io.StringIO(answer.text))][1:]
    assert told == [f"wrong {row}" for row in range(0, ROWS, 10)]


def test_an_outage_of_redis_is_waited_for(place: Place) -> None:
    key, import_id = under_way(place)
    for _ in range(4):
        time.sleep(0.3)
        place.redis.client_kill_filter(_type="normal", skipme=True)
    done = waited(place.api, import_id)
    assert counts(done) == (ROWS, 0, 0), done
    check_whole(place, key, import_id)


def test_what_nobody_goes_on_with_is_removed(place: Place) -> None:
    key = uuid.uuid4().hex[:8]
    draft = uploaded(place.api, table(["email"], [f"{key}@x.org"]))["id"]
    over = uploaded(place.api, table(["email"], ["nobody"]))["id"]
    started(place.api, over)
    assert waited(place.api, over)["failed"] == 1
    place.restart(SPOOR_IMPORT_DAYS="0.00001")
    place.forget_leases()
    eventually(lambda: shown(place.api, draft)["status"] == "cancelled", "its end", 20)
    assert "Nobody went on with it" in shown(place.api, draft)["message"]
    sql = f"SELECT count() FROM import_files WHERE position(unhex(hex(data)), '{key}') > 0"
    eventually(lambda: place.rows(sql) == [(0,)], "the removal of its file", 10)
    eventually(
        lambda: place.rows(f"SELECT count() FROM import_failures WHERE import_id = {over}") == [(0,)], "the rest", 10
    )
    assert shown(place.api, over)["status"] == "imported"
