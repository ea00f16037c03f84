"""Exports against real servers: what is asked for is in the file, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Hit, Service, start_service
from tests.processes import eventually


@pytest.fixture(scope="module")
def exports(server_folder: Path, valkey_url: str, clickhouse_url: str) -> Iterator[Service]:
    service = start_service("export", server_folder, valkey_url, clickhouse_url)
    yield service
    service.http.close()
    service.process.stop()


def exported(http: httpx.Client, **body: Any) -> tuple[dict[str, Any], list[dict[str, str]]]:
    made = http.post("/exports", json=body)
    assert made.status_code == 202, made.text
    path = f"/exports/{made.json()['id']}"
    job = eventually(lambda: (one := http.get(path).json())["status"] in ("done", "failed") and one, "the export ends")
    assert isinstance(job, dict)
    assert job["status"] == "done", job
    answer = http.get(f"{path}/download")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    assert len(answer.content) == job["bytes"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == job["rows"]
    return job, rows


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
    assert row["firstname"] in ('A "q"\nb,c', 'A "q"b,c')


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "=HYPERLINK(0)"])
def test_a_cell_never_starts_a_formula(exports: Service, api: httpx.Client, text: str) -> None:
    tag = "f" + uuid.uuid4().hex[:8]
    api.post("/api/contacts/new", json={"company": text, "website": text, "tags": [tag]})
    _, rows = exported(exports.http, search=f"tag:{tag}", columns=["company", "website"])
    assert rows == [{"company": "'" + text, "website": "'" + text}]


def test_anonymous_visitors_are_exported_too(exports: Service, store_hit: Hit) -> None:
    store_hit(8_000_001, 1_700_000_000.0, ip="203.0.113.77")
    _, rows = exported(exports.http, search="ip:203.0.113.77", columns=["id", "email", "date_added", "last_active"])
    assert rows == [
        {"id": "8000001", "email": "", "date_added": "2023-11-14 22:13:20", "last_active": "2023-11-14 22:13:20"}
    ]


def test_an_export_of_nothing_is_a_header(exports: Service) -> None:
    job, rows = exported(exports.http, search="is:unpublished", columns="id,email")
    assert (rows, job["bytes"]) == ([], len("id,email\n"))


@pytest.mark.parametrize(
    "body", [{"columns": ["nonsense"]}, {"columns": 7}, {"search": 7}, {"search": "("}, {"search": "segment:x"}]
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


def test_jobs_outlive_a_restart_and_what_was_running_is_failed(
    tmp_path: Path, valkey_url: str, clickhouse_url: str
) -> None:
    first = start_service("export", tmp_path, valkey_url, clickhouse_url)
    job, _ = exported(first.http, search="is:unpublished")
    first.http.close()
    first.process.stop()
    folder = tmp_path / "data" / "exports"
    record = json.loads((folder / f"{job['id']}.json").read_text())
    half = uuid.uuid4().hex
    (folder / f"{half}.json").write_text(json.dumps({**record, "id": half, "status": "running"}))
    (folder / f"{half}.csv.part").write_text("id\n1")
    second = start_service("export", tmp_path, valkey_url, clickhouse_url)
    assert second.http.get(f"/exports/{job['id']}/download").status_code == 200
    failed = second.http.get(f"/exports/{half}").json()
    assert (failed["status"], failed["error"]) == ("failed", "interrupted")
    assert second.http.get(f"/exports/{half}/download").status_code == 409
    assert not (folder / f"{half}.csv.part").exists()
    second.http.close()
    second.process.stop()
