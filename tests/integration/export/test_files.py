"""Files of every format, read by other programs' readers: the same rows, with the types that the format has."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet
import pytest
import python_calamine
from clickhouse_connect.driver.client import Client

from services.export.record_folder import FOLDER_LOCK
from tests.integration.export.test_export import downloaded, ended, exported
from tests.integration.services import Service, start_service
from tests.processes import eventually

COLUMNS = ["id", "email", "firstname", "points", "tags", "owner", "stage", "date_added", "date_identified"]
FIRST = "=1+1 \"quoted\", <tag> & 'a'\u2028ünïcödé"


@pytest.fixture(scope="module")
def people(api: httpx.Client) -> tuple[str, list[dict[str, Any]]]:
    """A tag, and who has it."""
    tag = "f" + uuid.uuid4().hex[:8]
    stage = api.post("/api/stages/new", json={"name": f"Stage {tag}"}).json()["stage"]["id"]
    made = [
        {"email": f"{tag}@x.org", "firstname": FIRST, "points": -3, "tags": [tag, "z"], "stage": stage},
        {"firstname": "Bob", "tags": [tag]},
    ]
    return tag, [api.post("/api/contacts/new", json=one).json()["contact"] for one in made]


def test_ndjson_has_the_types_of_json(exports: Service, people: tuple[str, list[dict[str, Any]]]) -> None:
    tag, (ada, bob) = people
    job, answer = downloaded(exports.http, search=f"tag:{tag}", columns=COLUMNS, format="ndjson")
    rows = {row["id"]: row for row in map(json.loads, answer.text.splitlines())}
    assert job["rows"] == len(rows) == 2 and answer.headers["content-type"] == "application/x-ndjson"
    said = rows[ada["id"]]
    assert list(said) == COLUMNS
    assert (said["email"], said["firstname"], said["points"], said["tags"]) == (f"{tag}@x.org", FIRST, -3, [tag, "z"])
    assert said["stage"] == f"Stage {tag}" and said["date_identified"] is not None
    assert datetime.fromisoformat(said["date_added"]).tzinfo is not None
    assert (rows[bob["id"]]["email"], rows[bob["id"]]["stage"]) == (None, None)


def test_a_sheet_has_numbers_dates_and_texts_that_run_nothing(
    exports: Service, people: tuple[str, list[dict[str, Any]]]
) -> None:
    tag, (ada, bob) = people
    _, answer = downloaded(exports.http, search=f"tag:{tag}", columns=COLUMNS, format="xlsx")
    book = python_calamine.load_workbook(io.BytesIO(answer.content))
    header, *lines = book.get_sheet_by_index(0).to_python()
    assert header == COLUMNS and len(lines) == 2
    rows = {int(line[0]): dict(zip(COLUMNS, line, strict=True)) for line in lines}
    said = rows[ada["id"]]
    assert (said["firstname"], said["points"], said["tags"]) == (FIRST, -3, f"{tag},z")
    assert isinstance(said["date_added"], datetime) and rows[bob["id"]]["email"] == ""
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(answer.content)).read("xl/worksheets/sheet1.xml")


def test_a_sheet_of_nobody_has_its_header(exports: Service) -> None:
    _, answer = downloaded(exports.http, search="is:unpublished", columns="id,email", format="xlsx")
    book = python_calamine.load_workbook(io.BytesIO(answer.content))
    assert [row for row in book.get_sheet_by_index(0).to_python() if any(row)] == [["id", "email"]]


@pytest.mark.parametrize("found", [True, False])
def test_parquet_has_types(exports: Service, people: tuple[str, list[dict[str, Any]]], found: bool) -> None:
    tag, (ada, _) = people
    search = f"tag:{tag}" if found else "is:unpublished"
    job, answer = downloaded(exports.http, search=search, columns=COLUMNS, format="parquet")
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert {name: str(table.schema.field(name).type) for name in ("id", "email", "date_added")} == {
        "id": "int64", "email": "string", "date_added": "timestamp[ms, tz=UTC]",
    }  # fmt: skip
    rows = {row["id"]: row for row in table.to_pylist()}
    assert job["rows"] == len(rows) == (2 if found else 0)
    if found:
        said = rows[ada["id"]]
        assert (said["firstname"], said["points"]) == (FIRST, -3) and said["date_added"].tzinfo is not None
        assert abs((said["date_added"] - datetime.now(UTC)).total_seconds()) < 600


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_files_are_packed(exports: Service, people: tuple[str, list[dict[str, Any]]], packing: str) -> None:
    tag, _ = people
    _, answer = downloaded(exports.http, search=f"tag:{tag}", columns=["id", "email"], packing=packing)
    if packing == "gzip":
        data, name = gzip.decompress(answer.content), ".csv.gz"
    else:
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        [inner] = archive.namelist()
        data, name = archive.read(inner), ".csv.zip"
        assert inner.endswith(".csv")
    assert f'{name}"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert [row["email"] for row in rows].count(f"{tag}@x.org") == 1 and len(rows) == 2


def test_fields_that_people_made_are_columns_and_labels_are_headers(exports: Service, api: httpx.Client) -> None:
    alias = f"f{uuid.uuid4().hex[:8]}"
    said = {"label": 'Size, "inside"', "alias": alias, "type": "number"}
    assert api.post("/api/fields/contact/new", json=said).status_code == 201
    one = eventually(
        lambda: (
            (answer := api.post("/api/contacts/new", json={alias: -7, "firstname": "Ada"})).status_code == 201
            and answer.json()["contact"]["fields"]["all"].get(alias) == -7
            and answer.json()["contact"]["id"]
        ),
        "the field is known",
    )
    asked = {"search": f"ids:{one}", "columns": ["id", alias]}
    begun = eventually(
        lambda: (answer := exports.http.post("/exports", json=asked)).status_code == 202 and answer.json()["id"],
        "the field is known here, too",
    )
    ended(exports.http, begun)
    assert exported(exports.http, **asked)[1] == [{"id": str(one), alias: "-7"}]
    assert exported(exports.http, **asked, header="labels")[1] == [{"ID": str(one), 'Size, "inside"': "-7"}]
    [everything] = exported(exports.http, search=f"ids:{one}", columns="all")[1]
    assert (everything[alias], everything["firstname"]) == ("-7", "Ada") and len(everything) > 30


def test_what_is_small_is_answered_at_once_and_leaves_nothing(
    exports: Service, people: tuple[str, list[dict[str, Any]]], server_folder: Path
) -> None:
    folder = server_folder / "data" / "exports"
    before, files = exports.http.get("/exports").json(), files_in(folder)
    answer = exports.http.post("/exports/download", json={"search": f"tag:{people[0]}", "columns": "email"})
    assert answer.status_code == 200, (answer.status_code, answer.headers, answer.text)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[1:].count(f'"{people[0]}@x.org"') == 1
    assert exports.http.get("/exports").json() == before
    eventually(lambda: files_in(folder) <= files, "it is removed")
    assert exports.http.post("/exports/download", json={"search": "("}).status_code == 400


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()} - {FOLDER_LOCK}


def test_what_is_large_is_not_answered_at_once(
    exports: Service, clickhouse: Client, people: tuple[str, list[dict[str, Any]]]
) -> None:
    clickhouse.command(
        "INSERT INTO events (event_id, contact_id, time, type) SELECT generateUUIDv4(), 7800000001,"
        " toDateTime64('1999-01-01 00:00:00', 3, 'UTC'), 'page.hit' FROM numbers(10001)"
    )
    asked = {"of": "events", "since": "1999-01-01", "until": "1999-01-02"}
    refused = exports.http.post("/exports/download", json=asked)
    assert refused.status_code == 400 and "10,001 rows" in refused.json()["errors"][0]["message"]


def test_a_part_of_a_file_is_downloaded(exports: Service, people: tuple[str, list[dict[str, Any]]]) -> None:
    job, whole = downloaded(exports.http, search=f"tag:{people[0]}")
    part = exports.http.get(job["download"], headers={"Range": "bytes=5-20"})
    assert (part.status_code, part.content) == (206, whole.content[5:21])
    rest = exports.http.get(job["download"], headers={"Range": "bytes=21-", "If-Range": whole.headers["etag"]})
    assert (rest.status_code, rest.content) == (206, whole.content[21:])


def test_too_many_rows_are_refused_and_old_files_removed(
    tmp_path: Path, valkey_url: str, clickhouse_url: str, people: tuple[str, list[dict[str, Any]]]
) -> None:
    tag, _ = people
    service = start_service(
        "export", tmp_path, valkey_url, clickhouse_url, SPOOR_EXPORT_LIMIT="1", SPOOR_EXPORT_DAYS="0.00002"
    )
    refused = service.http.post("/exports", json={"search": f"tag:{tag}"})
    assert refused.status_code == 400 and "2 contacts" in refused.json()["errors"][0]["message"]
    job = service.http.post("/exports", json={"search": f"email:{tag}"}).json()["id"]
    path = f"/exports/{job}"
    gone = eventually(lambda: (one := service.http.get(path).json())["status"] == "expired" and one, "it expires", 20)
    assert isinstance(gone, dict) and gone["rows"] == 1 and gone["download"] is None
    assert service.http.get(f"{path}/download").status_code == 410
    assert not list((tmp_path / "data" / "exports").glob(f"{job}*.csv"))
    assert service.http.post(f"{path}/retry").status_code == 202
    time.sleep(0.1)
    service.http.close()
    service.process.stop()
