"""Imports as tests make them over HTTP."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from typing import Any

import httpx

OVER = ("imported", "failed", "cancelled", "paused")
SECONDS = 90


def table(*rows: Sequence[object], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def uploaded(http: httpx.Client, data: bytes, name: str = "people.csv") -> dict[str, Any]:
    answer = http.post("/api/imports/new", params={"name": name}, content=data, headers={"content-type": "text/csv"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["import"]
    assert answer.headers["location"] == f"/api/imports/{made['id']}"
    return made


def edited(http: httpx.Client, import_id: int, **said: Any) -> dict[str, Any]:
    answer = http.patch(f"/api/imports/{import_id}/edit", json=said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["import"])


def started(http: httpx.Client, import_id: int) -> None:
    answer = http.post(f"/api/imports/{import_id}/start")
    assert answer.status_code == 200, answer.text
    assert answer.json()["import"]["status"] == "queued"


def shown(http: httpx.Client, import_id: int) -> dict[str, Any]:
    return dict(http.get(f"/api/imports/{import_id}").json()["import"])


def waited(http: httpx.Client, import_id: int, seconds: float = SECONDS) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while (found := shown(http, import_id))["status"] not in OVER:
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return found


def imported(http: httpx.Client, data: bytes, name: str = "people.csv", **said: Any) -> dict[str, Any]:
    """A file from the upload to its end."""
    made = uploaded(http, data, name)
    if said:
        edited(http, made["id"], **said)
    started(http, made["id"])
    found = waited(http, made["id"])
    assert found["status"] == "imported", found
    return found


def counts(found: dict[str, Any]) -> tuple[int, int, int]:
    return found["inserted"], found["updated"], found["failed"]


def of_email(http: httpx.Client, email: str) -> dict[str, Any]:
    found = http.get("/api/contacts", params={"search": f"email:+{email}"}).json()["contacts"]
    [contact] = found.values() if isinstance(found, dict) else found
    return dict(contact)


def fields(contact: dict[str, Any]) -> dict[str, Any]:
    return {alias: value for alias, value in contact["fields"]["all"].items() if value not in (None, "")}
