"""Exports against real servers: what is asked for is in the file, whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.common.clickhouse import connect, insert_rows
from services.common.field_registry import Fields
from services.common.migrate import migrate
from services.common.profile import Member, Part, Profile, Stamped
from services.common.records import RecordStore
from services.common.redis_client import connect as connect_redis
from services.common.settings import load_settings
from services.common.tables import CONTACTS, EVENTS, contact_row
from services.common.user_directory import UserDirectory
from services.export.erased import ErasureMark
from services.export.jobs.exporter import Exporter
from services.export.jobs.folder import JobFolder
from services.export.jobs.job import WAITING, Status
from services.export.jobs.store import ObjectStore
from services.export.jobs.wish import Of, Wish
from services.export.links import Links
from services.export.metrics import ExportMetrics
from services.export.notices import Notices
from tests.integration.conftest import Hit, event_row
from tests.integration.services import Service, start_service
from tests.processes import eventually

NOW_US = 1_700_000_000_000_000


def ended(http: httpx.Client, job_id: str) -> dict[str, Any]:
    path = f"/exports/{job_id}"
    job = eventually(
        lambda: (one := http.get(path).json())["status"] in ("done", "failed") and one, "the export ends", 60
    )
    assert isinstance(job, dict)
    return job


def downloaded(http: httpx.Client, **body: Any) -> tuple[dict[str, Any], httpx.Response]:
    made = http.post("/exports", json=body)
    assert made.status_code == 202, made.text
    job = ended(http, made.json()["id"])
    assert job["status"] == "done", job["error"]
    answer = http.get(job["download"])
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    assert len(answer.content) == job["bytes"]
    return job, answer


def exported(http: httpx.Client, **body: Any) -> tuple[dict[str, Any], list[dict[str, str]]]:
    job, answer = downloaded(http, **body)
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == job["rows"] == job["total"]
    return job, rows


async def insert(clickhouse_url: str, profiles: list[Profile]) -> None:
    client = await connect(clickhouse_url)
    await insert_rows(client, CONTACTS, [contact_row(profile) for profile in profiles])
    await client.close()


def test_an_export_holds_what_the_search_finds(exports: Service, api: httpx.Client) -> None:
    tag = "e" + uuid.uuid4().hex[:8]
    api.post(
        "/api/contacts/new", json={"email": f"{tag}@x.org", "firstname": 'A "q"\nb,c', "tags": [tag, "z"], "points": -3}
    )
    api.post("/api/contacts/new", json={"lastname": "Other", "tags": [tag + "x"]})
    _, rows = exported(exports.http, search=f"tag:+{tag}")
    assert len(rows) == 1
    row = rows[0]
    assert (row["email"], row["tags"], row["points"]) == (f"{tag}@x.org", f"{tag},z", "-3")
    fields = api.get("/api/contacts/list/fields").json()
    assert list(row) == ["id", *(field["alias"] for field in fields), "stage", "tags", "date_added", "date_identified"]
    assert row["firstname"] in ('A "q"\nb,c', 'A "q"b,c')


async def test_a_cell_never_starts_a_formula(exports: Service, clickhouse_url: str) -> None:
    tag = "f" + uuid.uuid4().hex[:8]
    formulas = ["=1+1", "+1", "-5", "@x", "+49 170 1", "\tx", "\rx", "＝1+1", "＋1", "－1", "＠x"]
    formulas += [blank + "=1+1" for blank in "\u200b\ufeff\u2060\u00a0 \t\n"] + ["\u200b \ufeff＝1+1"]
    texts = ["1=1", "Müller-Lüdenscheidt", "\u200bx", " x", "a\n=1+1"]
    await insert(clickhouse_url, [
        Profile(8_100_000 + number, own=Part(NOW_US, fields={"company": Stamped(text, NOW_US),
                "website": Stamped(text, NOW_US)}, tags={tag: Member(True, NOW_US)}), version=1)
        for number, text in enumerate(formulas + texts)
    ])  # fmt: skip
    _, rows = exported(exports.http, search=f"tag:{tag}", columns=["company", "website"])
    assert {row["company"] for row in rows} == {"'" + text for text in formulas} | set(texts)
    assert all(row["website"] == row["company"] for row in rows)


def test_anonymous_visitors_are_exported_too(exports: Service, store_hit: Hit) -> None:
    store_hit(8_000_001, 1_700_000_000.0, ip="203.0.113.77")
    _, rows = exported(exports.http, search="ip:203.0.113.77", columns=["id", "email", "date_added", "last_active"])
    assert rows == [
        {"id": "8000001", "email": "", "date_added": "2023-11-14 22:13:20", "last_active": "2023-11-14 22:13:20"}
    ]


async def test_a_visitor_who_is_identified_meanwhile_is_exported_once(
    clickhouse_url: str, valkey_url: str, tmp_path: Path
) -> None:
    visitors = range(8_200_000, 8_200_040)
    await migrate(clickhouse_url)
    client, redis = await connect(clickhouse_url), connect_redis(valkey_url)
    await insert_rows(client, EVENTS, [event_row(uuid.uuid4().hex, one, NOW_US / 1e6, {}) for one in visitors])
    folder = JobFolder(tmp_path)
    folder.open()
    records, settings = RecordStore(redis), load_settings({})
    notices = Notices(settings, UserDirectory(records), Links(("secret",), ""))
    metrics = ExportMetrics()
    exporter = Exporter(
        folder,
        metrics,
        Fields(records, settings),
        notices,
        ObjectStore(settings),
        clickhouse_url,
        ErasureMark(redis),
        limit=0,
        days=1,
    )
    # What older servers have by default; and time between the two looks at the table, for somebody to be identified in.
    exporter.writer.settings["merge_tree_storage_snapshot_sleep_ms"] = 200
    exporter.open(client)
    job = await exporter.create(Wish(Of.CONTACTS, f"ids:{','.join(map(str, visitors))}", ["id"]))
    waiting = []
    for visitor in visitors:
        waiting.append(metrics.waiting.value)
        profile = Profile(visitor, own=Part(NOW_US, fields={"email": Stamped(f"{visitor}@x.org", NOW_US)}), version=1)
        await insert(clickhouse_url, [profile])
    while (now := folder.one(job.id)) is not None and now.status in WAITING:
        await asyncio.sleep(0.02)
    await exporter.close()
    await client.close()
    await redis.aclose()
    assert now is not None and now.status is Status.DONE, now
    lines = folder.file(now).read_text().split()
    assert sorted(lines[1:]) == [f'"{visitor}"' for visitor in visitors]
    assert (metrics.finished.counts["done"], metrics.rows.total(), metrics.bytes.total()) == (1, 40, now.bytes)
    assert metrics.seconds.sums[""] == pytest.approx(now.finished_at - now.started_at)
    assert (max(waiting), metrics.running.value) == (1, 0)


def test_a_segment_is_exported(exports: Service, api: httpx.Client, store_hit: Hit) -> None:
    page = f"https://{uuid.uuid4().hex}.example/"
    visitor = 4_500_000_000_001
    store_hit(visitor, time.time(), url=page)
    filters = [{"field": "hit_url", "object": "behaviors", "operator": "=", "filter": page}]
    made = api.post("/api/segments/new", json={"name": f"s{uuid.uuid4().hex}", "filters": filters}).json()["list"]
    added = int(api.post("/api/contacts/new", json={"firstname": "Ada"}).json()["contact"]["id"])
    assert api.post(f"/api/segments/{made['id']}/contact/{added}/add").status_code == 200
    _, rows = exported(exports.http, search=f"segment:{made['alias']}", columns=["id"])
    assert sorted(int(row["id"]) for row in rows) == sorted([visitor, added])


def test_an_export_of_nothing_is_a_header(exports: Service) -> None:
    job, rows = exported(exports.http, search="is:unpublished", columns="id,email")
    assert (rows, job["bytes"]) == ([], len("id,email\n"))


@pytest.mark.parametrize(
    "body", [{"columns": ["nonsense"]}, {"columns": 7}, {"search": 7}, {"search": "("}, {"search": "segment:nowhere"}]
)
def test_a_bad_request_is_400(exports: Service, body: dict[str, Any]) -> None:
    answer = exports.http.post("/exports", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == 400


def test_unknown_exports_are_404_and_logins_are_asked_for(exports: Service) -> None:
    for path in ("/exports/x", "/exports/" + "0" * 32, "/exports/..%2f..%2fetc/download"):
        assert exports.http.get(path).status_code == 404
    assert httpx.get(f"{exports.http.base_url}/exports", trust_env=False).status_code == 401


def test_a_removed_export_leaves_no_file(exports: Service, server_folder: Path) -> None:
    job, _ = exported(exports.http, search="is:unpublished")
    assert exports.http.delete(f"/exports/{job['id']}").status_code == 200
    assert exports.http.get(f"/exports/{job['id']}").status_code == 404
    assert not list((server_folder / "data" / "exports").glob(f"{job['id']}*"))


def test_jobs_outlive_a_restart_and_what_was_interrupted_is_begun_again(
    tmp_path: Path, valkey_url: str, clickhouse_url: str
) -> None:
    first = start_service("export", tmp_path, valkey_url, clickhouse_url)
    job, _ = exported(first.http, search="is:unpublished")
    first.http.close()
    first.process.stop()
    folder = tmp_path / "data" / "exports"
    record = json.loads((folder / f"{job['id']}.json").read_text())
    half, often = uuid.uuid4().hex, uuid.uuid4().hex
    for one, attempts in ((half, 1), (often, 3)):
        (folder / f"{one}.json").write_text(
            json.dumps({**record, "id": one, "status": "running", "attempts": attempts})
        )
        (folder / f"{one}.part").write_text("id\n1")
    second = start_service("export", tmp_path, valkey_url, clickhouse_url)
    assert second.http.get(f"/exports/{job['id']}/download").status_code == 200
    assert ended(second.http, half)["status"] == "done"
    given_up = ended(second.http, often)
    assert (given_up["status"], given_up["error"]) == ("failed", "interrupted 3 times")
    assert second.http.get(f"/exports/{often}/download").status_code == 409
    assert not list(folder.glob("*.part"))
    assert second.http.post(f"/exports/{often}/retry").status_code == 202
    assert ended(second.http, often)["status"] == "done"
    assert second.http.post(f"/exports/{often}/retry").status_code == 409
    (folder / f"{often}.csv").unlink()
    assert second.http.get(f"/exports/{often}/download").status_code == 404
    assert second.http.post(f"/exports/{often}/retry").status_code == 202
    assert eventually(lambda: (folder / f"{often}.csv").exists(), "it is made again")
    second.http.close()
    second.process.stop()
