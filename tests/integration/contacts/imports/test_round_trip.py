"""Contacts that are exported, imported where there is nothing, and exported again, are the same rows."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.contacts.conftest import PlaceMaker
from tests.integration.contacts.imports.importing import counts, imported
from tests.integration.contacts.own_place import Place
from tests.integration.services import Service, start_service

COLUMNS = (
    "id,email,firstname,lastname,company,phone,mobile,address1,city,country,website,points,tags,owner,stage,ips,dnc,"
    "date_added,date_modified,date_identified,last_active,size,born"
)
FIELDS: tuple[dict[str, Any], ...] = (
    {"alias": "size", "type": "select", "properties": {"list": [{"label": "S", "value": "s"}]}},
    {"alias": "born", "type": "date"},
)
PEOPLE = 700


class Install:
    def __init__(self, place: Place, folder: Path) -> None:
        self.api = place.api
        self.exports: Service = start_service("export", folder, place.redis_url, place.clickhouse_url,
                                              SPOOR_DATA_DIR=str(folder / f"data-{id(self)}"))  # fmt: skip
        for field in FIELDS:
            assert self.api.post("/api/fields/contact/new", json={"label": field["alias"], **field}).status_code == 201
        time.sleep(2.5)  # then every process has heard of them

    def close(self) -> None:
        self.exports.http.close()
        self.exports.process.stop()

    def exported(self, form: str) -> bytes:
        http = self.exports.http
        job = http.post("/exports", json={"format": form, "columns": COLUMNS.split(","), "search": "!is:anonymous"})
        assert job.status_code == 202, job.text
        until = time.monotonic() + 60
        while (found := http.get(f"/exports/{job.json()['id']}").json())["status"] != "done":
            assert time.monotonic() < until, found
            time.sleep(0.1)
        answer: httpx.Response = http.get(f"/exports/{job.json()['id']}/download")
        assert answer.status_code == 200, answer.text[:200]
        return answer.content


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_export_wipe_import_and_export_again(make_place: PlaceMaker, server_folder: Path, form: str) -> None:
    first = Install(make_place(), server_folder)
    second = Install(make_place(), server_folder)
    try:
        fill(first.api)
        before = first.exported(form)
        done = imported(second.api, before, f"all.{form}")
        assert counts(done) == (PEOPLE, 0, 0), done.get("failures")
        assert all(column["field"] for column in done["columns"])
        assert rows(second.exported("csv")) == rows(first.exported("csv") if form == "xlsx" else before)
    finally:
        first.close()
        second.close()


def rows(data: bytes) -> list[list[str]]:
    header, *found = csv.reader(io.StringIO(data.decode()))
    assert len(found) == PEOPLE
    assert header[0] == "id"
    return [header[1:], *sorted(row[1:] for row in found)]  # the other place gives ids of its own


def fill(api: httpx.Client) -> None:
    stage = api.post("/api/stages/new", json={"name": "Lead, hot"}).json()["stage"]["id"]
    items = [
        {
            "email": f"p{number}@x.org", "firstname": ["Zoë", "=1+1", "O'Neil", '"Q"', "@x", "a\nb"][number % 6],
            "lastname": f"Łast {number}", "company": f"Acme; {number % 9}", "phone": f"+49 30 {number}",
            "mobile": f"-{number}", "address1": f"1, Main\t{number}", "city": "Rome", "country": "Italy",
            "website": "https://x.org/?a=1,2", "points": number % 50 - 10, "tags": [f"t{number % 3}", "ä b"],
            "ipAddress": f"192.0.2.{number % 200 + 1}", "size": "s", "born": "1990-01-31", "stage": stage,
            "owner": 1 if number % 2 else 0, "lastActive": "2021-02-03 04:05:06",
            "doNotContact": [{"channel": "email", "reason": 1}, {"channel": "sms"}] if number % 5 == 0 else [],
        }
        for number in range(PEOPLE)
    ]  # fmt: skip
    for start in range(0, PEOPLE, 100):
        answer = api.post("/api/contacts/batch/new", json=items[start : start + 100])
        assert answer.status_code == 201
        assert set(answer.json()["statusCodes"]) == {201} or set(answer.json()["statusCodes"].values()) == {201}
