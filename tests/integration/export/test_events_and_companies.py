"""Events of contacts and of times, companies, and all that is kept of one person: each once, and what one may see."""

from __future__ import annotations

import csv
import io
import json
import time
import uuid
import zipfile
from typing import Any

import httpx
import pytest

from tests.integration.conftest import Hit
from tests.integration.export.test_export import downloaded, exported
from tests.integration.export.test_export_rights import ada
from tests.integration.services import Service

_ = ada


def new(api: httpx.Client, **said: Any) -> int:
    answer = api.post("/api/contacts/new", json=said)
    assert answer.status_code in (200, 201), answer.text
    return int(answer.json()["contact"]["id"])


def test_events_of_a_search_are_under_who_survives_and_each_once(
    exports: Service, api: httpx.Client, store_hit: Hit
) -> None:
    email, mark = f"{uuid.uuid4().hex}@x.org", uuid.uuid4().hex
    loser, other = new(api, email=email), new(api)
    now = time.time()
    store_hit(loser, now - 60, url=f"https://x.example/{mark}", title="=A page")
    store_hit(other, now - 60, url=f"https://x.example/{mark}")
    winner = new(api, firstname="Ada")
    assert api.patch(f"/api/contacts/{winner}/edit", json={"email": email}).status_code == 200
    asked = {"of": "events", "search": f"ids:{winner}"}
    _, rows = exported(exports.http, **asked, columns=["contact_id", "type", "url", "title"])
    told = {"contact_id": str(winner), "type": "page.hit", "url": f"https://x.example/{mark}", "title": "'=A page"}
    assert [row for row in rows if row["type"] == "page.hit"] == [told]
    _, answer = downloaded(exports.http, **asked, format="ndjson")
    [event] = [one for line in answer.text.splitlines() if (one := json.loads(line))["type"] == "page.hit"]
    assert (event["contact_id"], event["title"], event["utm_source"]) == (winner, "=A page", None)


def test_events_of_a_time_are_from_its_begin_until_before_its_end(exports: Service, store_hit: Hit) -> None:
    noon, visitor = 946_728_000, 7_700_000_001  # 2000-01-01 12:00:00
    for seconds in (-1, 0, 59, 60):
        store_hit(visitor, noon + seconds, url=f"https://x.example/{seconds}")
    asked = {"of": "events", "columns": "url,time", "since": "2000-01-01 12:00:00", "until": "2000-01-01T12:01:00Z"}
    _, rows = exported(exports.http, **asked)
    assert sorted(row["url"][18:] for row in rows) == ["0", "59"]
    assert exported(exports.http, **asked, search="is:unpublished")[1] == []
    assert exports.http.post("/exports", json={**asked, "since": "yesternight"}).status_code == 400
    assert exports.http.post("/exports", json={"since": "2000-01-01"}).status_code == 400


def test_who_sees_their_own_exports_the_events_of_their_own(
    exports: Service, api: httpx.Client, ada: httpx.Client, store_hit: Hit
) -> None:
    with httpx.Client(base_url=api.base_url, auth=ada.auth, timeout=30, trust_env=False) as by_ada:
        mine = new(by_ada)
    theirs = new(api)
    for contact in (mine, theirs):
        store_hit(contact, time.time(), url="https://x.example/")
    segment = api.post("/api/segments/new", json={"name": uuid.uuid4().hex, "isGlobal": False}).json()["list"]["id"]
    store_hit(mine, time.time(), type="segment_membership", query=json.dumps({"segmentId": segment}))
    _, rows = exported(ada, of="events", columns=["contact_id", "type"])
    assert {row["contact_id"] for row in rows} == {str(mine)}
    assert "page.hit" in {row["type"] for row in rows} and "segment_membership" not in {row["type"] for row in rows}
    _, rows = exported(exports.http, of="events", search=f"ids:{mine}", columns=["type"])
    assert "segment_membership" in {row["type"] for row in rows}


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_companies_are_exported(exports: Service, api: httpx.Client, ada: httpx.Client, form: str) -> None:
    name = f"Acme {uuid.uuid4().hex[:8]}"
    said = {"companyname": name, "companycity": "Rome", "companynumber_of_employees": 7}
    company = int(api.post("/api/companies/new", json=said).json()["company"]["id"])
    asked = {"of": "companies", "search": f'"{name}"', "format": form}
    _, answer = downloaded(exports.http, **asked)
    if form == "ndjson":
        [row] = map(json.loads, answer.text.splitlines())
        assert (row["id"], row["companynumber_of_employees"], row["companywebsite"]) == (company, 7, None)
        assert row["date_added"] is not None
    else:
        [row] = exported(exports.http, **asked)[1]
        assert (row["id"], row["companynumber_of_employees"]) == (str(company), "7")
    assert (row["companyname"], row["companycity"]) == (name, "Rome")
    assert exported(ada, **{**asked, "format": "csv"})[1] == []
    assert exports.http.post("/exports", json={**asked, "columns": "email"}).status_code == 400


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_all_that_is_kept_of_a_person_is_in_one_zip(
    exports: Service, api: httpx.Client, ada: httpx.Client, store_hit: Hit, form: str
) -> None:
    email, page = f"{uuid.uuid4().hex}@x.org", f"https://x.example/{uuid.uuid4().hex}"
    loser, winner = new(api, email=email, city="Rome"), new(api, firstname="Ada")
    store_hit(loser, time.time(), url=page)
    assert api.post("/api/notes/new", json={"lead": loser, "text": "Asked for an offer."}).status_code == 201
    assert api.patch(f"/api/contacts/{winner}/edit", json={"email": email}).status_code == 200
    read = (lambda text: [json.loads(line) for line in text.splitlines()]) if form == "ndjson" else (
        lambda text: list(csv.DictReader(io.StringIO(text)))
    )  # fmt: skip
    for asked in (loser, winner):  # the events in between are not counted: segments of other tests take the contact in
        job, answer = downloaded(exports.http, of="person", id=asked, format=form)
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        assert archive.namelist() == [f"{name}.{form}" for name in ("contacts", "events", "notes", "mails")]
        [contact], events, [note], mails = (read(archive.read(name).decode()) for name in archive.namelist())
        assert (int(contact["id"]), contact["email"], contact["city"]) == (winner, email, "Rome")
        assert page in [event["url"] for event in events] and {int(event["contact_id"]) for event in events} == {winner}
        assert (note["text"], mails) == ("Asked for an offer.", [])
        assert 3 <= job["total"] <= job["rows"] == 2 + len(events)
    for said in ({"id": 999_999_999}, {"id": winner}):
        assert ada.post("/exports", json={"of": "person", **said}).status_code == 404
