"""Exports that ClickHouse puts into an S3-compatible store: whole or absent, and nobody is shown the secret."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pyarrow.parquet
import pytest
from clickhouse_connect.driver.client import Client

from tests.integration.export.object_store import KEY, SECRET, ObjectStore
from tests.integration.export.test_export import ended, exported
from tests.integration.export.test_schedules import HOUR, last, make_due
from tests.integration.export.test_survival import CuttingProxy
from tests.integration.services import Service, serving, start_service
from tests.processes import eventually, free_port

COLUMNS = ["id", "email", "company", "points", "tags", "date_identified"]


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with ObjectStore(free_port()) as store:
        yield store


def settings_of(store: ObjectStore, **other: str) -> dict[str, str]:
    return {
        "SPOOR_EXPORT_S3_URL": f"{store.url}/exports/",
        "SPOOR_EXPORT_S3_KEY": KEY,
        "SPOOR_EXPORT_S3_SECRET": SECRET,
        **other,
    }


@pytest.fixture(scope="module")
def storing(
    tmp_path_factory: pytest.TempPathFactory, valkey_url: str, clickhouse_url: str, store: ObjectStore
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("storing")
    yield from serving("export", folder, valkey_url, clickhouse_url, **settings_of(store))


@pytest.fixture(scope="module")
def tag(api: httpx.Client) -> str:
    tag = "s" + uuid.uuid4().hex[:8]
    for said in (
        {"email": f"{tag}@x.org", "company": '=1+1 "q"', "tags": [tag, "z"], "points": -3},
        {"company": "Müller, Söhne", "tags": [tag]},
    ):
        assert api.post("/api/contacts/new", json=said).status_code == 201
    return tag


def stored(http: httpx.Client, store: ObjectStore, **body: Any) -> tuple[dict[str, Any], bytes]:
    made = http.post("/exports", json={"to": "s3", **body})
    assert made.status_code == 202, made.text
    job = ended(http, made.json()["id"])
    assert job["status"] == "done", job["error"]
    return job, store.objects[httpx.URL(job["object"]).path]


def test_csv_in_the_store_has_the_same_rows_as_here(
    storing: Service, store: ObjectStore, api: httpx.Client, tag: str
) -> None:
    odd = {"label": '=A `\\ "label" {x:String}', "alias": f"{tag}_odd", "type": "text"}
    assert api.post("/api/fields/contact/new", json=odd).status_code == 201
    for header in ("aliases", "labels"):
        said = {"search": f"tag:{tag}", "columns": [*COLUMNS, f"{tag}_odd"], "header": header}
        job, data = stored(storing.http, store, **said)
        _, rows = exported(storing.http, **said)
        there = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        assert sorted(there, key=str) == sorted(rows, key=str) and len(rows) == job["rows"] == job["total"] == 2
    assert any('\'=1+1 "q"' in row.values() for row in there), "a formula is led by an apostrophe there, too"


def test_what_is_known_of_one_in_the_store(storing: Service, store: ObjectStore, tag: str) -> None:
    job, data = stored(storing.http, store, search=f"tag:{tag}", columns="id", packing="gzip")
    assert gzip.decompress(data).startswith(b'"id"\n')
    made = datetime.fromtimestamp(job["created_at"], UTC)
    name = f"{made:%Y-%m-%d-%H%M%S}-contacts-{job['id'][:8]}.csv.gz"
    assert job["object"] == f"{store.url}/exports/{name}" and job["expires_at"] == 0
    assert job["download"] is None
    answer = storing.http.get(f"/exports/{job['id']}/download")
    assert answer.status_code == 404 and job["object"] in answer.json()["errors"][0]["message"]
    assert storing.http.post(f"/exports/{job['id']}/retry").status_code == 409
    assert storing.http.delete(f"/exports/{job['id']}").status_code == 200
    assert httpx.URL(job["object"]).path in store.objects, "the bucket keeps its own"


def test_ndjson_in_the_store_has_the_same_rows_as_here(storing: Service, store: ObjectStore, tag: str) -> None:
    said = {"search": f"tag:{tag}", "columns": COLUMNS, "format": "ndjson"}
    _, data = stored(storing.http, store, **said)
    here = storing.http.post("/exports/download", json=said).text
    there = [json.loads(line) for line in data.decode().splitlines()]
    assert sorted(there, key=str) == sorted(map(json.loads, here.splitlines()), key=str) and len(there) == 2


def test_parquet_in_the_store_has_the_same_rows_and_types_as_here(
    storing: Service, store: ObjectStore, tag: str
) -> None:
    said = {"search": f"tag:{tag}", "columns": [*COLUMNS, "attribution"], "format": "parquet"}
    _, data = stored(storing.http, store, **said)
    here = storing.http.post("/exports/download", json=said).content
    tables = [pyarrow.parquet.read_table(io.BytesIO(one)).sort_by("id") for one in (data, here)]
    assert tables[0].to_pylist() == tables[1].to_pylist() and tables[0].num_rows == 2
    assert [field.type for field in tables[0].schema] == [field.type for field in tables[1].schema]


@pytest.mark.parametrize(("format", "start"), [("csv", b'"id","email"\n'), ("ndjson", b""), ("parquet", b"PAR1")])
def test_nobody_is_a_file_without_rows(storing: Service, store: ObjectStore, format: str, start: bytes) -> None:
    for search in ("ids:1", "is:anonymous email:x@x.org"):
        job, data = stored(storing.http, store, search=search, columns=["id", "email"], format=format)
        assert data.startswith(start) and (job["rows"], job["total"]) == (0, 0)


def test_events_and_companies_go_there_too(storing: Service, store: ObjectStore, api: httpx.Client) -> None:
    api.post("/api/companies/new", json={"companyname": "Stored"})
    _, data = stored(storing.http, store, of="companies", columns=["companyname"])
    assert b'"Stored"\n' in data
    _, data = stored(storing.http, store, of="events", columns=["event_id", "time"], until="1970-01-02")
    assert data == b'"event_id","time"\n'


def test_a_schedule_puts_its_files_there(storing: Service, store: ObjectStore, tag: str) -> None:
    export = {"to": "s3", "search": f"tag:{tag}", "columns": "email", "format": "ndjson", "packing": "gzip"}
    schedule = storing.http.post(
        "/schedules", json={"name": "x", "every": "daily", "hour": HOUR, "export": export}
    ).json()
    folder = Path(re.search(r'"data_dir":"([^"]+)"', storing.process.log.read_text())[1]) / "exports"  # type: ignore[index]
    outcome = last(storing.http, schedule, make_due(folder, schedule))
    job = ended(storing.http, outcome["export_id"])
    rows = gzip.decompress(store.objects[httpx.URL(job["object"]).path]).decode().splitlines()
    assert len(rows) == job["rows"] == 2 and job["object"].endswith(".ndjson.gz")


def test_what_clickhouse_does_not_write_there_is_refused(storing: Service) -> None:
    refused = storing.http.post("/exports", json={"to": "s3", "format": "xlsx"})
    assert refused.status_code == 400 and "format" in refused.json()["errors"][0]["details"]


def test_nothing_is_put_there_at_once_or_without_a_store(storing: Service, exports: Service) -> None:
    refused = [
        storing.http.post("/exports/download", json={"to": "s3"}),
        exports.http.post("/exports", json={"to": "s3"}),
    ]
    assert [one.status_code for one in refused] == [400, 400]
    assert "SPOOR_EXPORT_S3_URL" in refused[1].json()["errors"][0]["message"]


def test_one_that_is_removed_while_it_is_sent_leaves_no_object(
    storing: Service, store: ObjectStore, clickhouse: Client
) -> None:
    """It is larger than a part, of which the store takes none before it is removed."""
    with being_sent(storing.http, store, clickhouse) as (job, path):
        storing.http.delete(f"/exports/{job}")
        eventually(lambda: not running(clickhouse, job, is_cancelled=0), "ClickHouse is told to stop")
    eventually(lambda: not running(clickhouse, job), "ClickHouse stops")
    assert path not in store.objects and not store.uploads


def test_a_killed_worker_leaves_it_to_the_next_one(
    tmp_path: Path, valkey_url: str, clickhouse_url: str, store: ObjectStore, clickhouse: Client
) -> None:
    first = start_service("export", tmp_path, valkey_url, clickhouse_url, **settings_of(store))
    with being_sent(first.http, store, clickhouse) as (job, path):
        first.process.stop(signal.SIGKILL)
        assert path not in store.objects
    second = start_service("export", tmp_path, valkey_url, clickhouse_url, **settings_of(store))
    told = ended(second.http, job)
    rows = csv.reader(io.StringIO(store.objects[path].decode(), newline=""))
    assert (told["status"], told["attempts"]) == ("done", 2)
    # Rows are counted when an export begins; events of other tests may come in until it reads.
    assert 0 <= sum(1 for _ in rows) - 1 - told["rows"] < 100
    for service in (first, second):
        service.http.close()
    second.process.stop()


@contextmanager
def being_sent(http: httpx.Client, store: ObjectStore, clickhouse: Client) -> Iterator[tuple[str, str]]:
    """An export and the path of its object, of which the store takes no part before the end of the block."""
    fill(clickhouse)
    goes_on, is_asked = threading.Event(), threading.Event()

    def wait() -> None:
        is_asked.set()
        goes_on.wait(90)

    store.before_part = wait
    try:
        job = http.post("/exports", json={"to": "s3", "of": "events", "columns": "all"}).json()["id"]
        assert is_asked.wait(60), "a part is sent"
        path = httpx.URL(http.get(f"/exports/{job}").json()["object"]).path
        assert path not in store.objects
        yield job, path
    finally:
        store.before_part = lambda: None
        goes_on.set()


def fill(clickhouse: Client) -> None:
    """Events that are five parts of 16 MB."""
    clickhouse.command(
        "INSERT INTO events (event_id, contact_id, device_id, time, received_at, type, title, url)"
        " SELECT generateUUIDv4(), 8300000 + number % 7, 'd', now64(3), now64(3), 'page.hit',"
        " randomPrintableASCII(400), randomPrintableASCII(400) FROM numbers(100000)"
    )


def running(clickhouse: Client, job: str, **more: int) -> list[Any]:
    """The statement that writes it, as everybody who may see all statements sees it."""
    conditions = "".join(f" AND {name} = {value}" for name, value in more.items())
    sql = f"SELECT query FROM system.processes WHERE Settings['log_comment'] = 'export {job}'{conditions}"
    return list(clickhouse.query(sql).result_rows)


def test_the_secret_is_shown_nowhere(storing: Service, store: ObjectStore, clickhouse: Client) -> None:
    fill(clickhouse)
    shown: list[str] = []
    asking = threading.Lock()

    def look() -> None:
        with asking:
            shown.extend(str(row) for row in clickhouse.query("SELECT query FROM system.processes").result_rows)

    store.before_part = look
    try:
        stored(storing.http, store, of="events", columns="all")
    finally:
        store.before_part = lambda: None
    statements = [one for one in shown if "INSERT INTO FUNCTION s3" in one]
    assert statements and not any(SECRET in one for one in statements)
    log = storing.process.log.read_text()
    assert SECRET not in log and KEY not in log and '"export_s3_secret":"***"' in log


def test_the_secret_is_in_no_address_of_a_request(
    tmp_path: Path, valkey_url: str, clickhouse_url: str, store: ObjectStore
) -> None:
    """Servers and proxies log these."""
    proxy = CuttingProxy(clickhouse_url)
    service = start_service("export", tmp_path, valkey_url, proxy.url, **settings_of(store))
    stored(service.http, store, search="ids:1", columns="id")
    service.http.close()
    service.process.stop()
    proxy.close()
    addresses = re.findall(rb"^POST (\S+) HTTP", bytes(proxy.asked), re.MULTILINE)
    assert SECRET.encode() in proxy.asked and addresses and not any(SECRET.encode() in one for one in addresses)


def test_a_store_that_refuses_fails_the_export_and_says_why(
    tmp_path: Path, valkey_url: str, clickhouse_url: str, store: ObjectStore
) -> None:
    for wrong, why in (
        ({"SPOOR_EXPORT_S3_SECRET": "another-secret"}, "SignatureDoesNotMatch"),
        ({"SPOOR_EXPORT_S3_URL": store.url.replace("/bucket", "/nowhere")}, "nowhere"),
        ({"SPOOR_EXPORT_S3_KEY": "", "SPOOR_EXPORT_S3_SECRET": ""}, "SignatureDoesNotMatch"),  # ClickHouse has none
    ):
        service = start_service("export", tmp_path, valkey_url, clickhouse_url, **settings_of(store, **wrong))
        job = service.http.post("/exports", json={"to": "s3", "columns": "id"}).json()["id"]
        told = ended(service.http, job)
        assert told["status"] == "failed" and told["error"].startswith("the store refuses") and why in told["error"], (
            told
        )
        assert "another-secret" not in told["error"] and SECRET not in told["error"]
        service.http.close()
        service.process.stop()
